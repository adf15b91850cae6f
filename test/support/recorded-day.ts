import { CarbonLedger } from '../../src/carbon/accounting/ledger';
import { curveAt } from '../../src/carbon/providers/simulated';
import { Loop, type LoopBoxes } from '../../src/loop/loop';
import type { RecordingHeader } from '../../src/loop/recording/header';
import { startRecording } from '../../src/loop/recording/start-recording';
import { StepClock } from '../../src/loop/recording/step-clock';
import { MappingPlanner } from '../../src/mapping/planner';
import { ProfileTable } from '../../src/mapping/profiles/table';
import { answerWithoutProcess, PlannerProcess } from '../../src/mapping/planner/planner-process';
import type { WantedEstimator } from '../../src/mapping/planner/protocol';
import type { RoundSolver } from '../../src/mapping/rounds/answer';
import { AnalyticOnly } from '../../src/mapping/rounds/estimators';
import { solveRound } from '../../src/mapping/rounds/solve';
import { createDevice, type Device } from '../../src/power/device';
import { PowerCap } from '../../src/power/power-cap';
import { VariantSelector } from '../../src/selection/selector';
import type { CarbonReading } from '../../src/signals/carbon';
import type { Plan } from '../../src/signals/plan';
import type { Telemetry } from '../../src/signals/telemetry';
import type { Tenant } from '../../src/signals/tenant';
import { Random } from '../../src/simulation/random';
import { FakeHost, ManualClock, reading, twoCoreMachine, withoutGroups } from '../unit/power/fakes';
import { fourVariants, profile, telemetry, tenant, tenantWindow } from './planning-fixtures';

export interface DayToRecord {
  readonly path: string;
  readonly policy: RecordingHeader['cap']['policy'];
  readonly hours?: number;
  readonly seed?: number;
  /** To plan with; absent: the queueing model. */
  readonly estimator?: WantedEstimator;
  /** For this round, from 1, nobody can ask the process that plans. */
  readonly fallbackAt?: number;
  /** The source fails at this hour. */
  readonly sourceFailsAtH?: number;
  /** Rounds are worked out by the process that plans; absent: here. */
  readonly inProcess?: boolean;
}

const stepS = 900;
const beganMs = Date.UTC(2026, 10, 2);
const timeOf = (seconds: number): string => new Date(beganMs + seconds * 1000).toISOString();

/** Two networks that an executor could run, on a device of two cores whose power is modelled. */
function scene(device: Device): { tenants: Tenant[]; profiles: ProfileTable } {
  const tenants = [
    tenant('inspect', fourVariants, { priority: 1, arrivalRatePerS: 12 }),
    tenant('gauge', fourVariants, { priority: 2, arrivalRatePerS: 8, latencyLimitMs: 120 }),
  ];
  const profiles = new ProfileTable();
  const deviceFingerprint = device.fingerprint;
  const [componentClass = ''] = device.components.map((component) => component.componentClass);
  for (const { name } of tenants)
    for (const [variant, , runMs] of fourVariants)
      profiles.set(name, variant, profile(runMs, { componentClass, deviceFingerprint }));
  return { tenants, profiles };
}

/** Requests, latencies and energy of a window, near what the plan in force expects; now and then something goes wrong. */
function windowOf(plan: Plan | null, seconds: number, random: Random): Telemetry {
  const surge = seconds > 12 * 3600 && seconds < 14 * 3600 ? 2.5 : 1;
  const windows = (plan?.tenants ?? []).map(({ tenant: name, variant, latencyMs, latencyLimitMs }) => {
    const offered = Math.round(random.integer(30, 60) * surge);
    const p95 = (latencyMs?.upper ?? 50) * random.uniform(0.7, 1.3) * surge;
    const late = p95 > latencyLimitMs ? Math.floor(offered / 5) : 0;
    const latency = { mean: p95 / 2, p50: p95 / 2, p95, p99: p95 * 1.1, maximum: p95 * 1.2 };
    return tenantWindow(name, { variant, latencyLimitMs, offered, served: offered, late, latencyMs: latency });
  });
  const energyJ = random.uniform(20, 60);
  return {
    ...telemetry(windows, 4),
    windowFrom: timeOf(seconds - 4),
    windowTo: timeOf(seconds),
    energy: { totalJ: energyJ, idleJ: energyJ / 2, source: 'modelled', method: 'test' },
    planId: plan?.planId ?? null,
  };
}

/** A grid that is clean at noon and dirty in the evening, with its forecast. */
function gridOf(sourceFailsAtH: number | undefined, now: () => number): LoopBoxes['source'] {
  const shape = { meanGPerKwh: 300, swingGPerKwh: 120, solarDipGPerKwh: 150 };
  const read = async (): Promise<CarbonReading> => {
    const nowMs = now();
    if (nowMs - beganMs === (sourceFailsAtH ?? -1) * 3_600_000) throw new Error('the grid is silent');
    const stamp = (timeMs: number): string => new Date(timeMs).toISOString();
    return reading(curveAt(shape, nowMs), {
      zone: 'test',
      quality: 'simulated',
      validFrom: stamp(nowMs),
      validTo: stamp(nowMs + stepS * 1000),
      fetchedAt: stamp(nowMs),
      trailingBounds: { lowGPerKwh: 180, highGPerKwh: 350 },
      forecast: Array.from({ length: 24 }, (_, hour) => {
        const fromMs = nowMs + stepS * 1000 + hour * 3_600_000;
        const toMs = fromMs + 3_600_000;
        return {
          validFrom: stamp(fromMs),
          validTo: stamp(toMs),
          intensityGPerKwh: curveAt(shape, fromMs),
          horizonH: hour + 1,
        };
      }),
      forecastBy: 'provider',
    });
  };
  return { read };
}

/** Runs the loop over a day on a clock of its own and records it. */
export async function recordDay({ path, policy, hours = 24, seed = 1, ...how }: DayToRecord): Promise<void> {
  let seconds = 0;
  const instant = () => ({ monotonicMs: seconds * 1000, policyMs: seconds * 1000, epochMs: beganMs + seconds * 1000 });
  const clock = new StepClock(instant);
  const meterClock = new ManualClock();
  const device = createDevice(twoCoreMachine(), { clock: meterClock, ...withoutGroups });
  const host = new FakeHost('cpu0');
  await device.register(host);
  const { tenants, profiles } = scene(device);
  const cap = { policy, leastDwellS: 60 };
  const settings = { upAfterS: 1800, dwellS: 1800 };
  const problems: string[] = [];
  const recording = await startRecording(path, {
    ...{ device, tenants, profiles, cap, selector: settings, seed, clock },
    estimator: how.estimator ?? { kind: 'analytic' },
    onProblem: (problem) => problems.push(problem),
  });
  const { recorder, planning } = recording;
  const onProblem = ({ message }: Error): void => void problems.push(message);
  const process = new PlannerProcess({ ...planning, estimator: { kind: 'analytic' }, onProblem });
  const estimators = new AnalyticOnly();
  let rounds = 0;
  const here: RoundSolver = {
    solve: (question) => {
      rounds += 1;
      if (rounds !== how.fallbackAt) return solveRound(question, estimators, planning.effort);
      planning.onFallback(question.planId, 'the process that plans is away');
      return answerWithoutProcess(question, 'the process that plans is away');
    },
  };
  const solver = how.inProcess === true ? process : here;
  const random = new Random(seed);
  let inForce: Plan | null = null;
  const boxes: LoopBoxes = {
    source: gridOf(how.sourceFailsAtH, clock.epochMs),
    powerCap: new PowerCap({ device: recorder.device(device), ...cap, clock: { monotonicMs: clock.policyMs } }),
    planner: new MappingPlanner({ device, tenants, profiles, solver, clock: clock.epochMs }),
    selector: new VariantSelector({ tenants, clock: clock.monotonicMs, settings }),
    executor: {
      onCarbon: () => undefined,
      takeTelemetry: () => windowOf(inForce, seconds, random),
      applyPlan: async (plan) => {
        inForce = plan;
        return { applied: true, swaps: 0, why: [] };
      },
    },
    ledger: new CarbonLedger({ now: clock.epochMs }),
  };
  const onStep = (step: 'control' | 'window'): void => {
    clock.advance();
    recorder.onStep(step);
  };
  const loop = new Loop(recorder.boxes(boxes), { onStep });
  for (; seconds < hours * 3600; seconds += stepS) {
    await loop.control();
    await loop.window();
    meterClock.passS(stepS);
    host.cpuS += stepS * random.uniform(0.1, 0.6);
  }
  await process.close();
  await recording.close();
  await device.close();
  if (problems.length > 0) throw new Error(problems.join('; '));
}
