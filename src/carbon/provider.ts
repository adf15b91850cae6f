import type { CarbonBasis, CarbonQuality, CarbonSignal } from '../signals/carbon';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** The intensity of one interval of grid time, as a provider states it. */
export interface CarbonPoint {
  readonly validFromMs: number;
  readonly validToMs: number;
  /** gCO2eq/kWh; null when the provider has none for this interval, never 0 for that. */
  readonly intensityGPerKwh: number | null;
  readonly quality: CarbonQuality;
  /** Why there is no value, in words, e.g. which line of a trace holds text. */
  readonly reason?: string;
  /** How the provider estimated it, in its own word. */
  readonly method?: string;
}

/** A point whose value is known. */
export type KnownCarbonPoint = CarbonPoint & { readonly intensityGPerKwh: number };

export function isKnown(point: CarbonPoint): point is KnownCarbonPoint {
  return point.intensityGPerKwh !== null;
}

export function coversTime(point: CarbonPoint, timeMs: number): boolean {
  return point.validFromMs <= timeMs && timeMs < point.validToMs;
}

/** What a provider knows at one moment. All points are in ascending order of time. */
export interface ProviderAnswer {
  /** The zone the provider says it answered for. */
  readonly zone: string;
  readonly signal: CarbonSignal;
  readonly basis: CarbonBasis;
  /** The past up to and including the interval that holds now. */
  readonly points: readonly CarbonPoint[];
  /** The provider's own forecast, beginning with the interval that holds now or later; empty when it makes none. */
  readonly forecast: readonly CarbonPoint[];
  readonly attribution: string;
  /** The year the data are of, where they are averages of a year. */
  readonly datasetYear?: number | undefined;
}

/**
 * A source of carbon intensity. `read` rejects with PROVIDER_UNREACHABLE or PROVIDER_UNAUTHORIZED when there is no answer or
 * one that cannot be trusted; the message says what was wrong and never holds a token.
 */
export interface CarbonProvider {
  readonly name: string;
  /** The zone that was asked for; an answer for another zone is refused. */
  readonly zone: string;
  /** What its values will be; each answer says so, too. */
  readonly signal: CarbonSignal;
  readonly basis: CarbonBasis;
  /** Version of its interface, where it has several. */
  readonly version?: string;
  /** What else tells its answers apart from those for the same zone, e.g. the basis; part of a file's name, so no secret. */
  readonly variant?: string;
  /** Seconds of grid time between two values. */
  readonly stepS: number;
  /** How often a new value can be had, ms of wall time. */
  readonly pollIntervalMs: number;
  /** When a new step has begun it may be asked again after this, ms; absent: after `pollIntervalMs`. */
  readonly leastPollMs?: number;
  /** False for what answers from this machine: it may be asked at any time. */
  readonly remote: boolean;
  /** True where what was known must survive a restart although nobody remote is asked. */
  readonly keepsAnswers?: boolean;
  /** Whose data this is; part of every reading. */
  readonly attribution: string;
  /** What the source should be told once, e.g. how many lines of a trace could not be read. */
  readonly notes: readonly string[];
  /** Seconds of grid time in a second of wall time, where that is not 1. */
  readonly speed?: number;
  /** The time on the grid's clock: wall time, or the time inside a trace or a simulated day, ms since the epoch. */
  gridTimeMs(): number;
  read(): Promise<ProviderAnswer>;
  /** Only where values come by message: takes one in. @throws EcomapError INVALID_MESSAGE */
  inject?(payload: unknown): void;
  close?(): void;
}
