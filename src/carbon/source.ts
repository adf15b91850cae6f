import type { CarbonForecastPoint, CarbonQuality, CarbonReading, CarbonRevisedPoint } from '../signals/carbon';
import { EcomapError, isEcomapError, messageOf } from '../signals/errors';
import { AnswerCache, type KeptAnswer } from './answer-cache';
import type { GridConfig } from './grid-config';
import { KeptForecast } from './forecast/kept-forecast';
import { KnownGrid } from './known-grid';
import { mergePoints, recordOf } from './merged-answer';
import { dueAtMs } from './poll-time';
import { hourMs, isKnown, type CarbonProvider, type KnownCarbonPoint, type ProviderAnswer } from './provider';
import { createProvider, type ProviderSurroundings } from './providers';
import { revisedPoints } from './revised';
import { zoneAverage, type ZoneAverage } from './zone-average';

/** A last good value answers for so long beyond its time; a suspect level is held off for as long as `judge` doubts it. */
const cachedForMs = 3 * hourMs;
const heldForMs = 6 * hourMs;
const retryAfterTroubleMs = 30_000;
/** Timers may fire this much early. */
const timerSlackMs = 1000;
/** Readings are put off by up to this share of the step, so that many machines do not ask at the same moment. */
const jitterShare = 0.1;
const longestJitterMs = 120_000;

/** Carbon readings of one grid zone, whatever happens to the provider. */
export interface CarbonSource {
  readonly provider: string;
  readonly zone: string;
  /** When to read again, ms: after the provider's step with some jitter, or sooner while it is in trouble. */
  readonly pollIntervalMs: number;
  /** What kept the provider itself from answering the last read (PROVIDER_UNREACHABLE or PROVIDER_UNAUTHORIZED); null when nothing did. */
  readonly trouble: EcomapError | null;
  /** What the user should be told once. */
  readonly notes: readonly string[];
  /** Never rejects for what a provider does: it falls back and says so in `quality` and `why`. Reads at once share one request. */
  read(): Promise<CarbonReading>;
  /** The last 24 h and the forecast, from what is known: nobody is asked. */
  course(): GridCourse;
  /** Null where values do not come by message. The function throws INVALID_MESSAGE. */
  readonly inject: ((payload: unknown) => void) | null;
  close(): void;
}

/** How the intensity of a grid went and is expected to go. */
export interface GridCourse {
  readonly at: string;
  readonly past: readonly CoursePoint[];
  readonly forecast: readonly CarbonForecastPoint[];
  readonly forecastBy: 'provider' | 'own';
}

export interface CoursePoint {
  readonly validFrom: string;
  readonly validTo: string;
  readonly intensityGPerKwh: number;
  readonly quality: CarbonQuality;
}

/**
 * A source with the fallback chain: live, last good value (up to 3 h beyond its time, `stale`), the provider's last forecast,
 * the own forecast, the zone's yearly average (`static`), unknown (null). `why` is empty when the provider itself answered.
 * A remote provider is asked at most once per poll interval, however often the source is read.
 *
 * @throws EcomapError INVALID_CONFIG when the settings cannot work, e.g. an unknown fallback zone
 */
export function createCarbonSource(config: GridConfig, surroundings: ProviderSurroundings): CarbonSource {
  const provider = createProvider(config, surroundings);
  const average = zoneAverage(config.fallbackZone ?? provider.zone);
  if (average === null && config.fallbackZone !== null) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `There is no yearly average for the fallback zone "${config.fallbackZone}": use a zone of Electricity Maps ` +
        '(US-MIDW-MISO, DE), a country of three letters (USA), WORLD, or leave it empty',
    );
  }
  return new ChainedSource(provider, average, surroundings);
}

class ChainedSource implements CarbonSource {
  readonly #provider: CarbonProvider;
  readonly #average: ZoneAverage | null;
  readonly #now: () => number;
  readonly #cache: AnswerCache | null;
  readonly #ownForecasts = new KeptForecast();
  #reading: Promise<CarbonReading> | null = null;
  #kept: KeptAnswer | null = null;
  #cacheLoaded = false;
  #cacheNote: string | null = null;
  #trouble: EcomapError | null = null;
  #lastBasis: string;
  #lastAnswer: ProviderAnswer | null = null;
  /** What the last answer said anew about intervals that are over; with every reading until the next answer. */
  #revised: readonly CarbonRevisedPoint[] = [];
  readonly #random: () => number;

  constructor(
    provider: CarbonProvider,
    average: ZoneAverage | null,
    { now, random = Math.random, stateDirectory }: ProviderSurroundings,
  ) {
    this.#provider = provider;
    this.#average = average;
    this.#now = now;
    this.#random = random;
    this.#lastBasis = `${provider.signal}, ${provider.basis}`;
    const { name, zone, variant } = provider;
    const parts = variant === undefined ? [name, zone] : [name, zone, variant];
    this.#cache = provider.remote || provider.keepsAnswers ? new AnswerCache(stateDirectory, parts) : null;
  }

  get provider(): string {
    return this.#provider.name;
  }

  get zone(): string {
    return this.#provider.zone;
  }

  get pollIntervalMs(): number {
    const stepMs = this.#provider.pollIntervalMs;
    if (this.#trouble !== null) return Math.min(stepMs, retryAfterTroubleMs);
    if (!this.#provider.remote) return stepMs;
    const untilDueMs = Math.max(timerSlackMs, (dueAtMs(this.#provider, this.#kept) ?? 0) - this.#now());
    return untilDueMs + this.#random() * Math.min(longestJitterMs, jitterShare * stepMs);
  }

  get inject(): ((payload: unknown) => void) | null {
    const { inject } = this.#provider;
    if (inject === undefined) return null;
    return (payload) => {
      inject(payload);
      // A read that is under way may not have seen it: who reads from now on gets one that has.
      if (this.#reading !== null) this.#begin(this.#reading.then(() => this.#read()));
    };
  }

  course(): GridCourse {
    const known = this.#known();
    return {
      at: iso(known.atMs),
      past: known.lastDay().map(({ validFromMs, validToMs, intensityGPerKwh, quality }) => ({
        validFrom: iso(validFromMs),
        validTo: iso(validToMs),
        intensityGPerKwh,
        quality,
      })),
      forecast: known.forecastAhead(),
      forecastBy: known.forecastBy,
    };
  }

  get trouble(): EcomapError | null {
    return this.#trouble;
  }

  get notes(): readonly string[] {
    return this.#cacheNote === null ? this.#provider.notes : [...this.#provider.notes, this.#cacheNote];
  }

  read(): Promise<CarbonReading> {
    return this.#reading ?? this.#begin(this.#read());
  }

  #begin(work: Promise<CarbonReading>): Promise<CarbonReading> {
    const reading = work.finally(() => {
      if (this.#reading === reading) this.#reading = null;
    });
    this.#reading = reading;
    return reading;
  }

  close(): void {
    this.#provider.close?.();
  }

  async #read(): Promise<CarbonReading> {
    this.#trouble = await this.#refresh();
    const known = this.#known();
    const why: string[] = [];
    if (this.#trouble !== null) why.push(this.#trouble.message);
    const reading =
      (this.#trouble === null ? this.#live(known, why) : null) ??
      this.#lastGood(known, why) ??
      this.#lastForecast(known, why) ??
      this.#ownForecast(known, why) ??
      this.#zoneAverage(known, why) ??
      this.#unknown(known, why);
    if (reading.intensityGPerKwh !== null) {
      const basis = `${reading.signal}, ${reading.basis}`;
      if (this.#lastBasis !== basis) {
        why.push(
          `signal and basis changed from (${this.#lastBasis}) to (${basis}): values before and after do not compare`,
        );
      }
      this.#lastBasis = basis;
    }
    return reading;
  }

  #known(): KnownGrid {
    return new KnownGrid(this.#kept, this.#provider.gridTimeMs(), this.#ownForecasts);
  }

  /** Asks the provider unless what is kept is fresh enough. Resolves with what went wrong. */
  async #refresh(): Promise<EcomapError | null> {
    const provider = this.#provider;
    if (this.#cache !== null && !this.#cacheLoaded) {
      const kept = await this.#cache.load();
      this.#kept = kept?.zone === provider.zone ? kept : null;
      this.#cacheLoaded = true;
    }
    const askFromMs = provider.remote ? dueAtMs(provider, this.#kept) : null;
    const ageMs = this.#now() - (this.#kept?.fetchedAtMs ?? -Infinity);
    // A clock that was set back must not put the next request off for good.
    if (askFromMs !== null && ageMs >= 0 && this.#now() < askFromMs - timerSlackMs) return null;
    try {
      const answer = await provider.read();
      if (answer.zone !== provider.zone) {
        throw new Error(`answered for the zone ${answer.zone}, asked was ${provider.zone}`);
      }
      const same = this.#kept?.signal === answer.signal && this.#kept.basis === answer.basis ? this.#kept : null;
      const atMs = provider.gridTimeMs();
      // Nothing came since: not worth a write.
      if (this.#cache !== null && answer === this.#lastAnswer) return null;
      this.#lastAnswer = answer;
      const before = same?.points ?? null;
      const points = this.#cache === null ? answer.points : mergePoints(same?.points ?? [], answer.points, atMs);
      const forecastRecord = recordOf(same?.forecastRecord, answer, points, atMs);
      const isKept = this.#cache !== null && before !== null;
      this.#revised = isKept ? revisedPoints(before, points, answer.signal, atMs) : [];
      this.#kept = { ...answer, points, fetchedAtMs: this.#now(), forecastRecord };
      if (this.#cache !== null) this.#cacheNote = await this.#cache.save(this.#kept);
      return null;
    } catch (error) {
      if (isEcomapError(error)) return error;
      return new EcomapError('PROVIDER_UNREACHABLE', `${provider.name}: ${messageOf(error)}`);
    }
  }

  #live(known: KnownGrid, why: string[]): CarbonReading | null {
    const current = known.current();
    if (current?.verdict === 'good' && isKnown(current.point)) {
      return this.#readingOf(known, current.point, current.point.quality, why);
    }
    const reason = current?.reason ?? 'the provider gave no value for now';
    this.#trouble = new EcomapError('PROVIDER_UNREACHABLE', `${this.#provider.name}: ${reason}`);
    why.push(this.#trouble.message);
    if (current?.verdict !== 'suspect') return null;
    const held = known.lastGood;
    if (held === null || known.atMs - held.validToMs > heldForMs) return null;
    why.push(`held the last good value, from ${iso(held.validFromMs)}`);
    return { ...this.#readingOf(known, held, 'stale', why), suspect: true };
  }

  #lastGood(known: KnownGrid, why: string[]): CarbonReading | null {
    const last = known.lastGood;
    if (last === null) {
      why.push('no earlier value is known');
      return null;
    }
    const beyondMs = known.atMs - last.validToMs;
    if (beyondMs > cachedForMs) {
      why.push(`the last good value, from ${iso(last.validFromMs)}, is too old`);
      return null;
    }
    why.push(`the last good value, from ${iso(last.validFromMs)}`);
    return this.#readingOf(known, last, beyondMs >= 0 ? 'stale' : last.quality, why);
  }

  #lastForecast(known: KnownGrid, why: string[]): CarbonReading | null {
    const point = known.forecastNow();
    if (point === null) {
      why.push('no forecast of the provider covers now');
      return null;
    }
    why.push("the provider's last forecast");
    return this.#readingOf(known, point, 'forecast', why);
  }

  #ownForecast(known: KnownGrid, why: string[]): CarbonReading | null {
    const point = known.ownForecastNow();
    if (point === null) {
      why.push('too little is known for an own forecast');
      return null;
    }
    why.push('own forecast (usual course of the day and the departure from it)');
    return this.#readingOf(known, point, 'forecast', why);
  }

  #zoneAverage(known: KnownGrid, why: string[]): CarbonReading | null {
    const average = this.#average;
    if (average === null) {
      why.push('no zone average is set or known');
      return null;
    }
    why.push(`yearly average of the zone ${average.zone}${average.year === null ? '' : ` (${average.year})`}`);
    const year = new Date(known.atMs).getUTCFullYear();
    return {
      ...this.#frame(known, why),
      intensityGPerKwh: average.intensityGPerKwh,
      signal: 'average',
      basis: 'lifecycle',
      zone: average.zone,
      validFrom: iso(Date.UTC(year, 0, 1)),
      validTo: iso(Date.UTC(year + 1, 0, 1)),
      fetchedAt: iso(this.#now()),
      provider: 'static',
      providerVersion: undefined,
      datasetYear: average.year ?? undefined,
      revised: undefined,
      quality: 'static',
      // The bounds and the range belong to another signal or basis: they would not compare.
      forecast: [],
      forecastBy: undefined,
      range24h: null,
      trailingBounds: null,
      attribution: average.attribution,
    };
  }

  #unknown(known: KnownGrid, why: string[]): CarbonReading {
    return {
      ...this.#frame(known, why),
      intensityGPerKwh: null,
      validFrom: iso(known.atMs),
      validTo: iso(known.atMs + this.#provider.stepS * 1000),
      quality: 'unknown',
    };
  }

  #readingOf(
    known: KnownGrid,
    point: KnownCarbonPoint,
    quality: CarbonReading['quality'],
    why: string[],
  ): CarbonReading {
    return {
      ...this.#frame(known, why),
      intensityGPerKwh: point.intensityGPerKwh,
      validFrom: iso(point.validFromMs),
      validTo: iso(point.validToMs),
      quality,
      ...(point.method === undefined ? {} : { method: point.method }),
    };
  }

  #frame(
    known: KnownGrid,
    why: string[],
  ): Omit<CarbonReading, 'intensityGPerKwh' | 'validFrom' | 'validTo' | 'quality'> {
    const kept = this.#kept;
    const { speed } = this.#provider;
    const forecast = known.forecastAhead();
    return {
      signal: kept?.signal ?? this.#provider.signal,
      basis: kept?.basis ?? this.#provider.basis,
      zone: this.#provider.zone,
      fetchedAt: iso(kept?.fetchedAtMs ?? this.#now()),
      provider: this.#provider.name,
      ...(this.#provider.version === undefined ? {} : { providerVersion: this.#provider.version }),
      ...(speed === undefined || speed === 1 ? {} : { speed }),
      suspect: false,
      forecast,
      ...(forecast.length > 0 ? { forecastBy: known.forecastBy } : {}),
      range24h: known.range24h(forecast),
      trailingBounds: known.trailingBounds(),
      attribution: kept?.attribution ?? this.#provider.attribution,
      ...(kept?.datasetYear === undefined ? {} : { datasetYear: kept.datasetYear }),
      ...(this.#revised.length > 0 ? { revised: [...this.#revised] } : {}),
      why,
    };
  }
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();
