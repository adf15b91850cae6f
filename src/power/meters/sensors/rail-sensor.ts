import { systemClock, type Clock } from '../../clock';
import { MachineFileError, type MachineFiles, type OpenedFile } from '../../machine/files';
import { jetsonRailBounds, judgePower, parseQuantity, type JudgedPower } from '../rails/quantity';
import { railTotalOf, sumOfRails, type RailTotal } from '../rails/totals';
import type { PowerSample, PowerSensor, RailReading } from '../sensor';
import { findRails, type RailFiles } from './ina-rails';

export const deniedWords = 'may not be read by this process';

/** Where a rail has vanished, its chip may have come back under another number: looked for no more often than this. */
const lookAgainMs = 5000;

/** The power monitors of a Jetson, read through files that are kept open. */
export class RailSensor implements PowerSensor {
  readonly name: string;
  readonly scope = 'module';
  /** Of the power monitors with their shunts, NVIDIA's thermal design guides say. */
  readonly accuracy = 0.05;
  readonly method: string;
  readonly intervalMs = 200;
  private readonly expected: readonly string[];
  private readonly opened = new Map<string, OpenedFile>();
  private lookedAtMs: number;
  private someMissing = false;

  /** @param total null where the rails belong to no known board: they are shown and have no total */
  constructor(
    private readonly files: MachineFiles,
    private rails: readonly RailFiles[],
    private readonly total: RailTotal | null,
    private readonly clock: Clock,
  ) {
    const fromInput = rails.some(({ name, chip }) => chip === 'ina238' && total?.parts.includes(name) === true);
    this.name = fromInput ? 'ina238' : 'ina3221';
    this.method = `${fromInput ? 'INA238' : 'INA3221'}, ${total?.method ?? 'rails of an unknown board'}`;
    this.expected = [...new Set([...rails.map(({ name }) => name), ...(total?.parts ?? [])])];
    this.lookedAtMs = clock.monotonicMs();
  }

  /** One rail after the other: the bus serves one at a time, and the threads that wait for it belong to all of Node.js. */
  async sample(): Promise<PowerSample> {
    const startedAtMs = this.clock.monotonicMs();
    if (this.someMissing && startedAtMs - this.lookedAtMs >= lookAgainMs) await this.lookAgain(startedAtMs);
    this.someMissing = false;
    const readings: RailReading[] = [];
    for (const rail of this.rails) {
      const inTotal = this.total?.parts.includes(rail.name) ?? false;
      readings.push({ name: rail.name, inTotal, ...(await this.read(rail)) });
    }
    for (const name of this.expected) {
      if (this.rails.some((rail) => rail.name === name)) continue;
      this.someMissing = true;
      const inTotal = this.total?.parts.includes(name) ?? false;
      readings.push({ name, inTotal, powerW: null, problem: 'is not there' });
    }
    return {
      atMs: (startedAtMs + this.clock.monotonicMs()) / 2,
      powerW: this.total === null ? null : sumOfRails(this.total, readings),
      energyJ: null,
      rails: readings,
    };
  }

  async close(): Promise<void> {
    const files = [...this.opened.values()];
    this.opened.clear();
    await Promise.allSettled(files.map((file) => file.close()));
  }

  private async read(rail: RailFiles): Promise<JudgedPower> {
    const numbers: number[] = [];
    for (const path of rail.paths) {
      try {
        const text = await this.readKeptOpen(path);
        const number = parseQuantity(text);
        if (number === null) return { powerW: null, problem: `reads "${text.slice(0, 40)}", which is not a number` };
        numbers.push(number);
      } catch (error) {
        return { powerW: null, problem: await this.lose(path, error) };
      }
    }
    return judgePower(rail.toWatts(numbers), jetsonRailBounds);
  }

  private async readKeptOpen(path: string): Promise<string> {
    let file = this.opened.get(path);
    if (file === undefined) {
      file = await this.files.open(path);
      this.opened.set(path, file);
    }
    return file.read();
  }

  /** What could not be read is opened anew next time. */
  private async lose(path: string, error: unknown): Promise<string> {
    const file = this.opened.get(path);
    this.opened.delete(path);
    await file?.close().catch(() => undefined);
    const problem = error instanceof MachineFileError ? error.problem : 'failed';
    if (problem === 'missing') {
      this.someMissing = true;
      return 'is gone';
    }
    if (problem === 'denied') return deniedWords;
    return `could not be read (${error instanceof Error ? error.message : String(error)})`;
  }

  private async lookAgain(nowMs: number): Promise<void> {
    this.lookedAtMs = nowMs;
    const { rails } = await findRails(this.files);
    if (rails.length === 0) return;
    await this.close();
    this.rails = rails;
  }
}

/** @returns null where there is no power monitor that may be read; `denied` names those that may not */
export async function openRailSensor(
  files: MachineFiles,
  clock: Clock = systemClock,
): Promise<{ readonly sensor: RailSensor | null; readonly denied: readonly string[] }> {
  const { rails, denied } = await findRails(files);
  if (rails.length === 0) return { sensor: null, denied };
  return { sensor: new RailSensor(files, rails, railTotalOf(rails.map(({ name }) => name)), clock), denied };
}
