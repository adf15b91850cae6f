import { z } from 'zod';
import { describeIssues } from '../../signals/parse';
import type { GridConfigOf } from '../grid-config';
import type { ProviderHttp } from '../http';
import { dayMs, type CarbonPoint, type CarbonProvider, type ProviderAnswer } from '../provider';

const defaultBaseUrl = 'https://api.energy-charts.info';
const attribution = 'Energy-Charts (energy-charts.info), Fraunhofer ISE';
const defaultStepMs = 900_000;

const series = z.array(z.number().nullable()).nullish();
const answerSchema = z
  .object({
    unix_seconds: z.array(z.number().int().positive()).min(1),
    co2eq: series,
    co2eq_forecast: series,
    /** Not part of the documented answer; where a mirror names the country, it must be the right one. */
    country: z.string().optional(),
  })
  .refine(
    (answer) => answer.unix_seconds.every((second, index, all) => index === 0 || second > (all[index - 1] ?? second)),
    {
      message: 'unix_seconds must ascend',
      path: ['unix_seconds'],
    },
  );
type Answer = z.infer<typeof answerSchema>;

/**
 * A European country's quarter hours: what was measured so far, and a forecast for the rest of the day (from about 19:00 of
 * the next day, too). The newest values come late, as trailing nulls: there the forecast for that quarter hour stands in.
 * The service does not state whether upstream emissions count, so the basis is unknown.
 */
export function createEnergyChartsProvider(
  config: GridConfigOf<'energy-charts'>,
  { http, now }: { readonly http: ProviderHttp; readonly now: () => number },
): CarbonProvider {
  const base = (config.baseUrl ?? defaultBaseUrl).replace(/\/+$/, '');
  const zone = config.country.toUpperCase();

  async function ask(path: string): Promise<Answer> {
    const parsed = answerSchema.safeParse(await http.getJson(`${base}${path}?country=${config.country}`));
    if (!parsed.success) throw http.reject(`answered in an unknown form: ${describeIssues(parsed.error)}`);
    return parsed.data;
  }

  async function read(): Promise<ProviderAnswer> {
    const nowMs = now();
    const answer = await ask('/co2eq');
    if (answer.country !== undefined && answer.country.toUpperCase() !== zone) {
      throw http.reject(`answered for the country ${answer.country.toUpperCase()}, asked was ${zone}`);
    }
    let points = pointsOf(answer);
    if (points.every((point) => point.quality !== 'forecast')) {
      // Some answers leave the forecast to its own address; without it the measured values still stand.
      const ahead = await ask('/co2eq_forecast').then(pointsOf, (): CarbonPoint[] => []);
      points = merge(points, ahead);
    }
    if (points.every((point) => point.intensityGPerKwh === null)) throw http.reject('answered without a single value');
    http.accept();
    return {
      zone: answer.country?.toUpperCase() ?? zone,
      signal: 'average',
      basis: 'unknown',
      points: points.filter((point) => point.validFromMs <= nowMs && point.validToMs > nowMs - 7 * dayMs),
      forecast: points.filter((point) => point.validToMs > nowMs),
      attribution,
    };
  }

  return {
    name: 'energy-charts',
    zone,
    signal: 'average',
    basis: 'unknown',
    stepS: defaultStepMs / 1000,
    pollIntervalMs: 900_000,
    remote: true,
    attribution,
    notes: [],
    gridTimeMs: now,
    read,
    close: () => http.close(),
  };
}

function pointsOf(answer: Answer): CarbonPoint[] {
  const starts = answer.unix_seconds.map((second) => second * 1000);
  return starts.map((validFromMs, index): CarbonPoint => {
    const before = starts[index - 1];
    const stepMs = before === undefined ? defaultStepMs : validFromMs - before;
    const measured = answer.co2eq?.[index] ?? null;
    const forecast = answer.co2eq_forecast?.[index] ?? null;
    return {
      validFromMs,
      validToMs: starts[index + 1] ?? validFromMs + stepMs,
      intensityGPerKwh: measured ?? forecast,
      quality: measured === null && forecast !== null ? 'forecast' : 'measured',
      reason: `the service gives no value for the quarter hour from ${new Date(validFromMs).toISOString()}`,
    };
  });
}

/** What is measured wins; the forecast fills what is left. */
function merge(measured: readonly CarbonPoint[], forecast: readonly CarbonPoint[]): CarbonPoint[] {
  const byStart = new Map(forecast.map((point) => [point.validFromMs, point]));
  for (const point of measured) {
    if (point.intensityGPerKwh !== null || !byStart.has(point.validFromMs)) byStart.set(point.validFromMs, point);
  }
  return [...byStart.values()].sort((a, b) => a.validFromMs - b.validFromMs);
}
