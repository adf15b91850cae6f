import { highestIntensityGPerKwh } from '../plausibility';
import { localPollIntervalMs, startGridClock } from '../grid-clock';
import type { GridConfigOf } from '../grid-config';
import { dayMs, hourMs, type CarbonPoint, type CarbonProvider } from '../provider';

const stepMs = hourMs / 4;
const attribution = 'simulated daily curve, no real grid';
const daysKnown = 7;

/**
 * A daily curve made of a swing (lowest at 06:00, highest at 18:00 UTC) and a bell-shaped dip where the sun shines (noon,
 * two hours wide), with seeded noise. Quality `simulated`; its forecast is the curve without the noise.
 */
export function createSimulatedProvider(
  config: GridConfigOf<'simulated'>,
  { now }: { readonly now: () => number },
): CarbonProvider {
  const midnightMs = Math.floor(now() / dayMs) * dayMs;
  const clock = startGridClock(config, midnightMs + config.startOffsetH * hourMs, now);

  function point(index: number, quality: 'simulated' | 'forecast'): CarbonPoint {
    const validFromMs = index * stepMs;
    const noise = quality === 'simulated' ? config.noiseGPerKwh * normal(config.seed, index) : 0;
    const value = curveAt(config, validFromMs + stepMs / 2) + noise;
    return {
      validFromMs,
      validToMs: validFromMs + stepMs,
      intensityGPerKwh: Math.min(highestIntensityGPerKwh, Math.max(0, value)),
      quality,
    };
  }

  return {
    name: 'simulated',
    zone: config.zone,
    signal: 'average',
    basis: 'unknown',
    stepS: stepMs / 1000,
    pollIntervalMs: localPollIntervalMs(stepMs / 1000, clock.speed),
    remote: false,
    attribution,
    notes: [],
    speed: clock.speed,
    gridTimeMs: clock.gridTimeMs,
    read: async () => {
      const index = Math.floor(clock.gridTimeMs() / stepMs);
      const past = (daysKnown * dayMs) / stepMs;
      const ahead = dayMs / stepMs;
      return {
        zone: config.zone,
        signal: 'average',
        basis: 'unknown',
        points: Array.from({ length: past + 1 }, (_, step) => point(index - past + step, 'simulated')),
        forecast: Array.from({ length: ahead }, (_, step) => point(index + 1 + step, 'forecast')),
        attribution,
      };
    },
  };
}

/** The curve without noise, g/kWh, at a time of day (UTC). */
export function curveAt(
  shape: { readonly meanGPerKwh: number; readonly swingGPerKwh: number; readonly solarDipGPerKwh: number },
  timeMs: number,
): number {
  const hour = (((timeMs % dayMs) + dayMs) % dayMs) / hourMs;
  const swing = -(shape.swingGPerKwh / 2) * Math.sin((2 * Math.PI * hour) / 24);
  const sun = shape.solarDipGPerKwh * Math.exp(-0.5 * ((hour - 12) / 2) ** 2);
  return Math.min(highestIntensityGPerKwh, Math.max(0, shape.meanGPerKwh + swing - sun));
}

/** A normal number that belongs to this interval: the same seed gives the same grid, in whatever order it is asked. */
function normal(seed: number, index: number): number {
  const first = Math.max(uniform(seed, index * 2), Number.MIN_VALUE);
  return Math.sqrt(-2 * Math.log(first)) * Math.cos(2 * Math.PI * uniform(seed, index * 2 + 1));
}

/** In [0, 1): the finalizer of MurmurHash3 over seed and index. */
function uniform(seed: number, index: number): number {
  let hash = (Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul(index | 0, 0x85ebca6b)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}
