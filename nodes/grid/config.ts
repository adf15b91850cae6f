import { z } from 'zod';
import { gridConfigSchema, gridProviders } from '../../src/carbon/grid-config';

/** A form keeps every field as a string; what is left empty takes the default. */
const text = z.preprocess(
  (value) => (value === null || (typeof value === 'string' && value.trim() === '') ? undefined : value),
  z.string().trim().optional(),
);
const number = z.preprocess((value) => {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'string') return value;
  return value.trim() === '' ? undefined : Number(value);
}, z.number().optional());
const flag = z.preprocess((value) => (typeof value === 'string' ? value === 'true' : value), z.boolean().optional());

/** Config of a `grid` node as it stands in a flow: the fields of all providers side by side, of which the chosen one's count. */
export const gridNodeConfig = z
  .object({
    provider: z.enum(gridProviders).default('simulated'),
    zone: text,
    country: text,
    postcode: text,
    regionId: number,
    apiVersion: text,
    factorType: text,
    granularity: text,
    horizonH: number,
    region: text,
    emissionsRate: text,
    location: text,
    staleAfterS: number,
    path: text,
    column: text,
    mode: text,
    dayLengthS: number,
    startOffsetH: number,
    loop: flag,
    signal: text,
    basis: text,
    rowStepS: number,
    meanGPerKwh: number,
    swingGPerKwh: number,
    solarDipGPerKwh: number,
    noiseGPerKwh: number,
    seed: number,
    baseUrl: text,
    fallbackZone: text,
  })
  .transform((fields): unknown => fields)
  .pipe(gridConfigSchema);
