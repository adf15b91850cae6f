import { gramsOf } from '../../signals/quantities';
import { addKnown, hourOf, type AccountKey, type EnergyRow } from './energy-rows';
import { chainOf, covers, type IntensityRow } from './intensity-rows';

/** Joules and grams of one account. */
export interface JoinedCell {
  energyJ: number | null;
  /** Of the joules whose intensity is known; null when it is known of none. */
  carbonG: number | null;
  /** Joules whose intensity is unknown: in no sum of grams. */
  unknownJ: number;
  served: number;
  /** Served while energy and intensity were known: what grams per inference divide by. */
  servedWithCarbon: number;
}

export const unknownChain = 'unknown';

/** Energy joined with intensity: one hour at most, one signal and basis, one quality. */
export interface JoinedRow {
  readonly hourMs: number;
  /** "signal, basis", or `unknown` while there is no intensity. */
  readonly chain: string;
  readonly quality: string;
  /** A later word of the provider may change the grams. */
  readonly provisional: boolean;
  readonly durationS: number;
  /** Seconds times g/kWh, for means over time. */
  readonly intensityS: number;
  readonly cells: ReadonlyMap<AccountKey, JoinedCell>;
}

export const emptyCell = (): JoinedCell => ({
  energyJ: null,
  carbonG: null,
  unknownJ: 0,
  served: 0,
  servedWithCarbon: 0,
});

/** Grams are made here and nowhere else: energy (kWh) times intensity (g/kWh). */
export function join(row: EnergyRow, intensity: IntensityRow | undefined): JoinedRow {
  const valueGPerKwh = intensity?.intensityGPerKwh ?? null;
  const cells = new Map<AccountKey, JoinedCell>();
  for (const [key, { energyJ, served, servedWithEnergy }] of row.cells) {
    const known = valueGPerKwh !== null && energyJ !== null;
    cells.set(key, {
      energyJ,
      carbonG: gramsOf(energyJ, valueGPerKwh),
      unknownJ: known ? 0 : (energyJ ?? 0),
      served,
      servedWithCarbon: known ? servedWithEnergy : 0,
    });
  }
  const isFinal =
    intensity !== undefined &&
    valueGPerKwh !== null &&
    (intensity.played || (intensity.quality === 'measured' && covers(intensity, row.fromMs, row.toMs)));
  return {
    hourMs: hourOf(row.fromMs),
    chain: intensity === undefined || valueGPerKwh === null ? unknownChain : chainOf(intensity),
    quality: valueGPerKwh === null ? 'unknown' : (intensity?.quality ?? 'unknown'),
    provisional: !isFinal,
    durationS: row.durationS,
    intensityS: row.durationS * (valueGPerKwh ?? 0),
    cells,
  };
}

export const joinedKey = ({ hourMs, chain, quality, provisional }: JoinedRow): string =>
  [hourMs, chain, quality, provisional ? 'provisional' : 'final'].join('|');

function addCells(
  into: Map<AccountKey, JoinedCell>,
  cells: ReadonlyMap<AccountKey, JoinedCell>,
): Map<AccountKey, JoinedCell> {
  for (const [key, cell] of cells) {
    const before = into.get(key);
    into.set(key, before === undefined ? { ...cell } : sumOf(before, cell));
  }
  return into;
}

const sumOf = (a: JoinedCell, b: JoinedCell): JoinedCell => ({
  energyJ: addKnown(a.energyJ, b.energyJ),
  carbonG: addKnown(a.carbonG, b.carbonG),
  unknownJ: a.unknownJ + b.unknownJ,
  served: a.served + b.served,
  servedWithCarbon: a.servedWithCarbon + b.servedWithCarbon,
});

/** Both rows have the same key. */
export function mergeJoined(a: JoinedRow | undefined, b: JoinedRow): JoinedRow {
  if (a === undefined) return b;
  return {
    ...b,
    durationS: a.durationS + b.durationS,
    intensityS: a.intensityS + b.intensityS,
    cells: addCells(new Map(a.cells), b.cells),
  };
}

/** Sums of joined rows, one per signal and basis, quality and finality: what never mixes is never added up here. */
export class JoinedSums {
  readonly #byKind = new Map<string, JoinedRow>();

  add(row: JoinedRow): void {
    const timeless = row.hourMs === 0 ? row : { ...row, hourMs: 0 };
    const key = joinedKey(timeless);
    this.#byKind.set(key, mergeJoined(this.#byKind.get(key), timeless));
  }

  addAll(other: JoinedSums): void {
    for (const row of other.rows()) this.add(row);
  }

  rows(): Iterable<JoinedRow> {
    return this.#byKind.values();
  }
}

/** One account over all kinds of rows, or over those that fit. */
export function cellOver(
  rows: Iterable<JoinedRow>,
  key: AccountKey,
  fits: (row: JoinedRow) => boolean = () => true,
): JoinedCell {
  let sum = emptyCell();
  for (const row of rows) {
    const cell = fits(row) ? row.cells.get(key) : undefined;
    if (cell !== undefined) sum = sumOf(sum, cell);
  }
  return sum;
}
