import type { Component, InferenceDevice } from '../../signals/device';
import type { Clock } from '../clock';
import { Dispatcher } from '../serving/dispatcher';
import type { Quarantine } from '../quarantine';
import type { RunTimes } from '../serving/run-times';
import type { SlotDirectory } from '../shared-memory/slot-directory';
import type { ComponentTotals } from '../telemetry-window';
import type { HostEntry } from './host-entry';
import { HostProcess, type HostLog, type HostState } from './host-process';
import type { RecycleRules } from './memory-guard';
import { ServingProcess } from './serving-process';

export interface ServingComponentOptions {
  readonly component: Component;
  readonly slots: SlotDirectory;
  readonly device: Pick<InferenceDevice, 'register'>;
  readonly entry: HostEntry | undefined;
  readonly clock: Clock;
  readonly log: HostLog;
  /** What each process may have, bytes. */
  readonly memoryLimitBytes: number;
  readonly recycle: RecycleRules;
  readonly mayRaisePriority: boolean;
  readonly quarantineOf: (tenant: string) => Quarantine;
}

export interface ServingProcessState {
  readonly component: string;
  readonly state: HostState;
  readonly pid: number | null;
  readonly pinned: boolean;
  readonly restarts: number;
  /** Processes that were replaced because of their age or memory, and why the last one was. */
  readonly recycles: number;
  readonly recycledBecause: string | null;
  readonly rssBytes: number | null;
  /** Models in memory, those that nobody uses at the moment included. */
  readonly models: number;
  /** In words; null when all is well. */
  readonly degraded: string | null;
}

/** Of the memory limit, what the models that nobody uses may fill up together with the others. */
const idleShare = 0.5;

/** One component of the device with the processes that serve it. */
export class ServingComponent {
  readonly component: Component;
  readonly ordinary: ServingProcess;
  /** What each model takes here, whichever process runs it. */
  readonly #times = new Map<string, RunTimes>();
  #opened = 0;

  constructor(private readonly options: ServingComponentOptions) {
    this.component = options.component;
    this.ordinary = this.#open();
  }

  get processes(): ServingProcess[] {
    return [this.ordinary];
  }

  get totals(): ComponentTotals {
    const { processes } = this;
    const sum = (of: (process: ServingProcess) => number) =>
      processes.reduce((total, process) => total + of(process), 0);
    return {
      component: this.component.name,
      busyMs: sum(({ dispatcher }) => dispatcher.busyMs),
      cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
      restarts: sum(({ restarts }) => restarts),
    };
  }

  states(): ServingProcessState[] {
    return this.processes.map((process) => {
      const { host } = process;
      return {
        component: this.component.name,
        state: host.state,
        pid: host.pid,
        pinned: host.pinned,
        restarts: process.restarts,
        recycles: process.recycles,
        recycledBecause: process.recycledBecause,
        rssBytes: host.rssBytes,
        models: host.models,
        degraded: degradedBecause(process),
      };
    });
  }

  async watch(nowMs: number): Promise<void> {
    for (const process of this.processes) await process.watch(nowMs);
  }

  async close(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.close()));
  }

  #open(): ServingProcess {
    const { component, slots, device, entry, clock, log, memoryLimitBytes, recycle, mayRaisePriority, quarantineOf } =
      this.options;
    const idleBudgetBytes = idleShare * memoryLimitBytes;
    const openHost = () => {
      this.#opened += 1;
      const name = `${component.name}-${this.#opened}`;
      return new HostProcess({ component, name, slots, device, entry, log, memoryLimitBytes, idleBudgetBytes });
    };
    const dispatcher = new Dispatcher({ clock, ready: () => process.ready });
    const process: ServingProcess = new ServingProcess({
      component: component.name,
      dispatcher,
      openHost,
      times: this.#times,
      quarantineOf,
      idleBudgetBytes,
      memoryLimitBytes,
      recycle,
      mayRaisePriority,
      log,
    });
    return process;
  }
}

function degradedBecause(process: ServingProcess): string | null {
  const { host } = process;
  if (host.state === 'restarting') return `restarting: ${host.lastReason}`;
  if (host.state === 'down') return `does not come up: ${host.lastReason}`;
  if (process.isSwapping) return 'a new process is being loaded beside the one that serves';
  return null;
}
