import { z } from 'zod';
import { describeIssues } from '../../signals/parse';
import type { GridConfigOf } from '../grid-config';
import type { Headers, ProviderHttp } from '../http';
import { hourMs, type CarbonPoint, type CarbonProvider, type ProviderAnswer } from '../provider';
import type { ProviderSecrets } from '../secrets';
import { commonStepMs, moment } from './answer-fields';

const leastPollMs = 300_000;
const forecastEveryMs = hourMs;
const minuteMs = 60_000;

const rating = z.number().nullish();
/** A .NET TimeSpan, `[d.]hh:mm:ss[.fffffff]`, as milliseconds. */
const timeSpan = z
  .string()
  .regex(/^(\d+\.)?\d{2}:\d{2}:\d{2}(\.\d+)?$/)
  .transform((text) => {
    const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = /^(?:(\d+)\.)?(\d+):(\d+):(\d+)/.exec(text) ?? [];
    return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  });
const emissionsSchema = z.array(
  z.object({
    location: z.string().nullish(),
    time: moment,
    rating,
    duration: timeSpan.nullish(),
  }),
);
const forecastsSchema = z.array(
  z.object({
    forecastData: z.array(
      z.object({
        location: z.string().nullish(),
        timestamp: moment,
        /** Minutes. */
        duration: z.number().positive().nullish(),
        value: rating,
      }),
    ),
  }),
);

/**
 * A Carbon Aware SDK WebAPI. It passes on what its own source says, in g/kWh, and tells neither that source's signal nor its basis
 * nor what is estimated: the settings name the first two, and values count as estimated. Where it has none it answers 204, null or
 * a rating of -1. It answers with its source's name of the zone, which may differ from the location asked for; one that changes
 * is refused.
 */
export function createCarbonAwareSdkProvider(
  config: GridConfigOf<'carbon-aware-sdk'>,
  options: { readonly http: ProviderHttp; readonly now: () => number; readonly secrets: ProviderSecrets },
): CarbonProvider {
  const { http, now, secrets } = options;
  const base = (config.baseUrl ?? '').replace(/\/+$/, '');
  const forecastHttp = http.aside();
  const attribution = `Carbon Aware SDK at ${base === '' ? 'no address' : new URL(base).host}`;
  const headers: Headers = secrets.token === undefined ? {} : { authorization: `Bearer ${secrets.token}` };
  const notes = new Set<string>();
  let answeredFor: string | null = null;
  let stepMs = hourMs;
  let forecastAtMs = -Infinity;
  let ahead: readonly CarbonPoint[] = [];

  async function ask<Answer>(way: ProviderHttp, path: string, schema: z.ZodType<Answer>): Promise<Answer> {
    const query = new URLSearchParams({ location: config.location });
    const parsed = schema.safeParse(await way.getJson(`${base}${path}?${query}`, headers));
    if (!parsed.success) throw way.reject(`answered in an unknown form: ${describeIssues(parsed.error)}`);
    return parsed.data;
  }

  function checkLocations(locations: readonly (string | null | undefined)[], way: ProviderHttp): void {
    for (const location of locations) {
      if (!location) continue;
      if (answeredFor !== null && location !== answeredFor) {
        throw way.reject(
          `answered for ${location.slice(0, 40)} and for ${answeredFor.slice(0, 40)}: one location is needed`,
        );
      }
      answeredFor = location;
      if (location.toLowerCase() !== config.location.toLowerCase()) {
        notes.add(`carbon-aware-sdk: asked for ${config.location}, it answers for ${location.slice(0, 40)}`);
      }
    }
  }

  async function refreshForecast(nowMs: number): Promise<void> {
    if (nowMs - forecastAtMs < 0.9 * forecastEveryMs) return;
    const [forecast] = await ask(forecastHttp, '/emissions/forecasts/current', forecastsSchema);
    const data = [...(forecast?.forecastData ?? [])].sort((a, b) => a.timestamp - b.timestamp);
    checkLocations(
      data.map(({ location }) => location),
      forecastHttp,
    );
    forecastHttp.accept();
    forecastAtMs = nowMs;
    const usualMs = commonStepMs(data.map(({ timestamp }) => timestamp)) ?? stepMs;
    ahead = data.map(({ timestamp, duration, value }) => ({
      validFromMs: timestamp,
      validToMs: timestamp + (duration == null ? usualMs : duration * minuteMs),
      intensityGPerKwh: valueOf(value),
      quality: 'forecast',
    }));
  }

  async function read(): Promise<ProviderAnswer> {
    const nowMs = now();
    const latest = [...(await ask(http, '/emissions/bylocation', emissionsSchema))].sort((a, b) => a.time - b.time);
    checkLocations(
      latest.map(({ location }) => location),
      http,
    );
    stepMs = latest.at(-1)?.duration ?? commonStepMs(latest.map(({ time }) => time)) ?? stepMs;
    // The present stands without a forecast.
    await refreshForecast(nowMs).catch(() => undefined);
    const points = latest.map(({ time, rating: value, duration }): CarbonPoint => ({
      validFromMs: time,
      validToMs: time + (duration ?? stepMs),
      intensityGPerKwh: valueOf(value),
      quality: 'estimated',
      reason: `the service gives no value from ${new Date(time).toISOString()} on`,
    }));
    if (points.every(({ intensityGPerKwh }) => intensityGPerKwh === null))
      throw http.reject('answered without a single value');
    http.accept();
    return {
      zone: config.location,
      signal: config.signal,
      basis: config.basis,
      points: points.filter(({ validFromMs }) => validFromMs <= nowMs),
      forecast: ahead.filter(({ validToMs }) => validToMs > nowMs),
      attribution,
    };
  }

  return {
    name: 'carbon-aware-sdk',
    zone: config.location,
    signal: config.signal,
    basis: config.basis,
    variant: `${config.signal}-${config.basis}`,
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

/** The WebAPI writes -1 where its source has nothing. */
const valueOf = (value: number | null | undefined): number | null => (value == null || value === -1 ? null : value);
