import { z } from 'zod';
import { describeIssues } from '../../signals/parse';
import type { GridConfigOf } from '../grid-config';
import type { Headers, ProviderHttp } from '../http';
import { dayMs, hourMs, type CarbonPoint, type CarbonProvider, type ProviderAnswer } from '../provider';
import { requiredSecret, type ProviderSecrets } from '../secrets';
import { moment } from './answer-fields';

const defaultBaseUrl = 'https://api.watttime.org';
const attribution = 'WattTime (watttime.org), under the terms of your plan';
const massUnits = 'lbs_co2_per_mwh';
/** An international avoirdupois pound is 453.59237 g by definition; lb/MWh to g/kWh. */
const gPerKwhOfLbPerMwh = 0.45359237;
const defaultStepMs = 300_000;
/** A bearer token holds for 30 minutes. */
const renewAfterMs = 25 * 60_000;
const historyEveryMs = 6 * hourMs;

const loginSchema = z.object({ token: z.string().regex(/^[\x21-\x7e]+$/) });
const answerSchema = z.object({
  data: z.array(z.object({ point_time: moment, value: z.number().nullable() })),
  meta: z.object({
    region: z.string().optional(),
    units: z.string(),
    signal_type: z.string().optional(),
    data_point_period_seconds: z.number().positive().nullish(),
  }),
});
type Answer = z.infer<typeof answerSchema>;

/**
 * A region of WattTime: its emissions rate, marginal or average, five minutes by five minutes. The forecast begins with the value
 * that holds now, so one request serves for both. What counts is what power plants of the region emit, so the basis is direct.
 * Values in other units than pounds per megawatt-hour are refused: the index of a free account is a percentile, no mass.
 */
export function createWattTimeProvider(
  config: GridConfigOf<'watttime'>,
  options: { readonly http: ProviderHttp; readonly now: () => number; readonly secrets: ProviderSecrets },
): CarbonProvider {
  const { http, now, secrets } = options;
  const base = (config.baseUrl ?? defaultBaseUrl).replace(/\/+$/, '');
  const signal = config.emissionsRate === 'co2_moer' ? 'marginal' : 'average';
  const loginHttp = http.aside();
  const aside = http.aside();
  let bearer: { readonly token: string; readonly sinceMs: number } | null = null;
  let stepMs = defaultStepMs;
  let historyAtMs = -Infinity;

  async function authorization(renew: boolean): Promise<Headers> {
    if (bearer === null || renew || now() - bearer.sinceMs >= renewAfterMs) {
      bearer = null;
      const username = requiredSecret('watttime', 'username', secrets);
      const password = requiredSecret('watttime', 'password', secrets);
      const basic = Buffer.from(`${username}:${password}`, 'utf8').toString('base64');
      const parsed = loginSchema.safeParse(
        await loginHttp.getJson(`${base}/login`, { authorization: `Basic ${basic}` }),
      );
      // The issues of a schema could quote the token.
      if (!parsed.success) throw loginHttp.reject('answered the login without a token');
      loginHttp.accept();
      bearer = { token: parsed.data.token, sinceMs: now() };
    }
    return { authorization: `Bearer ${bearer.token}` };
  }

  async function ask(way: ProviderHttp, path: string, query: Readonly<Record<string, string>>): Promise<CarbonPoint[]> {
    const search = new URLSearchParams({ region: config.region, signal_type: config.emissionsRate, ...query });
    const parsed = answerSchema.safeParse(await way.getJson(`${base}/v3/${path}?${search}`, authorization));
    if (!parsed.success) throw way.reject(`answered in an unknown form: ${describeIssues(parsed.error)}`);
    return pointsOf(checked(parsed.data, way));
  }

  function checked(answer: Answer, way: ProviderHttp): Answer {
    const { region, units, signal_type: type, data_point_period_seconds: stepS } = answer.meta;
    if (units !== massUnits) {
      throw way.reject(`answered in ${units.slice(0, 40)}, which is no mass per energy: only ${massUnits} can be used`);
    }
    if (region !== undefined && region !== config.region) {
      throw way.reject(`answered for the region ${region.slice(0, 40)}, asked was ${config.region}`);
    }
    if (type !== undefined && type !== config.emissionsRate) {
      throw way.reject(`answered with ${type.slice(0, 40)}, asked was ${config.emissionsRate}`);
    }
    if (stepS != null) stepMs = stepS * 1000;
    return answer;
  }

  function pointsOf({ data }: Answer): CarbonPoint[] {
    return data
      .map(({ point_time: validFromMs, value }): CarbonPoint => ({
        validFromMs,
        validToMs: validFromMs + stepMs,
        intensityGPerKwh: value === null ? null : value * gPerKwhOfLbPerMwh,
        quality: 'estimated',
        reason: `the service gives no value from ${new Date(validFromMs).toISOString()} on`,
      }))
      .sort((a, b) => a.validFromMs - b.validFromMs);
  }

  async function history(nowMs: number): Promise<CarbonPoint[]> {
    if (nowMs - historyAtMs < historyEveryMs) return [];
    const points = await ask(aside, 'historical', { start: iso(nowMs - dayMs), end: iso(nowMs) });
    aside.accept();
    historyAtMs = nowMs;
    return points;
  }

  async function read(): Promise<ProviderAnswer> {
    const nowMs = now();
    // It begins with the present, so an hour is the least.
    const ahead = await ask(http, 'forecast', { horizon_hours: String(Math.max(1, config.horizonH)) });
    if (ahead.every(({ intensityGPerKwh }) => intensityGPerKwh === null))
      throw http.reject('answered without a single value');
    http.accept();
    // Accounts may read the present and not the past: the present stands without it.
    const past = await history(nowMs).catch((): CarbonPoint[] => []);
    const begun = new Map(past.map((point) => [point.validFromMs, point]));
    const [present] = ahead;
    // A forecast of what has begun meanwhile is a forecast still; its first point is the value of its moment.
    for (const point of ahead) {
      const quality = point === present ? 'estimated' : 'forecast';
      if (point.validFromMs <= nowMs && !begun.has(point.validFromMs))
        begun.set(point.validFromMs, { ...point, quality });
    }
    return {
      zone: config.region,
      signal,
      basis: 'direct',
      points: [...begun.values()]
        .filter(({ validFromMs }) => validFromMs <= nowMs)
        .sort((a, b) => a.validFromMs - b.validFromMs),
      forecast: ahead.filter(({ validToMs }) => validToMs > nowMs).map((point) => ({ ...point, quality: 'forecast' })),
      attribution,
    };
  }

  return {
    name: 'watttime',
    zone: config.region,
    signal,
    basis: 'direct',
    version: 'v3',
    variant: config.emissionsRate,
    get stepS() {
      return stepMs / 1000;
    },
    get pollIntervalMs() {
      return Math.max(defaultStepMs, stepMs);
    },
    remote: true,
    attribution,
    notes: [],
    gridTimeMs: now,
    read,
    close: () => http.close(),
  };
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();
