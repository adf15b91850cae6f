import { dayMs, hourMs, type KnownCarbonPoint } from '../../../../src/carbon/provider';

/** A Monday. */
export const monday = Date.parse('2026-01-05T00:00:00Z');

export const pointsFrom = (values: readonly number[], startMs = monday, stepMs = hourMs): KnownCarbonPoint[] =>
  values.map((intensityGPerKwh, index) => ({
    validFromMs: startMs + index * stepMs,
    validToMs: startMs + (index + 1) * stepMs,
    intensityGPerKwh,
    quality: 'measured',
  }));

/** A day with a swing, g/kWh. */
export const shape = (hour: number): number => 300 + 100 * Math.sin((2 * Math.PI * hour) / 24);

/** Numbers in [0, 1) that repeat with the seed (mulberry32). */
export function seededUniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** A daily swing with noise that holds on for hours, as wind does. */
export function windyGrid(days: number, seed: number): number[] {
  const uniform = seededUniform(seed);
  let wind = 0;
  return Array.from({ length: (days * dayMs) / hourMs }, (_, hour) => {
    wind = 0.95 * wind + 20 * (uniform() + uniform() + uniform() - 1.5);
    return Math.max(0, shape(hour) + wind);
  });
}
