import type { Component, InferenceDevice } from '../../signals/device';
import type { Clock } from '../clock';
import { closedError } from '../closed-error';
import { Dispatcher } from '../serving/dispatcher';
import type { Quarantine } from './quarantine';
import type { RunTimes } from '../serving/run-times';
import type { SlotDirectory } from '../shared-memory/slot-directory';
import type { HostEntry } from './host-entry';
import type { HostLog } from './host-log';
import { HostProcess, type HostState } from './host-process';
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

/** What a component has done since the executor was made. */
export interface ComponentTotals {
  readonly component: string;
  readonly busyMs: number;
  readonly cpuSeconds: number;
  readonly restarts: number;
  readonly recycled: number;
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

/** Beside an express process: that gets three quarters of the cores whenever it computes. Raising needs no root. */
const ordinaryNice = 5;
/** Of the pace of a component that is slowed down by pauses: both portions together are the whole, so the cap holds. */
const expressPortion = 0.25;
/** Of the memory limit, what the models that nobody uses may fill up together with the others. */
const idleShare = 0.5;

/** One component of the device with the processes that serve it. */
export class ServingComponent {
  readonly component: Component;
  readonly ordinary: ServingProcess;
  /** For small tenants that must not wait behind big ones, see `shouldBeExpress`; null while there is none. */
  #express: ServingProcess | null = null;
  /** What each model takes here, whichever process runs it. */
  readonly #times = new Map<string, RunTimes>();
  #closed = false;
  readonly #past = { busyMs: 0, cpuSeconds: 0, restarts: 0, recycled: 0 };

  constructor(private readonly options: ServingComponentOptions) {
    this.component = options.component;
    this.ordinary = this.#open();
  }

  get processes(): ServingProcess[] {
    return this.#express === null ? [this.ordinary] : [this.ordinary, this.#express];
  }

  get express(): ServingProcess | null {
    return this.#express;
  }

  /** @returns the process beside the ordinary one, not yet started where there was none. @throws EcomapError NODE_CLOSED */
  openExpress(): { readonly process: ServingProcess; readonly isNew: boolean } {
    // It would never be ended.
    if (this.#closed) throw closedError();
    const isNew = this.#express === null;
    this.#express ??= this.#open();
    return { process: this.#express, isNew };
  }

  /** From now on the system prefers the express process. */
  async preferExpress(): Promise<void> {
    await this.ordinary.share(ordinaryNice, 1 - expressPortion);
    await this.#express?.share(0, expressPortion);
  }

  /** Ends the express process, which serves nobody any more. */
  async closeExpress(): Promise<void> {
    const express = this.#express;
    if (express === null) return;
    this.#express = null;
    await express.close();
    this.#past.busyMs += express.dispatcher.busyMs;
    this.#past.cpuSeconds += express.cpuSeconds;
    this.#past.restarts += express.restarts;
    this.#past.recycled += express.recycles;
    await this.ordinary.share(0, 1);
  }

  get totals(): ComponentTotals {
    const { processes } = this;
    const sum = (of: (process: ServingProcess) => number) =>
      processes.reduce((total, process) => total + of(process), 0);
    return {
      component: this.component.name,
      busyMs: this.#past.busyMs + sum(({ dispatcher }) => dispatcher.busyMs),
      cpuSeconds: this.#past.cpuSeconds + sum(({ cpuSeconds }) => cpuSeconds),
      restarts: this.#past.restarts + sum(({ restarts }) => restarts),
      recycled: this.#past.recycled + sum(({ recycles }) => recycles),
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
    this.#closed = true;
    await Promise.all(this.processes.map((process) => process.close()));
  }

  #open(): ServingProcess {
    const { component, slots, device, entry, clock, log, memoryLimitBytes, recycle, mayRaisePriority, quarantineOf } =
      this.options;
    const idleBudgetBytes = idleShare * memoryLimitBytes;
    const openHost = (standby: boolean) => {
      return new HostProcess({ component, slots, device, entry, log, standby, memoryLimitBytes, idleBudgetBytes });
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
