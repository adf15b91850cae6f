import type { CarbonReading } from '../signals/carbon';
import type { EcomapError } from '../signals/errors';
import type { CarbonSource, GridCourse } from './source';

/** What the `grid` config node provides (kind `grid`) to the nodes that refer to it. */
export interface GridResource {
  readonly provider: string;
  readonly zone: string;
  /** When to read again, ms; shorter while the provider is in trouble, so ask each time. */
  readonly pollIntervalMs: number;
  /** What kept the provider from answering the last read, with its code; null when nothing did. */
  readonly trouble: EcomapError | null;
  /** Never rejects for provider trouble; reads at once share one request. */
  read(): Promise<CarbonReading>;
  /** The last 24 h and the forecast, as of the last reading: nobody is asked. */
  course(): GridCourse;
  /** Null where values do not come by message. The function throws INVALID_MESSAGE. */
  readonly inject: ((payload: unknown) => void) | null;
  /** Hears of every reading, whoever asked for it; returns what ends that. */
  onReading(listener: (reading: CarbonReading) => void): () => void;
}

/** One source for all nodes of a grid. */
export class SharedSource implements GridResource {
  readonly #source: CarbonSource;
  readonly #listeners = new Set<(reading: CarbonReading) => void>();
  readonly #notes = new Set<string>();
  readonly #onNote: (note: string) => void;
  #reading: Promise<CarbonReading> | null = null;
  #closed = false;

  /** @param onNote told each note of the source once */
  constructor(source: CarbonSource, onNote: (note: string) => void) {
    this.#source = source;
    this.#onNote = onNote;
  }

  get provider(): string {
    return this.#source.provider;
  }

  get zone(): string {
    return this.#source.zone;
  }

  get pollIntervalMs(): number {
    return this.#source.pollIntervalMs;
  }

  get trouble(): EcomapError | null {
    return this.#source.trouble;
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

  course(): GridCourse {
    return this.#source.course();
  }

  get inject(): ((payload: unknown) => void) | null {
    const { inject } = this.#source;
    if (inject === null) return null;
    return (payload) => {
      inject(payload);
      if (this.#reading !== null) this.#begin(this.#reading.then(() => this.#read()));
    };
  }

  onReading(listener: (reading: CarbonReading) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.#source.close();
  }

  async #read(): Promise<CarbonReading> {
    const reading = await this.#source.read();
    if (this.#closed) return reading;
    for (const note of this.#source.notes) {
      if (this.#notes.has(note)) continue;
      this.#notes.add(note);
      this.#onNote(note);
    }
    for (const listener of [...this.#listeners]) listener(reading);
    return reading;
  }
}
