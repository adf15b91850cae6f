import type { Component } from '../signals/device';
import { EcomapError } from '../signals/errors';
import type { OperatorList, OperatorTimes } from '../signals/operator-profile';
import type { Source } from '../signals/quantities';
import type { EnergyReader } from './energy';
import { patternInputs } from './host/pattern-inputs';
import type { HostEntry } from './hosting/host-entry';
import { TaskHost } from './hosting/task-host';
import { defaultHostLimitBytes } from './hosting/memory-limit';
import { watchMemory } from './hosting/memory-watch';
import { openSlotDirectory } from './shared-memory/slot-directory';

export interface OperatorProfilerOptions {
  readonly hostEntry?: HostEntry;
  /** About how long one model is measured, ms. */
  readonly measureMs?: number;
}

export interface ProfiledModel {
  readonly path: string;
  readonly sha256: string | null;
  readonly component: Component;
  /** Shape of the first input; null takes 1 for what the model leaves open. */
  readonly dims: readonly number[] | null;
}

/** Joules of the whole device during one run. */
export interface RunEnergy {
  readonly energyJ: number;
  readonly source: Source;
  readonly method: string;
}

/** To start a process takes longer than to measure a small model, and what many have left behind may disturb. */
const modelsPerChild = 20;

interface Child {
  readonly host: TaskHost;
  models: number;
  readonly stopWatching: () => void;
  end(): Promise<void>;
}

const defaultMeasureMs = 1200;
/** A sensor that is read once or twice per second needs a few seconds of the same load. */
const meteredMs = 3000;

/**
 * Looks at the operators of models, one model at a time, in a child process that is pinned like the host it stands for: which there
 * are, how long each takes, and, where a meter is given, what a run costs. A model that crashes takes only that process along.
 */
export class OperatorProfiler {
  readonly #options: OperatorProfilerOptions;
  #tail: Promise<unknown> = Promise.resolve();
  #child: Child | null = null;
  #closed = false;

  constructor(options: OperatorProfilerOptions = {}) {
    this.#options = options;
  }

  /**
   * The operators as the runtime would execute them on the component; nothing is timed.
   * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, INPUT_MISMATCH, RUNTIME_UNAVAILABLE, HOST_CRASHED
   */
  list({ path, sha256, dims, component }: ProfiledModel): Promise<OperatorList> {
    return this.#next(component, (host) => host.listOperators({ path, sha256, dims }));
  }

  /** @throws EcomapError as {@link list}; also where the profile of the runtime cannot be read (RUNTIME_UNAVAILABLE) */
  time({ path, sha256, dims, component }: ProfiledModel): Promise<OperatorTimes> {
    const measureMs = this.#options.measureMs ?? defaultMeasureMs;
    return this.#next(component, (host) => host.timeOperators({ path, sha256, dims }, measureMs));
  }

  /**
   * Runs the model alone for some seconds between two looks at the meter. Null when the meter does not know the energy.
   * @throws EcomapError as {@link list}
   */
  meter(
    { path, sha256, dims, component }: ProfiledModel,
    reader: EnergyReader,
    forMs = meteredMs,
  ): Promise<RunEnergy | null> {
    return this.#next(component, async (host) => {
      const key = 'metered';
      const { signature } = await host.load({ key, path, sha256 });
      const inputs = patternInputs(signature, dims);
      await host.run(key, [inputs], { expectedMs: null, refuseNonFinite: false });
      reader.readEnergy();
      const started = performance.now();
      let runs = 0;
      do {
        await host.run(key, [inputs], { expectedMs: null, refuseNonFinite: false });
        runs += 1;
      } while (performance.now() - started < forMs);
      const { totalJ, source, method } = reader.readEnergy();
      return totalJ === null || totalJ <= 0 ? null : { energyJ: totalJ / runs, source, method };
    });
  }

  /** Ends what is under way; it and what waits are rejected with NODE_CLOSED. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#child?.host.close();
    await this.#tail;
    await this.#endChild();
  }

  #next<T>(component: Component, task: (host: TaskHost) => Promise<T>): Promise<T> {
    const done = this.#tail.then(() => this.#inChild(component, task));
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async #inChild<T>(component: Component, task: (host: TaskHost) => Promise<T>): Promise<T> {
    if (this.#closed) throw new EcomapError('NODE_CLOSED', 'The measurement of operators was stopped.');
    const child = await this.#childFor(component);
    try {
      return await task(child.host);
    } catch (error) {
      // Whatever it was, the next model shall not suffer from it.
      await this.#endChild();
      throw error;
    } finally {
      child.models += 1;
      if (child.models >= modelsPerChild) await this.#endChild();
    }
  }

  async #childFor(component: Component): Promise<Child> {
    if (this.#child?.host.component === component) return this.#child;
    await this.#endChild();
    const slots = await openSlotDirectory();
    const host = new TaskHost({ component, slots, entry: this.#options.hostEntry });
    const child: Child = {
      host,
      models: 0,
      stopWatching: watchMemory(host, await defaultHostLimitBytes(1)),
      end: async () => {
        child.stopWatching();
        await host.close();
        await slots.remove();
      },
    };
    this.#child = child;
    try {
      await host.start();
    } catch (error) {
      await this.#endChild();
      throw error;
    }
    return child;
  }

  async #endChild(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    await child?.end();
  }
}
