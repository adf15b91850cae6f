import type { CarbonBasis, CarbonQuality, CarbonReading, CarbonSignal } from '../../signals/carbon';

/** The intensity of one interval of one grid, as it was stated last. Kept apart from energy: grams are made when somebody asks. */
export interface IntensityRow {
  readonly id: string;
  readonly signal: CarbonSignal;
  readonly basis: CarbonBasis;
  readonly zone: string;
  readonly provider: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly fetchedAtMs: number;
  /** gCO2eq/kWh; null while unknown. */
  readonly intensityGPerKwh: number | null;
  readonly quality: CarbonQuality;
  readonly attribution: string;
  /** Version of the provider's interface and year of its data, where known. */
  readonly version: string | null;
  readonly datasetYear: number | null;
  /** Comes from a recording or a curve with a clock of its own: its interval says nothing about wall time. */
  readonly played: boolean;
  /** How often the value was replaced by a later statement. */
  readonly restated: number;
}

export type RecordedRow = {
  readonly row: IntensityRow;
  readonly change: 'new' | 'restated' | 'none';
};

/** Signal and basis: values of different chains do not compare. */
export const chainOf = ({ signal, basis }: Pick<IntensityRow, 'signal' | 'basis'>): string => `${signal}, ${basis}`;

/** What replaces what: the provider's later word about an interval is better than an earlier guess. */
const ranks: Record<CarbonQuality, number> = {
  measured: 6,
  simulated: 6,
  estimated: 5,
  injected: 4,
  forecast: 3,
  static: 2,
  stale: 1,
  unknown: 0,
};
export const rankOf = (row: Pick<IntensityRow, 'quality'>): number => ranks[row.quality];

/** A trace and a simulated grid have clocks of their own and are never restated. */
const isPlayed = ({ quality, provider }: CarbonReading): boolean =>
  quality === 'simulated' || provider === 'trace' || provider === 'simulated';

/** Stands for a value of its interval; a stale one is borrowed from another interval, an unknown one is none. */
const isOwnValue = ({ quality }: IntensityRow): boolean => quality !== 'stale' && quality !== 'unknown';

export const covers = (row: IntensityRow, fromMs: number, toMs: number): boolean =>
  row.fromMs <= fromMs && toMs <= row.toMs;

/**
 * True when the row only stands in for what the provider has not said yet: of another interval, stale, a forecast, a yearly
 * average or unknown.
 */
export function standsIn(row: IntensityRow, fromMs: number, toMs: number): boolean {
  if (row.played) return false;
  return !isOwnValue(row) || row.quality === 'forecast' || row.quality === 'static' || !covers(row, fromMs, toMs);
}

/**
 * The intensities a ledger knows, by zone, signal, basis and interval. A reading of an interval that is already known restates it
 * when its quality is better, or as good and fetched later. One that is worse, or older, changes nothing. Two that contradict each
 * other without saying which is later stand side by side, each from when it came.
 */
export class IntensityRows {
  #rows = new Map<string, IntensityRow>();

  get(id: string): IntensityRow | undefined {
    return this.#rows.get(id);
  }

  get size(): number {
    return this.#rows.size;
  }

  all(): Iterable<IntensityRow> {
    return this.#rows.values();
  }

  put(row: IntensityRow): void {
    this.#rows.set(row.id, row);
  }

  keepOnly(isKept: (row: IntensityRow) => boolean): void {
    for (const [id, row] of this.#rows) if (!isKept(row)) this.#rows.delete(id);
  }

  /** What a reading says, and whether that is new. Records nothing itself: {@link put} does. */
  judge(reading: CarbonReading): RecordedRow {
    const stated = rowOf(reading);
    const known = this.#versionsOf(stated.id);
    const last = known.at(-1);
    if (last === undefined) return { row: stated, change: 'new' };
    const same = known.find(
      (row) => row.intensityGPerKwh === stated.intensityGPerKwh && row.quality === stated.quality,
    );
    if (same !== undefined) return { row: same, change: 'none' };
    const version = (): RecordedRow => ({ row: { ...stated, id: `${stated.id}#${known.length}` }, change: 'new' });
    if (stated.played) return version();
    const better = rankOf(stated) - rankOf(last);
    if (better > 0 || (better === 0 && stated.fetchedAtMs > last.fetchedAtMs)) {
      return { row: { ...stated, id: last.id, restated: last.restated + 1 }, change: 'restated' };
    }
    return better === 0 && stated.fetchedAtMs === last.fetchedAtMs ? version() : { row: last, change: 'none' };
  }

  /**
   * The best value the provider itself states for a time in which another row stands in: of the same signal and basis, or of any
   * where nothing but a yearly average is known. null when there is none better.
   */
  betterThan(standIn: IntensityRow | null, fromMs: number, toMs: number): IntensityRow | null {
    let best: IntensityRow | null = null;
    for (const row of this.#rows.values()) {
      if (!replaces(row, standIn, fromMs, toMs)) continue;
      const order = best === null ? 1 : rankOf(row) - rankOf(best) || best.toMs - best.fromMs - (row.toMs - row.fromMs);
      if (order > 0) best = row;
    }
    return best;
  }

  #versionsOf(id: string): IntensityRow[] {
    const versions: IntensityRow[] = [];
    for (let version = 0; ; version += 1) {
      const row = this.#rows.get(version === 0 ? id : `${id}#${version}`);
      if (row === undefined) return versions;
      versions.push(row);
    }
  }
}

/** Whether a row is a better word about a time than what stands in for it. */
export function replaces(row: IntensityRow, standIn: IntensityRow | null, fromMs: number, toMs: number): boolean {
  if (row.played || row.intensityGPerKwh === null || !isOwnValue(row) || !covers(row, fromMs, toMs)) return false;
  if (standIn === null) return true;
  if (row.id === standIn.id) return false;
  const anyChain = standIn.intensityGPerKwh === null || standIn.quality === 'static';
  if (!anyChain && (chainOf(row) !== chainOf(standIn) || row.zone !== standIn.zone)) return false;
  return !isOwnValue(standIn) || !covers(standIn, fromMs, toMs) || rankOf(row) > rankOf(standIn);
}

function rowOf(reading: CarbonReading): IntensityRow {
  const { signal, basis, zone, provider, intensityGPerKwh, attribution } = reading;
  const fromMs = Date.parse(reading.validFrom);
  const toMs = Date.parse(reading.validTo);
  const quality = intensityGPerKwh === null ? 'unknown' : reading.quality;
  const kind = quality === 'stale' || quality === 'unknown' ? quality : 'value';
  return {
    id: [signal, basis, zone, fromMs, toMs, kind].join('|'),
    signal,
    basis,
    zone,
    provider,
    fromMs,
    toMs,
    fetchedAtMs: Date.parse(reading.fetchedAt),
    intensityGPerKwh,
    quality,
    attribution,
    version: reading.providerVersion ?? null,
    datasetYear: reading.datasetYear ?? null,
    played: isPlayed(reading),
    restated: 0,
  };
}
