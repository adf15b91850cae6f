import { z } from 'zod';
import { describeIssues } from '../../signals/parse';
import type { GridConfigOf } from '../grid-config';
import type { ProviderHttp } from '../http';
import { dayMs, type CarbonPoint, type CarbonProvider, type ProviderAnswer } from '../provider';

const defaultBaseUrl = 'https://api.carbonintensity.org.uk';
const attribution = 'National Energy System Operator Carbon Intensity API (carbonintensity.org.uk), CC BY 4.0';

/** `YYYY-MM-DDThh:mmZ`. */
const time = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?Z$/)
  .transform((text) => Date.parse(text))
  .refine((timeMs) => !Number.isNaN(timeMs), 'no such time');
const amount = z.number().nullish();
const periodSchema = z.object({
  from: time,
  to: time,
  intensity: z.object({ forecast: amount, actual: amount }),
});
const answerSchema = z.object({ data: z.array(periodSchema) });
/** Of a region the values lie one level deeper; `data` is an array in some answers and an object in others. */
const regionSchema = z.object({
  regionid: z.number(),
  postcode: z.string().nullish(),
  data: z.array(periodSchema),
});
const regionalSchema = z.object({
  data: z.union([regionSchema.transform((region) => [region]), z.array(regionSchema).min(1)]),
});
const looksRegional = z.object({
  data: z.union([z.object({ regionid: z.number() }), z.array(z.object({ regionid: z.number() })).min(1)]),
});

type Period = z.infer<typeof periodSchema>;

/**
 * Half hours of Great Britain or one of its regions: the last 24 h and the next 48 h. For a region there are forecasts only. `actual` is the operator's estimate of what was; it is null for
 * the half hour that runs now, whose value is therefore the operator's forecast. Counts combustion only (imports and losses
 * included), so the basis is operational.
 */
export function createGbProvider(
  config: GridConfigOf<'gb'>,
  { http, now }: { readonly http: ProviderHttp; readonly now: () => number },
): CarbonProvider {
  const base = (config.baseUrl ?? defaultBaseUrl).replace(/\/+$/, '');

  const { postcode, regionId } = config;
  const region = postcode !== null ? `postcode/${postcode}` : regionId !== null ? `regionid/${regionId}` : null;
  const zone = region === null ? 'GB' : `GB-${postcode ?? regionId}`;
  const aside = http.aside();

  function nationalPeriods(answer: unknown, way: ProviderHttp): Period[] {
    const parsed = answerSchema.safeParse(answer);
    if (parsed.success) return parsed.data.data;
    if (looksRegional.safeParse(answer).success) {
      throw way.reject('answered for a region, not for all of Great Britain');
    }
    throw way.reject(`answered in an unknown form: ${describeIssues(parsed.error)}`);
  }

  function regionalPeriods(answer: unknown, way: ProviderHttp): Period[] {
    if (answerSchema.safeParse(answer).success) {
      throw way.reject(`answered for all of Great Britain, asked was ${zone}`);
    }
    const parsed = regionalSchema.safeParse(answer);
    if (!parsed.success) throw way.reject(`answered in an unknown form: ${describeIssues(parsed.error)}`);
    const found = parsed.data.data.find((candidate) =>
      postcode === null
        ? candidate.regionid === regionId
        : (candidate.postcode ?? '').trim().toUpperCase() === postcode,
    );
    if (found !== undefined) return found.data;
    const others = parsed.data.data.map((other) => other.postcode ?? other.regionid).join(', ');
    throw way.reject(`answered for the region ${others.slice(0, 40)}, asked was ${zone}`);
  }

  async function periods(way: ProviderHttp, range: string): Promise<Period[]> {
    const path = region === null ? `/intensity/${range}` : `/regional/intensity/${range}/${region}`;
    const answer = await way.getJson(`${base}${path}`);
    const found = region === null ? nationalPeriods(answer, way) : regionalPeriods(answer, way);
    return found.sort((a, b) => a.from - b.from);
  }

  async function read(): Promise<ProviderAnswer> {
    const nowMs = now();
    const at = `${new Date(nowMs).toISOString().slice(0, 16)}Z`;
    const ahead = await periods(http, `${at}/fw48h`);
    if (ahead.every(({ intensity }) => (intensity.actual ?? intensity.forecast ?? null) === null)) {
      throw http.reject('answered without a single value');
    }
    // The past only sharpens the picture: without it the answer still stands.
    const past = await periods(aside, `${at}/pt24h`).catch((): Period[] => []);
    http.accept();
    const begun = new Map<number, CarbonPoint>();
    for (const period of [...past, ...ahead]) if (period.from <= nowMs) begun.set(period.from, pointOf(period));
    return {
      zone,
      signal: 'average',
      basis: 'operational',
      points: [...begun.values()]
        .filter((point) => point.validToMs > nowMs - dayMs)
        .sort((a, b) => a.validFromMs - b.validFromMs),
      forecast: ahead.filter((period) => period.to > nowMs).map(forecastOf),
      attribution,
    };
  }

  return {
    name: 'gb',
    zone,
    signal: 'average',
    basis: 'operational',
    stepS: 1800,
    pollIntervalMs: 1_800_000,
    leastPollMs: 900_000,
    remote: true,
    attribution,
    notes: [],
    gridTimeMs: now,
    read,
    close: () => http.close(),
  };
}

function pointOf({ from, to, intensity }: Period): CarbonPoint {
  const actual = intensity.actual ?? null;
  return {
    validFromMs: from,
    validToMs: to,
    intensityGPerKwh: actual ?? intensity.forecast ?? null,
    quality: actual === null ? 'forecast' : 'estimated',
    reason: `the operator gives no value for the half hour from ${new Date(from).toISOString()}`,
  };
}

function forecastOf({ from, to, intensity }: Period): CarbonPoint {
  return { validFromMs: from, validToMs: to, intensityGPerKwh: intensity.forecast ?? null, quality: 'forecast' };
}
