import type { CoLocationRun, CoLocationRunner, NetworkToRun } from '../signals/co-location-run';
import { powerAt, type InferenceDevice } from '../signals/device';
import type { DeviceDescription } from '../signals/device-description';
import { asEcomapError, EcomapError, type ErrorCode } from '../signals/errors';
import type { PowerReading } from '../signals/quantities';
import { ClosedLoop } from './co-location/closed-loop';
import { CoLocatedNetwork } from './co-location/co-located-network';
import type { HostEntry } from './hosting/host-entry';
import type { HostLog } from './hosting/host-log';
import { HostLostError } from './hosting/host-lost-error';
import { HostProcess } from './hosting/host-process';
import { openLauncher } from './hosting/launching/launcher-process';
import { defaultHostLimitBytes } from './hosting/memory-limit';
import { watchMemory } from './hosting/memory-watch';
import { RequestSlots } from './shared-memory/request-slots';
import { openSlotDirectory, type SlotDirectory } from './shared-memory/slot-directory';

/** Of a device: mean power since the last call. */
interface PowerReader {
  readPower(): PowerReading;
}

export interface CoLocationRunnerOptions {
  readonly device: Pick<InferenceDevice, 'components' | 'operatingPointInForce' | 'register'> & {
    /** What its power law covers; absent: the computing module of this machine. */
    readonly description?: Pick<DeviceDescription, 'powerScope' | 'simulated'>;
  };
  /** A reader of the device's meter; absent: its power law with the time that the hosts computed, which is `modelled`. */
  readonly openReader?: () => PowerReader;
  /** Where what is found out about the insides of models is kept; null keeps it in memory. */
  readonly cacheDirectory?: string | null;
  readonly hostEntry?: HostEntry;
  readonly log?: HostLog;
  readonly timing?: Partial<RunTiming>;
}

export interface RunTiming {
  /** What comes before it does not count: caches fill, queues find their rhythm. ms */
  readonly warmUpMs: number;
  /** Shortest measurement, ms. */
  readonly leastMs: number;
  /** Answers that every network should give, as long as it does not take longer than `mostMs`. */
  readonly enoughAnswers: number;
  readonly mostMs: number;
}

const defaultTiming: RunTiming = { warmUpMs: 250, leastMs: 800, enoughAnswers: 12, mostMs: 1500 };
/** Fewer answers are no measurement: for them is waited beyond `mostMs`, up to the limit. */
const leastAnswers = 3;
const limitMs = 60_000;
const pollMs = 10;
/** Models without users may take this share of what a host may have: few are then loaded twice. */
const idleShare = 0.6;

type LeftOut = CoLocationRun['leftOut'][number];

/**
 * Runs co-locations in hosts of its own, one per component, pinned as those that serve. Hosts and models stay from one call to the
 * next. A network whose model cannot be loaded, or ends its host, is left out and the others are measured without it.
 */
export class CoLocationRunnerProcess implements CoLocationRunner {
  readonly #timing: RunTiming;
  readonly #hosts = new Map<string, Promise<HostProcess>>();
  readonly #launcher = openLauncher();
  readonly #stopWatching: (() => void)[] = [];
  #slots: Promise<{ directory: SlotDirectory; slots: RequestSlots }> | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;
  #closing: Promise<void> | null = null;

  constructor(private readonly options: CoLocationRunnerOptions) {
    this.#timing = { ...defaultTiming, ...options.timing };
  }

  measure(networks: readonly NetworkToRun[], signal?: AbortSignal): Promise<CoLocationRun> {
    const measured = this.#tail.then(() => this.#measure(networks, signal));
    this.#tail = measured.catch(() => undefined);
    return measured;
  }

  /** Ends the hosts at once; what is under way is rejected with NODE_CLOSED. */
  close(): Promise<void> {
    return (this.#closing ??= this.#end());
  }

  async #end(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stopWatching) stop();
    const hosts = await Promise.allSettled(this.#hosts.values());
    await Promise.all(hosts.map((host) => (host.status === 'fulfilled' ? host.value.close() : undefined)));
    await this.#tail;
    await this.#launcher.close();
    const shared = await this.#slots;
    shared?.slots.close();
    await shared?.directory.remove();
  }

  async #measure(networks: readonly NetworkToRun[], signal: AbortSignal | undefined): Promise<CoLocationRun> {
    const leftOut = new Map<number, LeftOut>();
    // A host that somebody else ended may do it the next time.
    let forgiven = false;
    for (;;) {
      this.#checkOpen(signal);
      const hosts = await this.#hostsOf(networks);
      const remaining = networks.flatMap((network, index) => (leftOut.has(index) ? [] : [{ network, index }]));
      const loaded: { readonly index: number; readonly network: CoLocatedNetwork }[] = [];
      const leave = (index: number, error: unknown): void => {
        const { code, message } = asEcomapError(error);
        leftOut.set(index, { network: index, name: networks[index]?.name ?? '', code, reason: message });
      };
      try {
        for (const { network, index } of remaining) {
          try {
            loaded.push({ index, network: await this.#load(network, hosts) });
          } catch (error) {
            this.#checkOpen(signal);
            if (!isOwnFault(asEcomapError(error).code)) throw error;
            leave(index, error);
          }
        }
        const outcome = await this.#runTogether(networks, loaded, signal);
        this.#checkOpen(signal);
        if (outcome.failures.length === 0) {
          return {
            networks: networks.map((_, index) => outcome.runs.get(index) ?? null),
            leftOut: [...leftOut.values()],
            power: outcome.power,
            durationS: outcome.durationS,
          };
        }
        if (!forgiven && outcome.failures.every(({ error }) => error instanceof HostLostError)) {
          forgiven = true;
          continue;
        }
        // Where nobody can tell who ended a host, all that it was working for are suspects.
        const guilty = outcome.failures.filter(({ error }) => !(error instanceof HostLostError) || error.wasRunning);
        for (const { index, error } of guilty.length > 0 ? guilty : outcome.failures) leave(index, error);
      } finally {
        await Promise.all(loaded.map(({ network }) => network.retire()));
      }
    }
  }

  /** @throws EcomapError as `CoLocatedNetwork.load` */
  async #load(network: NetworkToRun, hosts: ReadonlyMap<string, HostProcess>): Promise<CoLocatedNetwork> {
    const { slots } = await this.#shared();
    const hostOf = (component: string): HostProcess => {
      const host = hosts.get(component);
      if (host === undefined) throw new EcomapError('INTERNAL_ERROR', `There is no host of ${component}.`);
      return host;
    };
    return CoLocatedNetwork.load(network, hostOf, slots, this.options.cacheDirectory ?? null);
  }

  #shared(): Promise<{ directory: SlotDirectory; slots: RequestSlots }> {
    this.#slots ??= openSlotDirectory().then((directory) => ({ directory, slots: new RequestSlots(directory) }));
    return this.#slots;
  }

  /** @throws EcomapError INVALID_CONFIG, and HOST_CRASHED when the host of a component does not start */
  async #hostsOf(networks: readonly NetworkToRun[]): Promise<ReadonlyMap<string, HostProcess>> {
    const hosts = new Map<string, HostProcess>();
    for (const component of new Set(networks.flatMap(({ stages }) => stages.map((stage) => stage.component)))) {
      hosts.set(component, await this.#hostOf(component));
    }
    return hosts;
  }

  async #hostOf(name: string): Promise<HostProcess> {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const started = this.#startHost(name);
    this.#hosts.set(name, started);
    try {
      return await started;
    } catch (error) {
      this.#hosts.delete(name);
      throw error;
    }
  }

  async #startHost(name: string): Promise<HostProcess> {
    const { device, hostEntry, log } = this.options;
    const component = device.components.find((candidate) => candidate.name === name);
    if (component === undefined) {
      throw new EcomapError(
        'INVALID_CONFIG',
        `The device has no component "${name}" (any more): it has ${device.components.map((known) => known.name).join(', ')}.`,
      );
    }
    const { directory } = await this.#shared();
    const memoryLimitBytes = await defaultHostLimitBytes(device.components.length);
    const host = new HostProcess({
      component,
      slots: directory,
      device,
      launcher: this.#launcher,
      memoryLimitBytes,
      idleBudgetBytes: idleShare * memoryLimitBytes,
      ...(hostEntry && { entry: hostEntry }),
      ...(log && { log }),
    });
    // Without a listener an emitter's problem would be lost; there is nobody to tell: the next run says what is wrong.
    host.on('problem', () => undefined);
    try {
      await host.start();
    } catch (error) {
      await host.close();
      throw error;
    }
    if (this.#closed) {
      await host.close();
      this.#checkOpen(undefined);
    }
    this.#stopWatching.push(watchMemory(host, memoryLimitBytes));
    return host;
  }

  async #runTogether(
    networks: readonly NetworkToRun[],
    loaded: readonly { readonly index: number; readonly network: CoLocatedNetwork }[],
    signal: AbortSignal | undefined,
  ): Promise<{
    runs: Map<number, NonNullable<CoLocationRun['networks'][number]>>;
    failures: { index: number; error: unknown }[];
    power: PowerReading;
    durationS: number;
  }> {
    const { warmUpMs, leastMs, mostMs, enoughAnswers } = this.#timing;
    const loops = loaded.map(({ index, network }) => ({
      index,
      loop: new ClosedLoop(network, networks[index]?.pauseS ?? 0, index / Math.max(1, networks.length)),
    }));
    const fewest = (): number => loops.reduce((least, { loop }) => Math.min(least, loop.answers), Infinity);
    const failed = (): boolean => loops.some(({ loop }) => loop.failure !== null) || this.#closed;
    const until = async (enough: (elapsedMs: number) => boolean): Promise<void> => {
      const beganMs = performance.now();
      for (;;) {
        const elapsedMs = performance.now() - beganMs;
        if (failed() || signal?.aborted === true || elapsedMs > limitMs || enough(elapsedMs)) return;
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    };
    try {
      if (loops.length > 0) await until((elapsedMs) => elapsedMs >= warmUpMs && fewest() >= 2);
      const activity = this.#beginActivity();
      const reader = this.options.openReader?.() ?? null;
      const beganMs = performance.now();
      for (const { loop } of loops) loop.reset();
      if (loops.length > 0) {
        await until(
          (elapsedMs) =>
            elapsedMs >= leastMs && (fewest() >= enoughAnswers || (elapsedMs >= mostMs && fewest() >= leastAnswers)),
        );
      }
      const durationS = (performance.now() - beganMs) / 1000;
      const read = reader?.readPower() ?? null;
      const power = read === null || read.powerW === null ? await activity.power() : read;
      const runs = new Map(
        loops.flatMap(({ index, loop }) => {
          const run = loop.result();
          return run === null ? [] : [[index, run] as const];
        }),
      );
      const failures = loops.flatMap(({ index, loop }) =>
        loop.failure === null && runs.has(index)
          ? []
          : [{ index, error: loop.failure ?? new EcomapError('DEADLINE_EXCEEDED', tooSlow) }],
      );
      return { runs, failures, power, durationS };
    } finally {
      await Promise.all(loops.map(({ loop }) => loop.stop()));
    }
  }

  /** The device's power law over what the hosts compute from now on, for where no meter knows. */
  #beginActivity(): { power: () => Promise<PowerReading> } {
    const beganMs = performance.now();
    const seconds = async (): Promise<Map<string, number>> => {
      const hosts = await Promise.all(this.#hosts.values());
      return new Map(hosts.map((host) => [host.component.name, host.totalCpuSeconds]));
    };
    const before = seconds();
    return {
      power: async () => {
        const [from, to] = [await before, await seconds()];
        const elapsedS = (performance.now() - beganMs) / 1000;
        const { components, operatingPointInForce, description } = this.options.device;
        const { powerScope = 'module', simulated = false } = description ?? {};
        const busy = components.map(({ name, threads }): [string, number] => [
          name,
          Math.min(1, ((to.get(name) ?? 0) - (from.get(name) ?? 0)) / threads / elapsedS),
        ]);
        const point = operatingPointInForce.call(this.options.device);
        return {
          powerW: powerAt(point, Object.fromEntries(busy)),
          source: simulated ? 'simulated' : 'modelled',
          scope: powerScope,
        };
      },
    };
  }

  #checkOpen(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#closed) throw new EcomapError('NODE_CLOSED', 'The measurement of co-locations was stopped.');
  }
}

const tooSlow = `It gave no answer within ${limitMs / 1000} s beside the others.`;

/** Faults of one network, which the others need not suffer from. */
function isOwnFault(code: ErrorCode): boolean {
  return (
    code.startsWith('MODEL_') || ['HOST_CRASHED', 'INPUT_MISMATCH', 'MEMORY_EXCEEDED', 'INVALID_MESSAGE'].includes(code)
  );
}
