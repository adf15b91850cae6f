/** What making the device cost, as far as its owner knows. */
export interface Embodied {
  /** Emissions of making, moving and disposing of the device, kg CO2eq. */
  readonly totalKg: number;
  /** Expected years of use. */
  readonly lifetimeYears: number;
  /** Share of the device that is reserved for this work, 0..1. */
  readonly reservedShare: number;
}

export interface SoftwareCarbonIntensity {
  readonly functionalUnit: 'inference';
  readonly inferences: number;
  readonly operationalG: number | null;
  readonly embodiedG: number | null;
  readonly embodied: 'included' | 'not set';
  /** Grams per inference; null when there was none, or when the operational grams are unknown. */
  readonly perInferenceG: number | null;
  readonly covers: 'operational and embodied' | 'operational only';
}

const secondsPerYear = 365.25 * 86_400;

/**
 * SCI (ISO/IEC 21031:2024): (O + M) per R. O = energy times location-based intensity, idle included; M = TE * (TiR/EL) * (RR/ToR)
 * with TE the embodied total, TiR/EL the accounted time over the expected life, RR/ToR the reserved share; R = one inference.
 * Sum over sum: O is divided by the inferences whose grams are known, M by all. Without TE, M is not zero but "not set".
 *
 * @param durationS the accounted time
 */
export function softwareCarbonIntensity(
  operational: { readonly carbonG: number | null; readonly servedWithCarbon: number },
  served: number,
  durationS: number,
  embodied: Embodied | null,
): SoftwareCarbonIntensity {
  const embodiedG =
    embodied === null
      ? null
      : embodied.totalKg * 1000 * (durationS / (embodied.lifetimeYears * secondsPerYear)) * embodied.reservedShare;
  const { carbonG, servedWithCarbon } = operational;
  const perInferenceG =
    carbonG === null || servedWithCarbon <= 0 || served <= 0
      ? null
      : carbonG / servedWithCarbon + (embodiedG ?? 0) / served;
  return {
    functionalUnit: 'inference',
    inferences: served,
    operationalG: carbonG,
    embodiedG,
    embodied: embodied === null ? 'not set' : 'included',
    perInferenceG,
    covers: embodied === null ? 'operational only' : 'operational and embodied',
  };
}
