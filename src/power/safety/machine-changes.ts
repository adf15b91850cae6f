import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asEcomapError, EcomapError, isEcomapError, messageOf } from '../../signals/errors';
import type { Clock } from '../clock';
import type { Machine } from '../machine/machine';
import {
  loadRecord,
  recordPathOf,
  recordVersion,
  saveRecord,
  saveRecordAtExit,
  type ChangeRecord,
  type RecordedSetting,
} from './change-record';
import { forgetAtExit, restoreAtExit, writeFileAtExit } from './exit-restore';
import { pathOfKey } from './file-setting';
import { isHolderAlive, holderText, lockMachine, lockPathOf, MachineHeld, type MachineLock } from './machine-lock';
import { localProcesses, type Processes } from './process-identity';
import { restoreSettings } from './restore-settings';
import { isSame, type MachineChanges, type Restored, type Setting, type SettingChange } from './setting';
import { waitBeforeMs } from './setting-rules';

export interface MachineChangesOptions {
  readonly machine: Machine;
  /** Node-RED's user directory; the record lives in `ecomap/` below it. */
  readonly stateDirectory: string;
  readonly dryRun: boolean;
  readonly clock: Clock;
  /** For people: who makes the changes, e.g. `the device "Jetson"`. */
  readonly owner: string;
  readonly processes?: Processes;
}

/** So many changes by others within the window mean that another manager is at work. */
const mostForeignChanges = 3;
const foreignWindowMs = 5 * 60_000;
const mostProblems = 20;

const nothingRestored: Restored = { restored: [], leftToOthers: [], failed: [] };

interface Change {
  readonly from: string;
  readonly to: string;
  /** What was there before the first write. */
  readonly before: string;
}

interface Held {
  readonly lock: MachineLock;
  /** First write first. */
  readonly recorded: Map<string, RecordedSetting>;
}

/** Opens changes to a machine. Nothing is touched, not even the disk, before the first real change. */
export function openMachineChanges(options: MachineChangesOptions): MachineChanges {
  return new RecordedChanges(options);
}

class RecordedChanges implements MachineChanges {
  readonly dryRun: boolean;
  readonly #machine: Machine;
  readonly #clock: Clock;
  readonly #processes: Processes;
  readonly #owner: string;
  readonly #recordPath: string;
  readonly #instance = randomUUID();
  readonly #settings = new Map<string, Setting>();
  readonly #lastWriteMs = new Map<string, number>();
  readonly #foreignAtMs = new Map<string, number[]>();
  readonly #problems: EcomapError[] = [];
  #held: Held | null = null;
  /** The setting that is being written now. */
  #writing: string | null = null;
  #queue: Promise<unknown> = Promise.resolve();

  constructor({ machine, stateDirectory, dryRun, clock, owner, processes }: MachineChangesOptions) {
    this.#machine = machine;
    this.#clock = clock;
    this.#processes = processes ?? localProcesses;
    this.#owner = owner;
    this.#recordPath = recordPathOf(stateDirectory, machine.files.root);
    this.dryRun = dryRun;
  }

  get problems(): readonly EcomapError[] {
    return this.#problems;
  }

  set(setting: Setting, value: string): Promise<SettingChange> {
    return this.#inTurn(async () => {
      try {
        return await this.#change(setting, value);
      } catch (error) {
        throw this.#note(asEcomapError(error));
      }
    });
  }

  restore(): Promise<Restored> {
    return this.#inTurn(async () => {
      const held = this.#held;
      if (held === null) return nothingRestored;
      // What a dead holder has left and nobody has touched here stays on record as it is.
      const entries = [...held.recorded.values()];
      const inherited = entries.filter(({ key }) => !this.#settings.has(key));
      const ours = entries.filter(({ key }) => this.#settings.has(key));
      const outcome = await restoreSettings(ours, (key) => this.#settings.get(key) ?? null);
      for (const { key, problem } of outcome.failed) {
        this.#note(
          new EcomapError('CAP_NOT_ENFORCEABLE', `${key} could not be restored (${problem}): it stays on record.`),
        );
      }
      held.recorded.clear();
      for (const entry of [...inherited, ...outcome.left]) held.recorded.set(entry.key, entry);
      try {
        await saveRecord(this.#recordPath, this.#record(held));
      } catch (error) {
        this.#note(unrecorded(this.#recordPath, error));
      }
      // What could not be restored is for the next start: from now on the record counts as one of a dead holder.
      this.#held = null;
      forgetAtExit(this.#instance);
      await held.lock.release();
      const { restored, leftToOthers, failed } = outcome;
      return { restored, leftToOthers, failed };
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  #note(problem: EcomapError): EcomapError {
    this.#problems.push(problem);
    if (this.#problems.length > mostProblems) this.#problems.shift();
    return problem;
  }

  async #change(setting: Setting, value: string): Promise<SettingChange> {
    const { key } = setting;
    const from = await read(setting);
    if (this.dryRun) return { key, from, to: value, inForce: null };
    if (isSame(setting, value, from)) return { key, from, to: value, inForce: from };
    const { recorded } = (this.#held ??= await this.#hold());
    const known = this.#known(recorded, setting, from);
    this.#settings.set(key, setting);
    const foreign = known !== undefined && !known.ours.some((ours) => isSame(setting, ours, from));
    if (foreign) this.#yieldToOthers(key, from);
    this.#keepDistance(setting, from, value);
    // Reverting needs what was there before us; what somebody else has set since then takes its place.
    const before = known === undefined || foreign ? from : known.before;
    await this.#putOnRecord({ key, before, ours: [...new Set([from, value])] });
    this.#lastWriteMs.set(key, this.#clock.monotonicMs());
    const inForce = await this.#writeAmongOthers(setting, { from, to: value, before });
    const ours = { key, before, ours: [...new Set([value, inForce])] };
    // A rounded value has to be known as ours after a crash too.
    if (inForce === value) recorded.set(key, ours);
    else await this.#putOnRecord(ours);
    return { key, from, to: value, inForce };
  }

  /** What a dead holder has left counts only while it is still in force. */
  #known(recorded: Map<string, RecordedSetting>, setting: Setting, found: string): RecordedSetting | undefined {
    const known = recorded.get(setting.key);
    if (known === undefined || this.#settings.has(setting.key)) return known;
    return known.ours.some((ours) => isSame(setting, ours, found)) ? known : undefined;
  }

  /** What a setting rewrites beside itself stays ours: it is taken on record as such. */
  async #writeAmongOthers(setting: Setting, change: Change): Promise<string> {
    if (setting.rewritesOthers !== true) return this.#write(setting, change);
    const foundBefore = await this.#readOthers(setting.key);
    try {
      return await this.#write(setting, change);
    } finally {
      await this.#takeOver(foundBefore, await this.#readOthers(setting.key));
    }
  }

  /** The present values of the other settings on record, as far as they can be read. */
  async #readOthers(key: string): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const other of this.#held?.recorded.keys() ?? []) {
      const setting = this.#settings.get(other);
      if (other === key || setting === undefined) continue;
      const value = await setting.read().catch(() => null);
      if (value !== null) found.set(other, value);
    }
    return found;
  }

  async #takeOver(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Promise<void> {
    const held = this.#held;
    if (held === null) return;
    const rewritten = [...after].filter(([key, value]) => before.has(key) && before.get(key) !== value);
    for (const [key, value] of rewritten) {
      const entry = held.recorded.get(key);
      if (entry !== undefined) held.recorded.set(key, { ...entry, ours: [...new Set([...entry.ours, value])] });
    }
    if (rewritten.length === 0) return;
    try {
      await saveRecord(this.#recordPath, this.#record(held));
    } catch (error) {
      this.#note(unrecorded(this.#recordPath, error));
    }
  }

  /** @returns the value read back */
  async #write(setting: Setting, { from, to, before }: Change): Promise<string> {
    let inForce: string;
    this.#writing = setting.key;
    try {
      await setting.write(to);
      inForce = await read(setting);
    } catch (error) {
      // It may have changed all the same: the record holds both values until the next write or the restore.
      throw asEcomapError(error);
    } finally {
      this.#writing = null;
    }
    if (isSame(setting, to, inForce)) return inForce;
    let aftermath = 'It was left as it is.';
    if (!isSame(setting, from, inForce)) {
      // What it became is our doing, should setting it back fail.
      await this.#putOnRecord({ key: setting.key, before, ours: [...new Set([from, to, inForce])] });
      aftermath = await setting.write(from).then(
        () => `It was set back to ${from}.`,
        (error: unknown) => `Setting it back to ${from} failed: ${messageOf(error)}.`,
      );
    }
    throw new EcomapError(
      'CAP_NOT_ENFORCEABLE',
      `${setting.key} did not keep the value: wrote ${to}, read back ${inForce}. ${aftermath} ` +
        'The firmware may have locked it, or another program may set it.',
    );
  }

  /** Another program has changed what we set: once is its right, again and again would be a fight. */
  #yieldToOthers(key: string, found: string): void {
    const nowMs = this.#clock.monotonicMs();
    const recent = (this.#foreignAtMs.get(key) ?? []).filter((atMs) => nowMs - atMs < foreignWindowMs);
    if (recent.length < mostForeignChanges) {
      this.#foreignAtMs.set(key, [...recent, nowMs]);
      this.#note(new EcomapError('CAP_NOT_ENFORCEABLE', `Another program has set ${key} to ${found} meanwhile.`));
    }
    if (recent.length + 1 < mostForeignChanges) return;
    throw new EcomapError(
      'CAP_NOT_ENFORCEABLE',
      `Another program keeps changing ${key} (now ${found}); it is left to that program for ` +
        `${foreignWindowMs / 60_000} minutes. Stop the other power manager, or do not let this one set it.`,
    );
  }

  #keepDistance(setting: Setting, from: string, to: string): void {
    const lastMs = this.#lastWriteMs.get(setting.key);
    if (lastMs === undefined) return;
    const waitMs = waitBeforeMs(setting, { from, to, sinceLastMs: this.#clock.monotonicMs() - lastMs });
    if (waitMs === 0) return;
    throw new EcomapError(
      'CAP_NOT_ENFORCEABLE',
      `${setting.key} was changed a moment ago: the next change is possible in ${(waitMs / 1000).toFixed(1)} s.`,
    );
  }

  /** On disk before the first byte is written to the machine. */
  async #putOnRecord(entry: RecordedSetting): Promise<void> {
    const held = this.#held;
    if (held === null) return;
    const old = held.recorded.get(entry.key);
    held.recorded.set(entry.key, entry);
    try {
      await saveRecord(this.#recordPath, this.#record(held));
    } catch (error) {
      if (old === undefined) held.recorded.delete(entry.key);
      else held.recorded.set(entry.key, old);
      throw unrecorded(this.#recordPath, error);
    }
  }

  #record({ recorded }: Held): ChangeRecord {
    return {
      version: recordVersion,
      process: this.#processes.self(),
      instance: this.#instance,
      owner: this.#owner,
      settings: [...recorded.values()],
    };
  }

  /** Takes the machine. What a dead holder could not restore is taken over with what was there before it. */
  async #hold(): Promise<Held> {
    const lockPath = await lockPathOf(this.#machine.files.root, this.#recordPath);
    const content = {
      process: this.#processes.self(),
      instance: this.#instance,
      owner: this.#owner,
      recordPath: this.#recordPath,
    };
    // First on the list, then in the lock: others of this process look whether the lock's holder is on the list.
    restoreAtExit(this.#instance, () => this.#restoreAtExit());
    let lock: MachineLock | null = null;
    try {
      lock = await lockMachine(lockPath, content, this.#processes);
      const { record, warning } = await loadRecord(this.#recordPath);
      if (warning !== null) this.#note(new EcomapError('CAP_NOT_ENFORCEABLE', warning));
      // What we could not restore ourselves is ours to take up again.
      const isOwn = record?.instance === this.#instance;
      if (record !== null && !isOwn && (await isHolderAlive(record, this.#processes))) {
        throw new MachineHeld(holderText(record));
      }
      return { lock, recorded: new Map(record?.settings.map((entry) => [entry.key, entry])) };
    } catch (error) {
      forgetAtExit(this.#instance);
      await lock?.release();
      throw error;
    }
  }

  /** Files only: a tool cannot be run any more. What is left is for the next start. */
  #restoreAtExit(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    // A power mode can only be brought back by its tool, at the next start, and would set the clocks again.
    const isForNextStart = [...this.#settings.values()].some(
      ({ key, rewritesOthers }) => rewritesOthers === true && held.recorded.has(key),
    );
    for (const { key, before, ours } of [...held.recorded.values()].reverse()) {
      const path = pathOfKey(key);
      const setting = this.#settings.get(key);
      if (path === null || setting === undefined) continue;
      try {
        const real = join(this.#machine.files.root, path);
        const found = readFileSync(real, 'utf8').trim();
        if (ours.some((value) => isSame(setting, value, found))) writeFileAtExit(real, before);
        // A write under way may still reach the machine after this one: the next start has to look.
        if (key !== this.#writing && !isForNextStart) held.recorded.delete(key);
      } catch {
        // Stays on record.
      }
    }
    try {
      saveRecordAtExit(this.#recordPath, this.#record(held));
    } catch {
      // The old record still tells the next start what to restore.
    }
    held.lock.releaseAtExit();
  }
}

async function read(setting: Setting): Promise<string> {
  try {
    return await setting.read();
  } catch (error) {
    if (isEcomapError(error)) throw error;
    throw new EcomapError('CAP_NOT_ENFORCEABLE', `${setting.key} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

const unrecorded = (path: string, error: unknown): EcomapError =>
  new EcomapError(
    'CAP_NOT_ENFORCEABLE',
    `What was there before cannot be recorded in ${path} (${messageOf(error)}), so nothing is changed: ` +
      'make the folder writable.',
    { cause: error },
  );
