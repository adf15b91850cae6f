import type { Component } from '../../signals/device';
import type { HostAnswers } from '../host/protocol';
import type { SlotDirectory } from '../shared-memory/slot-directory';
import type { Order } from './command-channel';
import type { HostEntry } from './host-entry';
import { HostProcess } from './host-process';
import type { HostLauncher } from './launching/host-launcher';

export interface TaskHostOptions {
  readonly component: Component;
  readonly slots: SlotDirectory;
  readonly entry?: HostEntry | undefined;
  readonly launcher?: HostLauncher;
}

type OperatorQuery = Pick<Order<'list-operators'>, 'path' | 'sha256' | 'dims'>;

/** Longest that loading and running a model for once may take, ms, and beyond the time that was asked for. */
const limitMs = 120_000;
const leastHangMs = 10_000;

/** A host that serves nobody: it measures or describes, no cap holds for it, and it is not replaced when it dies. */
export class TaskHost extends HostProcess {
  constructor({ component, slots, entry, launcher }: TaskHostOptions) {
    super({ component, slots, device: null, restart: false, ...(entry && { entry }), ...(launcher && { launcher }) });
  }

  /** Measures a model, or a stage of it, in this process. */
  profile(model: Omit<Order<'profile'>, 'kind'>): Promise<HostAnswers['profile']> {
    return this.order({ kind: 'profile', ...model }, limitMs);
  }

  /** Runs the model that was measured last for so long, alone or in turns with a copy of it. */
  rerun(durationMs: number, besideCopy: boolean): Promise<HostAnswers['rerun']> {
    return this.order({ kind: 'rerun', durationMs, besideCopy }, limitMs + durationMs);
  }

  /** Runs a fixed small model, by which the speed of the component is judged. */
  anchor(): Promise<HostAnswers['anchor']> {
    return this.order({ kind: 'anchor' }, limitMs);
  }

  /** Keeps the memory busy for so long. */
  stress(durationMs: number): Promise<HostAnswers['stress']> {
    return this.order({ kind: 'stress', durationMs }, leastHangMs + durationMs);
  }

  /** Describes a model file. */
  describe(path: string, sha256: string | null, dims: readonly number[] | null): Promise<HostAnswers['describe']> {
    return this.order({ kind: 'describe', path, sha256, dims }, limitMs);
  }

  /** The operators of a model as this host would execute them. */
  listOperators(model: OperatorQuery): Promise<HostAnswers['list-operators']> {
    return this.order({ kind: 'list-operators', ...model }, limitMs);
  }

  /** Times a model and its operators for about `measureMs`. */
  timeOperators(model: OperatorQuery, measureMs: number): Promise<HostAnswers['time-operators']> {
    return this.order({ kind: 'time-operators', ...model, measureMs }, limitMs + measureMs);
  }

  /**
   * Runs a tiny model with the component's execution provider.
   * @throws EcomapError RUNTIME_UNAVAILABLE when it does not run here
   */
  probe(): Promise<null> {
    return this.order({ kind: 'probe' }, limitMs);
  }
}
