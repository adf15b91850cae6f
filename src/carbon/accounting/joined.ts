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

interface Accumulated extends JoinedRow {
  durationS: number;
  intensityS: number;
  readonly cells: Map<AccountKey, JoinedCell>;
}

/** Sums of joined rows, one per key: what never mixes is never added up here. */
class Accumulator {
  readonly #rows = new Map<string, Accumulated>();

  add(row: JoinedRow): void {
    const key = joinedKey(row);
    let sum = this.#rows.get(key);
    if (sum === undefined) {
      sum = { ...row, durationS: 0, intensityS: 0, cells: new Map() };
      this.#rows.set(key, sum);
    }
    sum.durationS += row.durationS;
    sum.intensityS += row.intensityS;
    for (const [account, cell] of row.cells) {
      const before = sum.cells.get(account);
      if (before === undefined) sum.cells.set(account, { ...cell });
      else addTo(before, cell);
    }
  }

  /** Its own rows, which later additions change. */
  rows(): Iterable<JoinedRow> {
    return this.#rows.values();
  }
}

function addTo(sum: JoinedCell, cell: JoinedCell): void {
  sum.energyJ = addKnown(sum.energyJ, cell.energyJ);
  sum.carbonG = addKnown(sum.carbonG, cell.carbonG);
  sum.unknownJ += cell.unknownJ;
  sum.served += cell.served;
  sum.servedWithCarbon += cell.servedWithCarbon;
}

/** Sums over all time, one per signal and basis, quality and finality. */
export class JoinedSums {
  readonly #sums = new Accumulator();

  add(row: JoinedRow): void {
    this.#sums.add(row.hourMs === 0 ? row : { ...row, hourMs: 0 });
  }

  addAll(other: JoinedSums): void {
    for (const row of other.#sums.rows()) this.#sums.add(row);
  }

  /** As they are now: later additions do not change them. */
  rows(): JoinedRow[] {
    return [...this.#sums.rows()].map(copyOf);
  }
}

const copyOf = (row: JoinedRow): JoinedRow => ({
  ...row,
  cells: new Map([...row.cells].map(([key, cell]) => [key, { ...cell }])),
});

/** Rows of the same hour, signal and basis, quality and finality as one; oldest hour first. */
export function sumByHour(rows: Iterable<JoinedRow>): JoinedRow[] {
  const sums = new Accumulator();
  for (const row of rows) sums.add(row);
  return [...sums.rows()].sort((a, b) => a.hourMs - b.hourMs || (joinedKey(a) < joinedKey(b) ? -1 : 1));
}

/** Two rows of the same key as one; neither is changed. */
export function mergeJoined(a: JoinedRow | undefined, b: JoinedRow): JoinedRow {
  return a === undefined ? b : (sumByHour([a, b])[0] ?? b);
}

/** One account over all kinds of rows, or over those that fit. */
export function cellOver(
  rows: Iterable<JoinedRow>,
  key: AccountKey,
  fits: (row: JoinedRow) => boolean = () => true,
): JoinedCell {
  const sum = emptyCell();
  for (const row of rows) {
    const cell = fits(row) ? row.cells.get(key) : undefined;
    if (cell !== undefined) addTo(sum, cell);
  }
  return sum;
}
