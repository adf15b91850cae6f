import type { PowerScope } from '../../../signals/quantities';
import type { Clock } from '../../clock';
import type { Programs } from '../../machine/programs';
import type { PowerSample, PowerSensor, RailReading } from '../sensor';
import { BackgroundProgram, type BackOff } from './background-program';

/** What a line, or the last few of them, said. */
export interface StreamedReading {
  readonly powerW: number | null;
  readonly rails: readonly RailReading[];
}

export interface StreamedSensorOptions {
  readonly name: string;
  readonly scope: PowerScope;
  readonly accuracy: number | null;
  readonly program: string;
  readonly args: readonly string[];
  /** How often the program prints. */
  readonly intervalMs: number;
  /** null for a line that completes no reading. Must not throw. */
  readonly parse: (line: string) => StreamedReading | null;
  /** In words, of the first reading. */
  readonly methodOf: (first: StreamedReading) => string;
  readonly programs: Programs;
  readonly clock: Clock;
  readonly backOff?: BackOff;
  /** How long its first reading may take, ms. */
  readonly patienceMs: number;
}

/** A sensor whose numbers a program prints again and again: started once, in the background, and started anew when it ends. */
export class StreamedSensor implements PowerSensor {
  readonly name: string;
  readonly scope: PowerScope;
  readonly accuracy: number | null;
  readonly intervalMs: number;
  private words = 'no reading yet';
  private readonly background: BackgroundProgram;
  private newest: { readonly reading: StreamedReading; readonly atMs: number } | null = null;
  private settleFirst: () => void = () => undefined;
  private readonly first = new Promise<void>((resolve) => (this.settleFirst = resolve));

  constructor(private readonly options: StreamedSensorOptions) {
    this.name = options.name;
    this.scope = options.scope;
    this.accuracy = options.accuracy;
    this.intervalMs = options.intervalMs;
    const { programs, program, args, clock, backOff } = options;
    this.background = new BackgroundProgram(programs, program, args, (line) => this.take(line), clock, backOff);
  }

  get method(): string {
    return this.words;
  }

  /** In words: why there is no reading now; null when there is one. */
  get problem(): string | null {
    if (this.freshReading() !== null) return null;
    return this.background.problem ?? `${this.options.program} says nothing`;
  }

  get missing(): boolean {
    return this.background.missing;
  }

  /** Waits for the first reading, or until it is clear that there will be none. */
  async settle(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.options.patienceMs)));
    await Promise.race([this.first, this.background.firstEnd, patience]);
    clearTimeout(timer);
  }

  sample(): Promise<PowerSample> {
    const fresh = this.freshReading();
    if (fresh !== null) return Promise.resolve({ atMs: fresh.atMs, energyJ: null, ...fresh.reading });
    const problem = this.problem;
    const rails = (this.newest?.reading.rails ?? []).map((rail) => ({ ...rail, powerW: null, problem }));
    return Promise.resolve({ atMs: this.options.clock.monotonicMs(), powerW: null, energyJ: null, rails });
  }

  close(): Promise<void> {
    return this.background.close();
  }

  private take(line: string): void {
    const reading = this.options.parse(line);
    if (reading === null) return;
    if (this.newest === null) this.words = this.options.methodOf(reading);
    this.newest = { reading, atMs: this.options.clock.monotonicMs() };
    this.settleFirst();
  }

  /** The newest reading, unless the program has missed more than two of its own intervals. */
  private freshReading(): { readonly reading: StreamedReading; readonly atMs: number } | null {
    if (this.newest === null) return null;
    const ageMs = this.options.clock.monotonicMs() - this.newest.atMs;
    return ageMs <= 3 * this.intervalMs ? this.newest : null;
  }
}
