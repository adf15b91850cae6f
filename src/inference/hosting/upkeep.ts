import { messageOf } from '../../signals/errors';
import type { Clock } from '../clock';
import type { OneAtATime } from '../one-at-a-time';
import type { Places } from './change-over';
import { ExpressArrangement } from './express-arrangement';
import type { HostLog } from './host-log';
import type { ServingComponent } from './serving-component';
import type { ServingProcess } from './serving-process';

export interface UpkeepOptions {
  readonly components: readonly ServingComponent[];
  readonly places: Places;
  readonly clock: Clock;
  readonly log: HostLog;
  /** The changes of what serves whom. */
  readonly changes: OneAtATime;
  /** Changes are made only while it says so. */
  readonly isServing: () => boolean;
  /** Hears of each new process before it starts. */
  readonly onOpen: (process: ServingProcess) => void;
  readonly onChange: () => void;
}

const intervalMs = 500;

/**
 * Looks after the processes of all components while they serve: their memory and age, and which tenants need a process of their
 * own. Never fails: what is not possible is told to the log.
 */
export class Upkeep {
  readonly #expresses: readonly ExpressArrangement[];
  readonly #arranging = new Set<ExpressArrangement>();
  readonly #timer: NodeJS.Timeout;
  #looking = false;
  #ended = false;

  /** Begins at once, and goes on until `stop`. */
  constructor(private readonly options: UpkeepOptions) {
    const { components, places, onOpen, log } = options;
    this.#expresses = components.map((component) => new ExpressArrangement(component, places, onOpen, log));
    this.#timer = setInterval(() => void this.#look(), intervalMs);
  }

  stop(): void {
    this.#ended = true;
    clearInterval(this.#timer);
  }

  /** A new process takes over from one that is old or has grown; that it cannot is no reason to stop the old one. */
  recycle(process: ServingProcess, why: string): Promise<void> {
    return this.options.changes.run(() => this.#recycle(process, why));
  }

  async #recycle(process: ServingProcess, why: string): Promise<void> {
    const { isServing, log } = this.options;
    if (!isServing()) return;
    try {
      const prepared = await process.prepare({ changes: new Map(), fresh: true });
      if (!isServing()) {
        await process.discard(prepared);
        return;
      }
      const replaced = process.commit(prepared, new Map());
      log.info(`${process.component}: a new process took over, because ${why}.`);
      process.recycled(why);
      await process.finish(replaced);
    } catch (error) {
      log.warn(`${process.component}: its process was to be replaced, because ${why}: ${messageOf(error)}`);
    }
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#ended) return;
    this.#looking = true;
    const { components, clock, log } = this.options;
    try {
      const nowMs = clock.nowMs();
      await Promise.all(components.map((component) => component.watch(nowMs)));
      this.#arrangeWhatIsDue(nowMs);
    } catch (error) {
      log.warn(`The inference hosts could not be looked after: ${messageOf(error)}`);
    } finally {
      this.#looking = false;
    }
  }

  /** Does not wait for it: the memory of a process that loads has to be looked at while it loads. */
  #arrangeWhatIsDue(nowMs: number): void {
    for (const express of this.#expresses) {
      if (this.#arranging.has(express) || !express.isDue(nowMs)) continue;
      this.#arranging.add(express);
      void this.options.changes.run(() => this.#arrange(express));
    }
  }

  async #arrange(express: ExpressArrangement): Promise<void> {
    const { isServing, clock, log, onChange } = this.options;
    try {
      if (!isServing()) return;
      await express.arrange(clock.nowMs());
      onChange();
    } catch (error) {
      log.warn(`The inference processes could not be arranged: ${messageOf(error)}`);
    } finally {
      this.#arranging.delete(express);
    }
  }
}
