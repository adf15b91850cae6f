import type { CarbonBasis, CarbonQuality, CarbonSignal } from '../signals/carbon';
import { EcomapError, isEcomapError, messageOf } from '../signals/errors';
import type { GridConfig } from './grid-config';
import { judge } from './plausibility';
import { coversTime, hourMs, isKnown, type ProviderAnswer } from './provider';
import { createProvider, type ProviderSurroundings } from './providers';

/** What one request to a provider told, whatever a running source knows. */
export interface ConnectionReport {
  readonly provider: string;
  readonly zone: string;
  readonly signal: CarbonSignal;
  readonly basis: CarbonBasis;
  /** gCO2eq/kWh of the interval that holds now, else of the newest one that is known. */
  readonly intensityGPerKwh: number;
  readonly quality: CarbonQuality;
  readonly method: string | null;
  readonly validFrom: string;
  readonly validTo: string;
  /** Since the value's interval began, on the grid's own clock. */
  readonly ageMinutes: number;
  /** False where the value is of an interval that is over. */
  readonly coversNow: boolean;
  /** How far the provider's own forecast reaches from now on; 0 where it makes none. */
  readonly forecastHours: number;
  readonly attribution: string;
  readonly notes: readonly string[];
}

/**
 * Asks a provider once, with settings that need not be deployed, past any cache and cool-down.
 *
 * @throws EcomapError INVALID_CONFIG, PROVIDER_UNREACHABLE or PROVIDER_UNAUTHORIZED with what was wrong
 */
export async function testConnection(
  config: GridConfig,
  surroundings: ProviderSurroundings,
): Promise<ConnectionReport> {
  const provider = createProvider(config, surroundings);
  try {
    const answer = await provider.read();
    const atMs = provider.gridTimeMs();
    const { point, coversNow } = newestOf(answer, atMs, provider.name);
    const lastMs = answer.forecast.findLast(isKnown)?.validToMs ?? atMs;
    return {
      provider: provider.name,
      zone: answer.zone,
      signal: answer.signal,
      basis: answer.basis,
      intensityGPerKwh: point.intensityGPerKwh,
      quality: point.quality,
      method: point.method ?? null,
      validFrom: new Date(point.validFromMs).toISOString(),
      validTo: new Date(point.validToMs).toISOString(),
      ageMinutes: Math.max(0, Math.round((atMs - point.validFromMs) / 60_000)),
      coversNow,
      forecastHours: Math.max(0, Math.round((lastMs - atMs) / hourMs)),
      attribution: answer.attribution,
      notes: [...provider.notes],
    };
  } catch (error) {
    if (isEcomapError(error)) throw error;
    throw new EcomapError('PROVIDER_UNREACHABLE', `${provider.name}: ${messageOf(error)}`);
  } finally {
    provider.close?.();
  }
}

function newestOf(answer: ProviderAnswer, atMs: number, provider: string) {
  const begun = answer.points.filter(({ validFromMs }) => validFromMs <= atMs);
  const judged = judge(begun, answer.signal);
  for (const { point, verdict } of judged.toReversed()) {
    if (verdict === 'good' && isKnown(point)) return { point, coversNow: coversTime(point, atMs) };
  }
  const reason = judged.at(-1)?.reason ?? 'it gave no value up to now';
  throw new EcomapError('PROVIDER_UNREACHABLE', `${provider}: ${reason}`);
}
