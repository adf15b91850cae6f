import { DescriptionStore } from '../models/description/description-store';
import type { ModelDescription } from '../models/description/model-description';
import { checkModelFile } from '../models/onnx-file';
import type { Component } from '../signals/device';
import type { HostEntry } from './hosting/host-entry';
import type { HostLauncher } from './hosting/launching/host-launcher';
import { TaskHost } from './hosting/task-host';
import { defaultHostLimitBytes } from './hosting/memory-limit';
import { watchMemory } from './hosting/memory-watch';
import { openSlotDirectory } from './shared-memory/slot-directory';

export interface ModelInspectorOptions {
  /** Where descriptions are kept: Node-RED's user directory. */
  readonly stateDirectory: string;
  readonly hostEntry?: HostEntry;
  /** What starts that process; absent: this process itself. */
  readonly launcher?: HostLauncher;
  /** What the process that looks at a model may have, bytes; default: 35 % of the memory that there is. */
  readonly memoryLimitBytes?: number;
  readonly warn?: (text: string) => void;
  /** Ends the process that looks at a model, and what waits is not begun. */
  readonly signal?: AbortSignal;
}

export interface InspectionRequest {
  readonly path: string;
  /** Hash that the file must have; null means any. */
  readonly sha256: string | null;
  /** Shape of the first input; null takes 1 for what the model leaves open. */
  readonly dims: readonly number[] | null;
}

/** Serves nobody and is on no device: one thread, wherever there is room. */
const inspecting: Component = {
  name: 'model-info',
  kind: 'cpu',
  cores: [],
  threads: 1,
  componentClass: 'model-info',
};

/**
 * Describes model files, one at a time, each in a fresh child process that is gone afterwards: a big model costs Node-RED neither
 * time nor memory, and one that crashes takes only its own process along. What was described before is read from disk.
 */
export class ModelInspectorProcess {
  readonly #store: DescriptionStore;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: ModelInspectorOptions) {
    this.#store = new DescriptionStore(options.stateDirectory, options.warn ?? (() => undefined));
  }

  /**
   * @throws EcomapError MODEL_NOT_FOUND, MODEL_INVALID, MODEL_HASH_MISMATCH, RUNTIME_UNAVAILABLE, or
   * HOST_CRASHED when looking at the model ended its process, or took more memory than it may have; NODE_CLOSED or the signal's
   * reason when aborted, after the process is gone
   */
  async describe(request: InspectionRequest): Promise<ModelDescription> {
    const described = this.#tail.then(() => this.#describe(request));
    this.#tail = described.catch(() => undefined);
    return described;
  }

  async #describe({ path, sha256, dims }: InspectionRequest): Promise<ModelDescription> {
    this.options.signal?.throwIfAborted();
    const file = await checkModelFile(path, sha256);
    const kept = await this.#store.get(file.sha256, dims);
    if (kept !== null) return kept;
    const description = await this.#inChild((host) => host.describe(file.path, file.sha256, dims));
    await this.#store.put(description, dims);
    return description;
  }

  async #inChild<T>(task: (host: TaskHost) => Promise<T>): Promise<T> {
    const { signal } = this.options;
    const slots = await openSlotDirectory();
    const memoryLimitBytes = this.options.memoryLimitBytes ?? (await defaultHostLimitBytes(2));
    const { hostEntry: entry, launcher } = this.options;
    const host = new TaskHost({ component: inspecting, slots, entry, ...(launcher && { launcher }) });
    const stopWatching = watchMemory(host, memoryLimitBytes);
    let closed: Promise<void> | null = null;
    const close = (): Promise<void> => (closed ??= host.close());
    const stop = (): void => void close();
    signal?.addEventListener('abort', stop);
    try {
      signal?.throwIfAborted();
      await host.start();
      return await task(host);
    } finally {
      stopWatching();
      signal?.removeEventListener('abort', stop);
      await close();
      await slots.remove();
    }
  }
}
