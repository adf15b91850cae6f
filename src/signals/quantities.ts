import { z } from 'zod';

/**
 * Where a number of watts, joules or grams comes from. `measured`: a sensor; `modelled`: computed from measured activity;
 * `simulated`: no real activity stands behind it. A sum is only as good as its weakest part.
 */
export const sourceSchema = z.enum(['measured', 'modelled', 'simulated']);
export type Source = z.infer<typeof sourceSchema>;

const trust: readonly Source[] = ['simulated', 'modelled', 'measured'];

/** The source tag of a sum of parts: the least trustworthy of them; null when no part is known. */
export function weakestSource(sources: Iterable<Source | null>): Source | null {
  let weakest: Source | null = null;
  for (const source of sources) {
    if (source !== null && (weakest === null || trust.indexOf(source) < trust.indexOf(weakest))) weakest = source;
  }
  return weakest;
}

/** What a power figure covers: the computing module, the socket in the wall, or the processor package. */
export const powerScopeSchema = z.enum(['module', 'wall', 'package']);
export type PowerScope = z.infer<typeof powerScopeSchema>;

export const powerReadingSchema = z.object({
  /** Mean watts since the last reading, or null when unknown. */
  powerW: z.number().nonnegative().nullable(),
  source: sourceSchema,
  scope: powerScopeSchema,
});
export type PowerReading = z.infer<typeof powerReadingSchema>;

/** A predicted value with the interval it is expected to lie in. */
export const intervalSchema = z.object({ expected: z.number(), lower: z.number(), upper: z.number() });
export type Interval = z.infer<typeof intervalSchema>;

/** A point in time in UTC, ISO 8601. */
export const timeSchema = z.iso.datetime({ offset: true });

export const joulesPerKwh = 3_600_000;

/** Grams of CO2 equivalent of an energy at a grid intensity; null when either is unknown. */
export function gramsOf(energyJ: number | null, intensityGPerKwh: number | null): number | null {
  return energyJ === null || intensityGPerKwh === null ? null : (energyJ / joulesPerKwh) * intensityGPerKwh;
}
