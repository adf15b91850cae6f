import { z } from 'zod';
import { isEcomapError } from '../../signals/errors';
import { describeIssues } from '../../signals/parse';
import type { GridConfigOf } from '../grid-config';
import type { ProviderHttp } from '../http';
import { dayMs, hourMs, type CarbonPoint, type CarbonProvider, type ProviderAnswer } from '../provider';
import { requiredSecret, type ProviderSecrets } from '../secrets';
import { commonStepMs, moment } from './answer-fields';

const defaultBaseUrl = 'https://api.electricitymaps.com';
const attribution = 'Electricity Maps (electricitymaps.com), under the terms of your plan';
/** Plans count requests: never asked more often than this, whatever the step. */
const leastPollMs = 900_000;
/** Values are revised for hours; the last 24 come with each of these. */
const historyEveryMs = 6 * hourMs;
const forecastEveryMs = hourMs;
/** Plans without a forecast answer 401: asked again in case the plan has changed. */
const afterNoForecastMs = dayMs;
const stepsMs = { hourly: hourMs, '15_minutes': hourMs / 4, '5_minutes': hourMs / 12 } as const;

const value = z.object({
  carbonIntensity: z.number().nullish(),
  datetime: moment,
  emissionFactorType: z.string().nullish(),
  isEstimated: z.boolean().nullish(),
  estimationMethod: z.string().nullish(),
});
type Value = z.infer<typeof value>;
const granularity = z.string().nullish();
const latestSchema = value.extend({ zone: z.string(), temporalGranularity: granularity });
const historySchema = z.object({ zone: z.string(), history: z.array(value), temporalGranularity: granularity });
const forecastSchema = z.object({ zone: z.string(), forecast: z.array(value), temporalGranularity: granularity });

/**
 * A zone of Electricity Maps: flow-traced average, life cycle or direct. The newest value is mostly an estimate and is revised
 * later, which is why the last 24 hours are asked for again from time to time. The zone is checked in every answer, and the look-up
 * of the caller's own place is switched off in both ways that the versions know: an unknown zone would silently become that of
 * the internet address. A finer step than the plan includes comes silently as hours.
 */
export function createElectricityMapsProvider(
  config: GridConfigOf<'electricity-maps'>,
  options: { readonly http: ProviderHttp; readonly now: () => number; readonly secrets: ProviderSecrets },
): CarbonProvider {
  const { http, now, secrets } = options;
  const aside = http.aside();
  const forecastHttp = http.aside({ firstPauseMs: afterNoForecastMs, longestPauseMs: afterNoForecastMs });
  const base = `${(config.baseUrl ?? defaultBaseUrl).replace(/\/+$/, '')}/${config.apiVersion}/carbon-intensity`;
  const askedStepMs = stepsMs[config.granularity];
  let stepMs: number = askedStepMs;
  let historyAtMs = -Infinity;
  let forecastAtMs = -Infinity;
  let ahead: readonly CarbonPoint[] = [];
  const notes = new Set<string>();

  async function ask<Answer extends { zone: string }>(
    way: ProviderHttp,
    path: string,
    schema: z.ZodType<Answer>,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const query = new URLSearchParams({
      zone: config.zone,
      emissionFactorType: config.factorType,
      disableCallerLookup: 'true',
      shouldUseFallbackCallerLookup: 'false',
      ...(config.granularity === 'hourly' ? {} : { temporalGranularity: config.granularity }),
      ...more,
    });
    const token = requiredSecret('electricity-maps', 'token', secrets);
    const parsed = schema.safeParse(await way.getJson(`${base}/${path}?${query}`, { 'auth-token': token }));
    if (!parsed.success) throw way.reject(`answered in an unknown form: ${describeIssues(parsed.error)}`);
    if (parsed.data.zone !== config.zone) {
      throw way.reject(`answered for the zone ${parsed.data.zone.slice(0, 40)}, asked was ${config.zone}`);
    }
    return parsed.data;
  }

  /** A value of the other basis must not come in under this one's name. */
  function checked(values: readonly Value[], way: ProviderHttp): readonly Value[] {
    const other = values.find(({ emissionFactorType: type }) => type != null && type !== config.factorType);
    if (other !== undefined) {
      throw way.reject(`answered with ${other.emissionFactorType} factors, asked was ${config.factorType}`);
    }
    return values;
  }

  async function history(nowMs: number): Promise<readonly Value[]> {
    if (nowMs - historyAtMs < historyEveryMs) return [];
    const answer = await ask(aside, 'history', historySchema);
    const values = [...checked(answer.history, aside)].sort((a, b) => a.datetime - b.datetime);
    aside.accept();
    historyAtMs = nowMs;
    learnStep(stepOf(answer.temporalGranularity) ?? commonStepMs(values.map(({ datetime }) => datetime)));
    return values;
  }

  async function refreshForecast(nowMs: number): Promise<void> {
    if (config.horizonH === 0 || nowMs - forecastAtMs < 0.9 * forecastEveryMs) return;
    const answer = await ask(forecastHttp, 'forecast', forecastSchema, { horizonHours: String(config.horizonH) });
    const values = [...checked(answer.forecast, forecastHttp)].sort((a, b) => a.datetime - b.datetime);
    forecastHttp.accept();
    forecastAtMs = nowMs;
    const aheadStepMs = stepOf(answer.temporalGranularity) ?? commonStepMs(values.map(({ datetime }) => datetime));
    ahead = values.map((point) => ({ ...pointOf(point, aheadStepMs ?? hourMs), quality: 'forecast' }));
  }

  function learnStep(found: number | null): void {
    if (found === null || found === stepMs) return;
    stepMs = found;
    if (found > askedStepMs) {
      notes.add(
        `electricity-maps: asked for ${config.granularity}, answered every ${found / 60_000} minutes: see your plan`,
      );
    }
  }

  async function read(): Promise<ProviderAnswer> {
    const nowMs = now();
    const latest = await ask(http, 'latest', latestSchema);
    checked([latest], http);
    learnStep(stepOf(latest.temporalGranularity));
    // The present stands without the past and without a forecast.
    const past = await history(nowMs).catch((): readonly Value[] => []);
    await refreshForecast(nowMs).catch((error: unknown) => {
      if (isEcomapError(error) && error.code === 'PROVIDER_UNAUTHORIZED') {
        notes.add('electricity-maps: this token reads no forecast: the own forecast stands in');
      }
    });
    const values = new Map([...past, latest].map((point) => [point.datetime, pointOf(point, stepMs)]));
    const points = [...values.values()].sort((a, b) => a.validFromMs - b.validFromMs);
    if (points.every(({ intensityGPerKwh }) => intensityGPerKwh === null)) {
      throw http.reject(`answered without a single value for ${config.zone}`);
    }
    http.accept();
    return {
      zone: config.zone,
      signal: 'average',
      basis: config.factorType,
      points: points.filter(({ validFromMs }) => validFromMs <= nowMs),
      forecast: ahead.filter(({ validToMs }) => validToMs > nowMs),
      attribution,
    };
  }

  return {
    name: 'electricity-maps',
    zone: config.zone,
    signal: 'average',
    basis: config.factorType,
    version: config.apiVersion,
    variant: `${config.factorType}-${config.granularity}`,
    get stepS() {
      return stepMs / 1000;
    },
    get pollIntervalMs() {
      return Math.max(leastPollMs, stepMs);
    },
    leastPollMs,
    remote: true,
    attribution,
    get notes() {
      return [...notes];
    },
    gridTimeMs: now,
    read,
    close: () => http.close(),
  };
}

const stepOf = (name: string | null | undefined): number | null =>
  name != null && name in stepsMs ? stepsMs[name as keyof typeof stepsMs] : null;

function pointOf({ datetime, carbonIntensity, isEstimated, estimationMethod }: Value, stepMs: number): CarbonPoint {
  return {
    validFromMs: datetime,
    validToMs: datetime + stepMs,
    intensityGPerKwh: carbonIntensity ?? null,
    // Where it is not said, the safer word.
    quality: isEstimated === false ? 'measured' : 'estimated',
    reason: `the service gives no value from ${new Date(datetime).toISOString()} on`,
    ...(estimationMethod ? { method: estimationMethod } : {}),
  };
}
