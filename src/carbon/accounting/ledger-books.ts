import { weakestSource } from '../../signals/quantities';
import { dayMs, hourMs } from '../provider';
import { addSums, emptySums, sumsOf, type AccountSums } from './account-sums';
import {
  containing,
  cutAt,
  hourOf,
  mergeRows,
  rowKey,
  slotMs,
  totalKey,
  type AccountKey,
  type EnergyCell,
  type EnergyRow,
  type Stretch,
} from './energy-rows';
import { IntensityRows, replaces, standsIn, type IntensityRow } from './intensity-rows';
import { IntensityTimeline } from './intensity-timeline';
import { join, joinedKey, JoinedSums, mergeJoined, sumByHour, type JoinedRow } from './joined';
import type { EnergyRowEntry, GridUsed, JoinedRowEntry, LedgerEntry, Summary, WindowEntry } from './ledger-entries';

/** Providers restate values for hours, some for days; after this time grams stay as they are. */
export const restatableMs = 7 * dayMs;
const mostOpenRows = 8192;
const mostGrids = 64;
/** What held before a restart holds after it for so long beyond its interval. */
const holdsOverRestartMs = 6 * hourMs;

const emptySummary = (nowMs: number): Summary => ({
  fromMs: nowMs,
  toMs: nowMs,
  durationS: 0,
  energySource: null,
  joulesBySource: {},
  unknownEnergyS: 0,
  comparedS: 0,
  restatedIntervals: 0,
  spread: { seconds: 0, sum: 0, sumOfSquares: 0 },
});

/**
 * The books of a ledger: what happened, applied entry by entry. The same entries in the same order give the same books, so a
 * file of entries is all that has to be kept. Memory is bounded: energy rows are joined with their intensities for good after a
 * week (at once where the grid is played), hours are forgotten after the retention; the sums stay.
 */
export class LedgerBooks {
  readonly intensities = new IntensityRows();
  readonly timeline = new IntensityTimeline();
  readonly accounts = new Map<AccountKey, AccountSums>();
  readonly grids = new Map<string, GridUsed>();
  summary: Summary;
  readonly #retentionMs: number;
  #open = new Map<string, EnergyRow>();
  #settled = new JoinedSums();
  #hours = new Map<string, JoinedRow>();
  /** Sums over the open rows of hours that are over, kept until one of them changes. */
  #past: { beforeMs: number; readonly sums: JoinedSums } | null = null;
  #tidiedMs = -Infinity;

  constructor(nowMs: number, retentionDays: number) {
    this.summary = emptySummary(nowMs);
    this.#retentionMs = retentionDays * dayMs;
  }

  apply(entry: LedgerEntry): void {
    switch (entry.kind) {
      case 'intensity':
        this.#putIntensity(entry.row);
        if (entry.inForceMs !== null) this.timeline.add({ atMs: entry.inForceMs, intensity: entry.row.id });
        return;
      case 'window':
        return this.#addWindow(entry);
      case 'reset':
        return this.#reset(entry.atMs);
      case 'summary':
        this.summary = entry.summary;
        return;
      case 'grid':
        return this.#addGrid(entry.grid);
      case 'account':
        this.accounts.set(entry.account, entry.sums);
        return;
      case 'known':
        // Without counting it again.
        return this.intensities.put(entry.row);
      case 'in-force':
        this.timeline.add(entry);
        return;
      case 'energy':
        return this.#putOpen(energyRowOf(entry.row));
      case 'hour': {
        const row = joinedRowOf(entry.row);
        this.#hours.set(joinedKey(row), row);
        return;
      }
      case 'settled':
        return this.#settled.add(joinedRowOf(entry.row));
    }
  }

  /**
   * The entries that make these books anew, as they are at this moment: what the books hold is never changed, only replaced, so
   * the entries may be read out later.
   */
  entries(): Iterable<LedgerEntry> {
    const { summary } = this;
    const grids = [...this.grids.values()];
    const accounts = [...this.accounts];
    const settled = this.#settled.rows();
    const hours = [...this.#hours.values()];
    const intensities = [...this.intensities.all()];
    const inForce = [...this.timeline.entries];
    const open = [...this.#open.values()];
    return (function* (): Generator<LedgerEntry> {
      yield { kind: 'summary', summary };
      for (const grid of grids) yield { kind: 'grid', grid };
      for (const [account, sums] of accounts) yield { kind: 'account', account, sums };
      for (const row of settled) yield { kind: 'settled', row: joinedEntryOf(row) };
      for (const row of hours) yield { kind: 'hour', row: joinedEntryOf(row) };
      for (const row of intensities) yield { kind: 'known', row };
      for (const { atMs, intensity } of inForce) yield { kind: 'in-force', atMs, intensity };
      for (const row of open) yield { kind: 'energy', row: energyEntryOf(row) };
    })();
  }

  /** After entries of an earlier run: what was in force then may be long out of date. */
  resumeAt(nowMs: number): void {
    const latest = this.timeline.latest;
    if (latest === null) return;
    const row = this.intensities.get(latest.intensity);
    const untilMs = row === undefined || row.played ? latest.atMs : Math.max(row.toMs, latest.atMs);
    if (nowMs > untilMs + holdsOverRestartMs) this.timeline.forget();
  }

  /** The whole account joined with what is known of the intensities now. */
  sums(): JoinedSums {
    const thisHourMs = hourOf(this.summary.toMs);
    if (this.#past === null || this.#past.beforeMs > thisHourMs) {
      this.#past = { beforeMs: -Infinity, sums: new JoinedSums() };
    }
    const past = this.#past;
    if (past.beforeMs < thisHourMs) {
      for (const row of this.#open.values()) {
        if (row.fromMs >= past.beforeMs && row.fromMs < thisHourMs) past.sums.add(this.#join(row));
      }
      past.beforeMs = thisHourMs;
    }
    const sums = new JoinedSums();
    sums.addAll(this.#settled);
    sums.addAll(past.sums);
    for (const row of this.#open.values()) if (row.fromMs >= thisHourMs) sums.add(this.#join(row));
    return sums;
  }

  /** Hour by hour, oldest first, as far as the retention reaches. */
  hours(): JoinedRow[] {
    return sumByHour([...this.#hours.values(), ...[...this.#open.values()].map((row) => this.#join(row))]);
  }

  #join(row: EnergyRow): JoinedRow {
    return join(row, row.intensity === null ? undefined : this.intensities.get(row.intensity));
  }

  #reset(atMs: number): void {
    this.summary = emptySummary(atMs);
    this.accounts.clear();
    this.grids.clear();
    this.#open.clear();
    this.#hours.clear();
    this.#settled = new JoinedSums();
    this.#past = null;
  }

  #putIntensity(row: IntensityRow): void {
    const before = this.intensities.get(row.id);
    this.intensities.put(row);
    if (before !== undefined && before.intensityGPerKwh !== row.intensityGPerKwh) {
      this.summary = { ...this.summary, restatedIntervals: this.summary.restatedIntervals + 1 };
    }
    this.#spread(before, -1);
    this.#spread(row, 1);
    for (const open of [...this.#open.values()]) {
      if (open.intensity === row.id) this.#past = null;
      if (open.fromMs < row.fromMs || open.toMs > row.toMs) continue;
      const now = open.intensity === null ? null : (this.intensities.get(open.intensity) ?? null);
      if (now !== null && !standsIn(now, open.fromMs, open.toMs)) continue;
      if (!replaces(row, now, open.fromMs, open.toMs)) continue;
      this.#open.delete(rowKey(open));
      this.#past = null;
      this.#putOpen({ ...open, ...stretchAt(row, open.fromMs), intensity: row.id });
    }
  }

  #spread(row: IntensityRow | undefined, sign: 1 | -1): void {
    if (row === undefined || row.intensityGPerKwh === null) return;
    if (!['measured', 'estimated', 'simulated', 'injected'].includes(row.quality)) return;
    const seconds = (sign * (row.toMs - row.fromMs)) / 1000;
    const { spread } = this.summary;
    this.summary = {
      ...this.summary,
      spread: {
        seconds: spread.seconds + seconds,
        sum: spread.sum + seconds * row.intensityGPerKwh,
        sumOfSquares: spread.sumOfSquares + seconds * row.intensityGPerKwh ** 2,
      },
    };
  }

  #addGrid(grid: GridUsed): void {
    if (this.grids.size < mostGrids) this.grids.set(JSON.stringify(grid), grid);
  }

  #addWindow(window: WindowEntry): void {
    const { summary } = this;
    const accounts = new Map(window.accounts.map(([key, sums]) => [key, sumsOf(sums)]));
    const energyJ = accounts.get(totalKey)?.energyJ ?? null;
    const { source } = window;
    this.summary = {
      ...summary,
      fromMs: summary.durationS === 0 ? window.fromMs : Math.min(summary.fromMs, window.fromMs),
      toMs: Math.max(summary.toMs, window.toMs),
      durationS: summary.durationS + window.durationS,
      unknownEnergyS: summary.unknownEnergyS + (window.energyKnown ? 0 : window.durationS),
      comparedS: summary.comparedS + (window.compared ? window.durationS : 0),
      ...(energyJ === null
        ? {}
        : {
            energySource: weakestSource([summary.energySource, source]),
            joulesBySource: {
              ...summary.joulesBySource,
              [source]: (summary.joulesBySource[source] ?? 0) + energyJ,
            },
          }),
    };
    for (const [key, sums] of accounts) this.accounts.set(key, addSums(this.accounts.get(key) ?? emptySums(), sums));
    for (const [fromMs, toMs, share, id] of window.parts) {
      this.#addPart({ fromMs, toMs }, share, id, window.durationS, accounts);
    }
    this.#tidy(window.toMs);
  }

  #addPart(
    part: Stretch,
    share: number,
    id: string | null,
    durationS: number,
    accounts: ReadonlyMap<AccountKey, AccountSums>,
  ): void {
    const inForce = id === null ? null : (this.intensities.get(id) ?? null);
    const lengthMs = part.toMs - part.fromMs;
    const pieces = lengthMs > 0 ? cutAt(slotMs, part) : [part];
    for (const piece of pieces) {
      const ofPiece = lengthMs > 0 ? (share * (piece.toMs - piece.fromMs)) / lengthMs : share;
      const cells = new Map<AccountKey, EnergyCell>();
      for (const [key, { energyJ, served, servedWithEnergy }] of accounts) {
        cells.set(key, {
          energyJ: energyJ === null ? null : energyJ * ofPiece,
          served: served * ofPiece,
          servedWithEnergy: servedWithEnergy * ofPiece,
        });
      }
      const slot = containing(slotMs, piece.fromMs);
      const holds = inForce !== null && !standsIn(inForce, piece.fromMs, piece.toMs);
      const better = holds ? null : this.intensities.betterThan(inForce, slot.fromMs, slot.toMs);
      const intensity = better ?? inForce;
      if (intensity !== null && intensity.intensityGPerKwh !== null) {
        const { provider, zone, signal, basis, attribution, version, datasetYear } = intensity;
        this.#addGrid({ provider, zone, signal, basis, attribution, version, datasetYear });
      }
      const stretch = intensity !== null && (holds || better !== null) ? stretchAt(intensity, piece.fromMs) : slot;
      const row = { ...stretch, intensity: intensity?.id ?? id, durationS: durationS * ofPiece, cells };
      if (intensity?.played) this.#settle(row);
      else this.#putOpen(row);
    }
  }

  #putOpen(row: EnergyRow): void {
    const key = rowKey(row);
    this.#open.set(key, mergeRows(this.#open.get(key), row));
    if (this.#past !== null && row.fromMs < this.#past.beforeMs) this.#past = null;
  }

  /** From now on nothing restates it. */
  #settle(row: EnergyRow): void {
    const joined = { ...this.#join(row), provisional: false };
    this.#settled.add(joined);
    addJoined(this.#hours, joined);
  }

  /** Once an hour: what is old is joined for good, or forgotten. */
  #tidy(nowMs: number): void {
    if (hourOf(nowMs) === this.#tidiedMs && this.#open.size <= mostOpenRows) return;
    this.#tidiedMs = hourOf(nowMs);
    const openFromMs = nowMs - Math.min(restatableMs, this.#retentionMs);
    let excess = this.#open.size - mostOpenRows;
    for (const [key, row] of this.#open) {
      if (row.toMs > openFromMs && excess <= 0) continue;
      excess -= 1;
      this.#open.delete(key);
      this.#settle(row);
      this.#past = null;
    }
    for (const [key, row] of this.#hours) {
      if (row.hourMs + hourMs <= nowMs - this.#retentionMs) this.#hours.delete(key);
    }
    const used = new Set([...this.#open.values()].map(({ intensity }) => intensity));
    for (const { intensity } of this.timeline.entries) used.add(intensity);
    this.intensities.keepOnly((row) => used.has(row.id) || (!row.played && row.toMs > openFromMs));
  }
}

/** The part of the hour that an intensity covers; the whole hour where its interval is of another clock. */
function stretchAt(intensity: IntensityRow, timeMs: number): Stretch {
  const hour = containing(hourMs, timeMs);
  if (intensity.played) return hour;
  return { fromMs: Math.max(hour.fromMs, intensity.fromMs), toMs: Math.min(hour.toMs, intensity.toMs) };
}

function addJoined(into: Map<string, JoinedRow>, row: JoinedRow): void {
  const key = joinedKey(row);
  into.set(key, mergeJoined(into.get(key), row));
}

function energyRowOf({ cells, ...row }: EnergyRowEntry): EnergyRow {
  return {
    ...row,
    cells: new Map(
      cells.map(([key, energyJ, served, servedWithEnergy]) => [key, { energyJ, served, servedWithEnergy }]),
    ),
  };
}

function joinedRowOf({ cells, ...row }: JoinedRowEntry): JoinedRow {
  return {
    ...row,
    cells: new Map(
      cells.map(([key, energyJ, carbonG, unknownJ, served, servedWithCarbon]) => [
        key,
        { energyJ, carbonG, unknownJ, served, servedWithCarbon },
      ]),
    ),
  };
}

function energyEntryOf({ cells, ...row }: EnergyRow): EnergyRowEntry {
  return {
    ...row,
    cells: [...cells].map(([key, { energyJ, served, servedWithEnergy }]) => [key, energyJ, served, servedWithEnergy]),
  };
}

function joinedEntryOf({ cells, ...row }: JoinedRow): JoinedRowEntry {
  return {
    ...row,
    cells: [...cells].map(([key, { energyJ, carbonG, unknownJ, served, servedWithCarbon }]) => [
      key,
      energyJ,
      carbonG,
      unknownJ,
      served,
      servedWithCarbon,
    ]),
  };
}
