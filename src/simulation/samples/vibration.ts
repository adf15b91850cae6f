import type { Random } from '../random';
import type { DemonstrationSample } from './sample';

export const VIBRATION_LABELS = ['healthy', 'inner-race', 'outer-race', 'ball', 'imbalance'] as const;
export const VIBRATION_SAMPLE_RATE_HZ = 8192;
const SAMPLE_COUNT = 2048;
export const VIBRATION_DIMS: readonly number[] = [1, 1, SAMPLE_COUNT];

/** Events per shaft turn of a common deep-groove ball bearing (9 balls, contact angle 0). */
const INNER_RACE_PASSES = 5.415;
const OUTER_RACE_PASSES = 3.585;
const BALL_STRIKES = 4.714;
const CAGE_TURNS = 0.398;

/** A structure that rings when it is struck: what an accelerometer on the housing hears of a bearing fault. */
interface Resonance {
  readonly frequencyHz: number;
  readonly decayPerSecond: number;
}

/** A quarter of a second of housing acceleration at an unknown speed and load. Every class is equally likely. */
export function generateVibration(random: Random): DemonstrationSample {
  const index = random.integer(0, VIBRATION_LABELS.length - 1);
  const label = VIBRATION_LABELS[index] ?? 'healthy';
  const data = new Float32Array(SAMPLE_COUNT);
  const shaftHz = random.uniform(24, 38);
  const resonance = { frequencyHz: random.uniform(1300, 3200), decayPerSecond: random.uniform(500, 1100) };
  addShaftHarmonics(data, shaftHz, label === 'imbalance' ? random.uniform(0.8, 2.2) : random.uniform(0.1, 0.7), random);
  addGearMesh(data, shaftHz, random);
  if (label === 'inner-race' || label === 'outer-race' || label === 'ball') {
    addFault(data, label, shaftHz, resonance, random.uniform(0.7, 2.6), random);
  }
  addKnocks(data, resonance, random);
  addNoise(data, random);
  return { family: 'vibration', data, dims: VIBRATION_DIMS, truth: { kind: 'class', label, index } };
}

function addTone(data: Float32Array, frequencyHz: number, amplitude: number, phase: number): void {
  const step = (2 * Math.PI * frequencyHz) / VIBRATION_SAMPLE_RATE_HZ;
  for (let index = 0; index < data.length; index += 1) {
    data[index] = (data[index] ?? 0) + amplitude * Math.sin(phase + index * step);
  }
}

/** Unbalance shakes once per turn; misalignment and looseness, which every machine has a little of, twice and more. */
function addShaftHarmonics(data: Float32Array, shaftHz: number, once: number, random: Random): void {
  addTone(data, shaftHz, once, random.uniform(0, 2 * Math.PI));
  addTone(data, 2 * shaftHz, random.uniform(0.05, 0.45), random.uniform(0, 2 * Math.PI));
  addTone(data, 3 * shaftHz, random.uniform(0, 0.25), random.uniform(0, 2 * Math.PI));
}

/** A gear elsewhere in the machine: a tone that has nothing to do with the bearing. */
function addGearMesh(data: Float32Array, shaftHz: number, random: Random): void {
  const teeth = random.integer(17, 31);
  addTone(data, teeth * shaftHz, random.uniform(0, 0.4), random.uniform(0, 2 * Math.PI));
}

/** One blow to the structure: a decaying oscillation that starts between two samples. */
function strike(data: Float32Array, timeS: number, amplitude: number, resonance: Resonance): void {
  const { decayPerSecond, frequencyHz } = resonance;
  const first = Math.max(0, Math.ceil(timeS * VIBRATION_SAMPLE_RATE_HZ));
  const count = Math.ceil((5 / decayPerSecond) * VIBRATION_SAMPLE_RATE_HZ);
  const last = Math.min(data.length, first + count);
  for (let index = first; index < last; index += 1) {
    const elapsedS = index / VIBRATION_SAMPLE_RATE_HZ - timeS;
    const ring = Math.exp(-decayPerSecond * elapsedS) * Math.sin(2 * Math.PI * frequencyHz * elapsedS);
    data[index] = (data[index] ?? 0) + amplitude * ring;
  }
}

/**
 * A spall is struck at the rate of its race. What tells the races apart besides the rate is the loudness of the blows: the
 * outer race stands still under the load, the inner race turns through it once per turn, the ball once per cage turn.
 */
function addFault(
  data: Float32Array,
  fault: 'inner-race' | 'outer-race' | 'ball',
  shaftHz: number,
  resonance: Resonance,
  severity: number,
  random: Random,
): void {
  const passes = { 'inner-race': INNER_RACE_PASSES, 'outer-race': OUTER_RACE_PASSES, ball: BALL_STRIKES }[fault];
  const modulationHz = { 'inner-race': shaftHz, 'outer-race': 0, ball: CAGE_TURNS * shaftHz }[fault];
  const depth = fault === 'outer-race' ? 0 : random.uniform(0.3, 0.9);
  const phase = random.uniform(0, 2 * Math.PI);
  const periodS = 1 / (passes * shaftHz * random.uniform(0.985, 1.015));
  const durationS = data.length / VIBRATION_SAMPLE_RATE_HZ;
  for (let timeS = -periodS * random.uniform(); timeS < durationS; timeS += periodS * random.normal(1, 0.012)) {
    const load = 1 + depth * Math.sin(phase + 2 * Math.PI * modulationHz * timeS);
    strike(data, timeS, severity * load * random.uniform(0.8, 1.2), resonance);
  }
}

/** Single blows from the process (parts dropped, valves closing): impulses without a rhythm, also on healthy machines. */
function addKnocks(data: Float32Array, resonance: Resonance, random: Random): void {
  const durationS = data.length / VIBRATION_SAMPLE_RATE_HZ;
  const meanGapS = random.uniform(0.03, 0.3);
  for (let timeS = random.exponential(meanGapS); timeS < durationS; timeS += random.exponential(meanGapS)) {
    strike(data, timeS, random.uniform(0.3, 2), resonance);
  }
}

/** Flow and friction noise, coloured, because a housing passes low frequencies better. */
function addNoise(data: Float32Array, random: Random): void {
  const level = random.uniform(0.25, 0.6);
  const memory = random.uniform(0, 0.5);
  const drive = level * Math.sqrt(1 - memory * memory);
  let noise = 0;
  for (let index = 0; index < data.length; index += 1) {
    noise = memory * noise + drive * random.grain();
    data[index] = (data[index] ?? 0) + noise;
  }
}
