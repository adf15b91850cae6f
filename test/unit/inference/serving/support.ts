import { HostLostError } from '../../../../src/inference/hosting/host-lost-error';
import { Dispatcher } from '../../../../src/inference/serving/dispatcher';
import type { HostRun } from '../../../../src/inference/hosting/host-run';
import { RunTimes } from '../../../../src/inference/serving/run-times';
import { TenantService } from '../../../../src/inference/serving/tenant-service';
import type { LoadedVariant } from '../../../../src/inference/serving/variant-server';
import type { NamedTensors, TensorSpec } from '../../../../src/inference/tensors/tensors';
import { EcomapError, isEcomapError, type ErrorCode } from '../../../../src/signals/errors';
import type { InferenceRequest, InferenceResult } from '../../../../src/signals/inference';
import type { TenantTelemetry } from '../../../../src/signals/telemetry';
import { servingSchema, type Serving, type Variant } from '../../../../src/signals/tenant';
import { ManualClock, tenantOf } from '../support';

const accuracies: Readonly<Record<string, number>> = { exact: 0.9, light: 0.6 };

/** A host computes one run after the other, in the order that it was given them. */
export interface FakeHost {
  freeAtMs: number;
}

/** A loaded variant whose runs take what the test says, on a clock that the test turns. */
export class FakeVariant implements LoadedVariant {
  readonly variant: Variant;
  readonly component = 'cpu0';
  readonly inputs: readonly TensorSpec[];
  readonly times = new RunTimes();
  /** Of the first stage, where the variant runs in several. */
  entryTimes?: RunTimes;
  /** First number of each request, run by run. */
  readonly runs: number[][] = [];
  /** Decides how a run ends; null when it ends well. */
  fault: (values: readonly number[]) => ErrorCode | null = () => null;
  readonly #underWay = new Set<(error: EcomapError | null) => void>();

  constructor(
    readonly name: string,
    private readonly clock: ManualClock,
    private readonly runMs: (rows: number) => number,
    readonly batches = false,
    width: number | string = 1,
    private readonly host: FakeHost = { freeAtMs: 0 },
  ) {
    this.variant = { name, path: `/${name}.onnx`, accuracy: accuracies[name] ?? 0.5, sha256: null };
    this.inputs = [{ name: 'x', type: 'float32', dims: [batches ? 'batch' : 1, width] }];
  }

  /** As after many runs. */
  knownFor(...rows: number[]): this {
    for (const count of rows) this.times.record(this.runMs(count), this.clock.nowMs(), count);
    return this;
  }

  run(requests: readonly NamedTensors[]): Promise<HostRun> {
    const values = requests.map(({ x }) => Number(x?.data[0]));
    this.runs.push(values);
    const runMs = this.runMs(requests.reduce((sum, { x }) => sum + (x?.dims[0] ?? 1), 0));
    const nowMs = this.clock.nowMs();
    this.host.freeAtMs = Math.max(this.host.freeAtMs, nowMs) + runMs;
    return new Promise((resolve, reject) => {
      const end = (error: EcomapError | null) => {
        this.#underWay.delete(end);
        takeBack();
        if (error === null) {
          const results = requests.map((outputs) => ({ outputs, nonFiniteInput: false }));
          resolve({ results, runMs, cpuMs: runMs, decodeMs: 0 });
        } else reject(error);
      };
      const takeBack = this.clock.after(this.host.freeAtMs - nowMs, () => {
        const code = this.fault(values);
        end(code === null ? null : new EcomapError(code, `made up: ${code}`));
      });
      this.#underWay.add(end);
    });
  }

  /** What runs now is lost; what was handed over behind it has not begun. */
  crash(): void {
    this.host.freeAtMs = this.clock.nowMs();
    [...this.#underWay].forEach((end, index) => end(new HostLostError('made up: the host died', index === 0)));
  }
}

/** Promises get their turn. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** One component with a clock that the test turns, and a note of how each request ended. */
export class ServingBench {
  readonly clock = new ManualClock();
  /** "3 exact", "4 QUEUE_FULL", in the order that they ended; by the request's payload. */
  readonly ended: string[] = [];
  readonly results = new Map<number, InferenceResult>();
  readonly errors = new Map<number, EcomapError>();
  ready = true;
  readonly dispatcher = new Dispatcher({ clock: this.clock, ready: () => this.ready });
  readonly #host: FakeHost = { freeAtMs: 0 };
  #next = 1;

  variant(name: string, runMs: number | ((rows: number) => number), batches = false, width: number | string = 1) {
    const perRun = typeof runMs === 'number' ? () => runMs : runMs;
    return new FakeVariant(name, this.clock, perRun, batches, width, this.#host);
  }

  tenant(
    planned: FakeVariant,
    serving: Partial<Serving> = {},
    more: { name?: string; priority?: number; latencyLimitMs?: number; fallback?: FakeVariant } = {},
  ): TenantService<FakeVariant> {
    const { name = 'one', priority = 1, latencyLimitMs = 60_000, fallback } = more;
    const variants = [planned, ...(fallback === undefined ? [] : [fallback])].map(({ variant }) => variant);
    const service: TenantService<FakeVariant> = new TenantService<FakeVariant>({
      tenant: tenantOf(name, variants, { priority, latencyLimitMs, serving: servingSchema.parse(serving) }),
      queueLength: 8,
      clock: this.clock,
      energyJ: (_, cpuMs) => cpuMs / 1000,
      carbonG: () => null,
      onWaiting: () => this.dispatcher.pump(),
    });
    service.deploy(planned, ['no plan yet']);
    if (fallback !== undefined) service.deployFallback(fallback);
    this.dispatcher.attach(service);
    return service;
  }

  /** Sends a request; its number is its payload. `inMs` is its deadline from now. */
  send(
    service: TenantService<FakeVariant>,
    { inMs, payload, ...more }: Partial<InferenceRequest> & { inMs?: number } = {},
  ): number {
    const number = this.#next;
    this.#next += 1;
    const deadlineMs = inMs === undefined ? undefined : this.clock.epochMs() + inMs;
    void service.submit({ tenant: service.tenant.name, payload: payload ?? [number], deadlineMs, ...more }).then(
      (result) => {
        this.results.set(number, result);
        this.ended.push(`${number} ${result.account.variant}`);
      },
      (error: unknown) => {
        if (isEcomapError(error)) this.errors.set(number, error);
        this.ended.push(`${number} ${isEcomapError(error) ? error.code : String(error)}`);
      },
    );
    return number;
  }

  sendMany(count: number, service: TenantService<FakeVariant>, more: Parameters<ServingBench['send']>[1] = {}): void {
    for (let sent = 0; sent < count; sent += 1) this.send(service, more);
  }

  /** Time goes on, moment by moment. */
  async pass(ms: number): Promise<void> {
    const endMs = this.clock.nowMs() + ms;
    await settled();
    while (this.clock.nextRingMs <= endMs) {
      this.clock.advance(this.clock.nextRingMs - this.clock.nowMs());
      await settled();
    }
    this.clock.advance(endMs - this.clock.nowMs());
    await settled();
  }

  /** Until nothing is waited for any more. */
  async finish(): Promise<void> {
    await settled();
    while (this.clock.nextRingMs < Infinity) await this.pass(this.clock.nextRingMs - this.clock.nowMs());
  }

  /** What the window has counted, and a fresh one. */
  take(service: TenantService<FakeVariant>): TenantTelemetry {
    return service.window.take(service.tenant.name, service.deployment?.name ?? 'none', 100, null);
  }
}

/** "1 exact, 2 exact" from a list of numbers. */
export function each(numbers: readonly number[], how: string): string[] {
  return numbers.map((number) => `${number} ${how}`);
}
