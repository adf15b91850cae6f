import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Component } from '../../signals/device';
import { messageOf } from '../../signals/errors';
import { readJsonFile, writeJsonFile } from '../../signals/json-file';
import { closedError } from '../closed-error';
import type { HostEntry } from './host-entry';
import { TaskHost } from './task-host';
import { openSlotDirectory } from '../shared-memory/slot-directory';

const outcomeSchema = z.object({
  /** What was asked, in full: a hash alone could not be checked. */
  of: z.string(),
  works: z.boolean(),
  /** The words of the runtime where it does not. */
  why: z.string(),
  probedAtMs: z.number(),
});
type Outcome = z.infer<typeof outcomeSchema>;

/** People install drivers: that something did not run is believed for an hour. */
const failureValidMs = 60 * 60_000;

export interface ProviderProbeOptions {
  /** Where outcomes are kept from one start to the next; absent keeps them in memory only. */
  readonly stateDirectory?: string;
  readonly hostEntry?: HostEntry;
  readonly nowMs?: () => number;
  readonly warn?: (text: string) => void;
}

/** Version of the runtime that is installed; null where none is. */
export async function runtimeVersion(): Promise<string | null> {
  try {
    const path = createRequire(__filename).resolve('onnxruntime-node/package.json');
    return z.object({ version: z.string() }).parse(JSON.parse(await readFile(path, 'utf8'))).version;
  } catch {
    return null;
  }
}

/**
 * Finds out which execution providers exist here by running a tiny model with each in a child process of its own: a provider that
 * is compiled in, or whose library lies there, may still lack a driver or a device, and some end the process that tries.
 */
export class ProviderProbe {
  readonly #known = new Map<string, Promise<Outcome>>();
  readonly #options: ProviderProbeOptions;
  readonly #active = new Set<TaskHost>();
  #probes = 0;
  #closed = false;

  constructor(options: ProviderProbeOptions = {}) {
    this.#options = options;
  }

  /** Child processes that were started so far. */
  get probes(): number {
    return this.#probes;
  }

  /** Null when the component's provider runs, else why not. The CPU needs no proof beyond that of each model. */
  async problemOf(component: Component): Promise<string | null> {
    const { provider = 'cpu', providerOptions = {} } = component;
    if (provider === 'cpu') return null;
    const version = await runtimeVersion();
    const options = Object.entries(providerOptions).sort(([one], [other]) => (one < other ? -1 : 1));
    const platform = [process.platform, process.arch, release()];
    const of = JSON.stringify([version, provider, options, platform]);
    let outcome = this.#known.get(of);
    if (outcome === undefined) {
      outcome = this.#find(of, component);
      this.#known.set(of, outcome);
    }
    const { works, why } = await outcome;
    return works ? null : why;
  }

  /** Ends what is under way: nobody waits for the outcome any more, and it is not kept. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#active].map((host) => host.close()));
  }

  async #find(of: string, component: Component): Promise<Outcome> {
    const { stateDirectory, warn = () => undefined } = this.#options;
    const nowMs = this.#options.nowMs?.() ?? Date.now();
    const name = `${createHash('sha256').update(of).digest('hex').slice(0, 16)}.json`;
    const path = stateDirectory === undefined ? null : join(stateDirectory, 'ecomap', 'execution-providers', name);
    if (path !== null) {
      const kept = outcomeSchema.safeParse(await readJsonFile(path).catch(() => null));
      const fresh =
        kept.success && kept.data.of === of && (kept.data.works || nowMs - kept.data.probedAtMs < failureValidMs);
      if (fresh) return kept.data;
    }
    const outcome = { of, probedAtMs: nowMs, ...(await this.#probe(component)) };
    if (path !== null && !this.#closed) {
      await writeJsonFile(path, outcome).catch((error: unknown) => {
        warn(`What was found out about execution providers cannot be written to ${path}: ${messageOf(error)}`);
      });
    }
    return outcome;
  }

  async #probe(component: Component): Promise<Pick<Outcome, 'works' | 'why'>> {
    this.#probes += 1;
    const slots = await openSlotDirectory();
    const entry = this.#options.hostEntry;
    const host = new TaskHost({ component, slots, entry });
    this.#active.add(host);
    try {
      if (this.#closed) throw closedError();
      await host.start();
      await host.probe();
      return { works: true, why: '' };
    } catch (error) {
      return { works: false, why: messageOf(error) };
    } finally {
      this.#active.delete(host);
      await host.close();
      await slots.remove();
    }
  }
}
