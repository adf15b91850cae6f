import { z } from 'zod';
import { carbonBasisSchema, carbonSignalSchema, intensitySchema } from '../signals/carbon';

/** Zone of `@tgwf/co2` whose yearly average answers when nothing else does; null means "none". */
const fallbackZone = z.string().trim().min(1).nullable().default(null);
/** Another address than the provider's own, e.g. a mirror inside a company. */
const baseUrl = z
  .url({ protocol: /^https?$/ })
  .refine((text) => /^https?:\/\/[^/?#@]*(\/[^?#]*)?$/i.test(text), {
    message:
      'must hold no user, password or query: an address is part of the flow, a key belongs into the fields for it',
  })
  .nullable()
  .default(null);

const countryNeeded = 'must be a country code of two letters, e.g. de';
const fileNeeded = 'must name a CSV file';
const regionNeeded = 'must name a region of WattTime, e.g. CAISO_NORTH';
const locationNeeded = 'must name a location that the service knows, e.g. eastus';
const zoneNeeded = 'must name a zone, e.g. US-MIDW-MISO, DE or WORLD';

/** How fast the time of a trace or of a simulated day runs. */
const play = {
  mode: z.enum(['real-time', 'accelerated']).default('accelerated'),
  /** Seconds of wall time for 24 hours of grid time, when accelerated. */
  dayLengthS: z.number().min(1).max(86_400).default(240),
};

/** Great Britain, National Energy System Operator: no key. Combustion only, so its basis is operational. */
const gbSchema = z
  .object({
    provider: z.literal('gb'),
    /** The part of a postcode before the gap, e.g. `RG10`; with neither this nor a region: all of Great Britain. */
    postcode: z
      .string()
      .trim()
      .toUpperCase()
      .regex(/^[A-Z]{1,2}[0-9][A-Z0-9]?$/, 'must be the part of a postcode before the gap, e.g. RG10')
      .nullable()
      .default(null),
    /** 1 to 14 are the distribution areas, 15 England, 16 Scotland, 17 Wales. */
    regionId: z.number().int().min(1).max(17).nullable().default(null),
    baseUrl,
    fallbackZone: fallbackZone.default('GB'),
  })
  .refine(({ postcode, regionId }) => postcode === null || regionId === null, {
    message: 'choose a postcode or a region, not both',
    path: ['regionId'],
  });

/** European countries, Fraunhofer ISE's Energy-Charts: no key. */
const energyChartsSchema = z.object({
  provider: z.literal('energy-charts'),
  /** Two letters, as in the addresses of the service, e.g. `de`. */
  country: z
    .string({ error: countryNeeded })
    .trim()
    .toLowerCase()
    .regex(/^[a-z]{2}$/, countryNeeded),
  baseUrl,
  fallbackZone,
});

/** Electricity Maps, with a token: flow-traced average of a zone. */
const electricityMapsSchema = z.object({
  provider: z.literal('electricity-maps'),
  zone: z.string({ error: zoneNeeded }).trim().min(1, zoneNeeded),
  apiVersion: z.enum(['v4', 'v3']).default('v4'),
  factorType: z.enum(['lifecycle', 'direct']).default('lifecycle'),
  /** Finer than an hour only where the plan includes it. */
  granularity: z.enum(['hourly', '15_minutes', '5_minutes']).default('hourly'),
  /** Hours of forecast to ask for, as far as the plan reaches; 0: none. */
  horizonH: z.union([z.literal(0), z.literal(6), z.literal(24), z.literal(48), z.literal(72)]).default(24),
  baseUrl,
  fallbackZone,
});

/** WattTime, with an account: what one more or one less kilowatt-hour emits in a region. */
const wattTimeSchema = z.object({
  provider: z.literal('watttime'),
  /** As WattTime names it, e.g. CAISO_NORTH, which is the one that free accounts may read. */
  region: z.string({ error: regionNeeded }).trim().min(1, regionNeeded),
  /** Marginal (co2_moer) or average (co2_aoer) operating emissions rate. */
  emissionsRate: z.enum(['co2_moer', 'co2_aoer']).default('co2_moer'),
  /** Hours of forecast to ask for. */
  horizonH: z.number().int().min(0).max(72).default(24),
  baseUrl,
  fallbackZone,
});

/** A Carbon Aware SDK WebAPI that somebody runs, e.g. a company for all its sites. */
const carbonAwareSdkSchema = z.object({
  provider: z.literal('carbon-aware-sdk'),
  location: z.string({ error: locationNeeded }).trim().min(1, locationNeeded),
  /** What the service passes through, which its answers do not say. */
  signal: carbonSignalSchema.default('average'),
  basis: carbonBasisSchema.default('unknown'),
  baseUrl: baseUrl.refine((address) => address !== null, 'must be the address of the service'),
  fallbackZone,
});

/** Numbers that a flow sends to a carbon-intensity node: an own meter, another service, a broker. */
const injectedSchema = z.object({
  provider: z.literal('injected'),
  zone: z.string().trim().min(1).default('injected'),
  signal: carbonSignalSchema.default('average'),
  basis: carbonBasisSchema.default('unknown'),
  /** Seconds that a number holds which does not say until when. */
  staleAfterS: z.number().min(1).max(604_800).default(3600),
  fallbackZone,
});

/** A CSV file played in real time or accelerated. */
const traceSchema = z.object({
  provider: z.literal('trace'),
  /** Absolute, or relative to Node-RED's user directory. */
  path: z.string({ error: fileNeeded }).trim().min(1, fileNeeded),
  /** Header of the column with the values; null takes the first column that is not the time. */
  column: z.string().trim().min(1).nullable().default(null),
  ...play,
  /** Hours into the trace at which to begin. */
  startOffsetH: z.number().min(0).default(0),
  loop: z.boolean().default(true),
  signal: carbonSignalSchema.default('average'),
  basis: carbonBasisSchema.default('unknown'),
  zone: z.string().trim().min(1).default('trace'),
  /** Seconds between two rows of a file that has no column of times. */
  rowStepS: z.number().positive().default(3600),
  fallbackZone,
});

/** The yearly average of a zone, from `@tgwf/co2`. */
const staticSchema = z.object({
  provider: z.literal('static'),
  /** A zone as Electricity Maps names it (`US-MIDW-MISO`), a country of three letters (`USA`), or `WORLD`. */
  zone: z.string({ error: zoneNeeded }).trim().min(1, zoneNeeded),
  fallbackZone,
});

/** A parametric daily curve. What it says is `simulated`, whatever it looks like. */
const simulatedSchema = z.object({
  provider: z.literal('simulated'),
  zone: z.string().trim().min(1).default('simulated'),
  meanGPerKwh: intensitySchema.default(400),
  /** From the morning's low to the evening's high, before the sun. */
  swingGPerKwh: z.number().min(0).max(1500).default(200),
  /** How much the sun takes off at noon. */
  solarDipGPerKwh: z.number().min(0).max(1500).default(150),
  /** Standard deviation of the noise. */
  noiseGPerKwh: z.number().min(0).max(500).default(0),
  seed: z.number().int().default(1),
  ...play,
  /** Hour of the simulated day at which to begin. */
  startOffsetH: z.number().min(0).default(0),
  fallbackZone,
});

export const gridConfigSchema = z.discriminatedUnion('provider', [
  gbSchema,
  energyChartsSchema,
  electricityMapsSchema,
  wattTimeSchema,
  carbonAwareSdkSchema,
  injectedSchema,
  traceSchema,
  staticSchema,
  simulatedSchema,
]);

export type GridConfig = z.infer<typeof gridConfigSchema>;
export type GridConfigOf<Provider extends GridConfig['provider']> = Extract<GridConfig, { provider: Provider }>;
/** What may be left out is left out. */
export type GridConfigInput = z.input<typeof gridConfigSchema>;
export const gridProviders = [
  'gb',
  'energy-charts',
  'electricity-maps',
  'watttime',
  'carbon-aware-sdk',
  'injected',
  'trace',
  'static',
  'simulated',
] as const;
