import { z } from 'zod';
import { carbonBasisSchema, carbonQualitySchema, carbonSignalSchema } from '../../signals/carbon';
import { EcomapError } from '../../signals/errors';
import { parseAtTheDoor } from '../../signals/parse';
import type { GridConfigOf } from '../grid-config';
import { impossibility } from '../plausibility';
import { dayMs, type CarbonPoint, type CarbonProvider, type ProviderAnswer } from '../provider';
import { moment } from './answer-fields';

const daysKnown = 28;
const mostPoints = 4032;
const mostForecastPoints = 1000;

const amount = z
  .number()
  .nullable()
  .superRefine((value, context) => {
    const impossible = value === null ? null : impossibility(value);
    if (impossible !== null) context.addIssue({ code: 'custom', message: impossible });
  });
/** What a message may say beside the number; a reading of another carbon-intensity node has this form, too. */
const payloadSchema = z
  .object({
    intensityGPerKwh: amount,
    zone: z.string().optional(),
    signal: carbonSignalSchema.optional(),
    basis: carbonBasisSchema.optional(),
    quality: carbonQualitySchema.optional(),
    validFrom: moment.optional(),
    validTo: moment.optional(),
    provider: z.string().max(200).optional(),
    attribution: z.string().max(1000).optional(),
    method: z.string().max(200).optional(),
    forecast: z
      .array(z.object({ validFrom: moment, validTo: moment, intensityGPerKwh: amount }))
      .max(mostForecastPoints)
      .optional(),
  })
  .refine(({ validFrom, validTo }) => validFrom === undefined || validTo === undefined || validFrom < validTo, {
    message: 'must be later than validFrom',
    path: ['validTo'],
  });
type Payload = z.infer<typeof payloadSchema>;

/**
 * Values that a flow sends by message, in g/kWh. A bare number holds from now on for `staleAfterS`, or until the next one; a
 * reading-like object may say its own times, quality, basis and where it comes from. What it does not say is `injected`.
 */
export function createInjectedProvider(
  config: GridConfigOf<'injected'>,
  { now }: { readonly now: () => number },
): CarbonProvider {
  const ownAttribution = `injected by a message (${config.zone})`;
  let answer: ProviderAnswer | null = null;

  function inject(payload: unknown): void {
    const said: Payload = parseAtTheDoor(
      payloadSchema,
      typeof payload === 'object'
        ? payload
        : { intensityGPerKwh: typeof payload === 'string' ? numberIn(payload) : payload },
      'INVALID_MESSAGE',
      'The carbon intensity in the message (g/kWh)',
    );
    if (said.zone !== undefined && said.zone !== config.zone) {
      throw new EcomapError(
        'INVALID_MESSAGE',
        `The message is about the zone ${said.zone.slice(0, 40)}, this grid is ${config.zone}: use a grid node for each zone`,
      );
    }
    const nowMs = now();
    const signal = said.signal ?? config.signal;
    const basis = said.basis ?? config.basis;
    const validFromMs = said.validFrom ?? nowMs;
    const point: CarbonPoint = {
      validFromMs,
      validToMs: said.validTo ?? validFromMs + config.staleAfterS * 1000,
      intensityGPerKwh: said.intensityGPerKwh,
      quality: said.quality === undefined || said.quality === 'unknown' ? 'injected' : said.quality,
      reason: 'the message held no value',
      ...methodOf(said),
    };
    const same = answer?.signal === signal && answer.basis === basis ? answer.points : [];
    answer = {
      zone: config.zone,
      signal,
      basis,
      points: withPoint(same, point, nowMs - daysKnown * dayMs),
      forecast: (said.forecast ?? [])
        .map((ahead): CarbonPoint => ({
          validFromMs: ahead.validFrom,
          validToMs: ahead.validTo,
          intensityGPerKwh: ahead.intensityGPerKwh,
          quality: 'forecast',
        }))
        .sort((a, b) => a.validFromMs - b.validFromMs),
      attribution: said.attribution ?? ownAttribution,
    };
  }

  return {
    name: 'injected',
    zone: config.zone,
    signal: config.signal,
    basis: config.basis,
    variant: `${config.signal}-${config.basis}`,
    stepS: Math.min(3600, config.staleAfterS),
    pollIntervalMs: Math.min(60_000, config.staleAfterS * 1000),
    remote: false,
    keepsAnswers: true,
    attribution: ownAttribution,
    notes: [],
    gridTimeMs: now,
    inject,
    read: async () => {
      if (answer !== null) return answer;
      throw new EcomapError(
        'PROVIDER_UNREACHABLE',
        'injected: no value has come since the start: send a number in g/kWh to a carbon-intensity node of this grid',
      );
    },
  };
}

function methodOf({ method, provider }: Payload): Pick<CarbonPoint, 'method'> {
  const text = [provider, method].filter(Boolean).join(': ');
  return text === '' ? {} : { method: text };
}

/** What lies before the new value ends where it begins. */
function withPoint(points: readonly CarbonPoint[], point: CarbonPoint, sinceMs: number): readonly CarbonPoint[] {
  const others = points
    .filter(({ validFromMs, validToMs }) => validFromMs !== point.validFromMs && validToMs > sinceMs)
    .map((other) =>
      other.validFromMs < point.validFromMs && other.validToMs > point.validFromMs
        ? { ...other, validToMs: point.validFromMs }
        : other,
    );
  return [...others, point].sort((a, b) => a.validFromMs - b.validFromMs).slice(-mostPoints);
}

/** Number() would take '' for 0. */
const numberIn = (text: string): unknown => (text.trim() === '' ? text : Number(text));
