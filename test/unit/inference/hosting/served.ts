import assert from 'node:assert/strict';
import { InferenceExecutor, type InferenceExecutorOptions } from '../../../../src/inference/executor';
import { isEcomapError } from '../../../../src/signals/errors';
import type { InferenceRequest, InferenceResult } from '../../../../src/signals/inference';
import type { Tenant } from '../../../../src/signals/tenant';
import { hostsOf } from '../../../support/node-red-runtime';
import { component, TestDevice } from '../support';

/** An executor under test with its device and the problems that it reported. */
export class Served {
  readonly problems: string[] = [];
  readonly executor: InferenceExecutor;

  constructor(
    readonly device: TestDevice,
    options: Omit<InferenceExecutorOptions, 'device'>,
  ) {
    this.executor = new InferenceExecutor({ device, ...options });
    this.executor.on('problem', (error, tenant) => this.problems.push(`${tenant} ${error.code}`));
  }

  static async start(
    tenants: readonly Tenant[],
    { cores = 1, ...more }: { cores?: number } & Partial<InferenceExecutorOptions> = {},
  ): Promise<Served> {
    const device = new TestDevice(Array.from({ length: cores }, (_, core) => component(core)));
    const served = new Served(device, { tenants, ...more });
    await served.executor.start();
    return served;
  }

  /** A square of 64 x 64 numbers, or what `more` says. */
  infer(tenant: string, more: Partial<InferenceRequest> = {}): Promise<InferenceResult> {
    return this.executor.infer({ tenant, payload: square(64), ...more });
  }

  variants(): (string | null)[] {
    return this.executor.state().tenants.map(({ variant }) => variant);
  }

  pids(): number[] {
    return this.executor.state().hosts.map(({ pid }) => pid ?? 0);
  }

  /** Processes that load beside those that serve. */
  async standbys(): Promise<number[]> {
    const serving = new Set(this.pids());
    return (await hostsOf(process.pid)).filter((pid) => !serving.has(pid));
  }

  /** Of all tenants since the last call. */
  totals(): Record<'offered' | 'served' | 'rejected' | 'failed' | 'swaps', number> {
    const { tenants } = this.executor.takeTelemetry();
    const sum = (of: (tenant: (typeof tenants)[number]) => number) =>
      tenants.reduce((total, one) => total + of(one), 0);
    return {
      offered: sum(({ offered }) => offered),
      served: sum(({ served }) => served),
      rejected: sum(({ rejected }) => rejected),
      failed: sum(({ failed }) => failed),
      swaps: sum(({ swaps }) => swaps),
    };
  }
}

export function square(size: number) {
  return { data: new Float32Array(size * size).fill(0.1), dims: [size, size], type: 'float32' };
}

/** How often each code ended a request; `answered` where none did. */
export async function outcomes(requests: readonly Promise<InferenceResult>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const outcome of await Promise.allSettled(requests)) {
    const code =
      outcome.status === 'fulfilled' ? 'answered' : isEcomapError(outcome.reason) ? outcome.reason.code : 'wrong';
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}

export function only<T>(items: readonly T[]): T {
  const [item] = items;
  assert.ok(item !== undefined && items.length === 1, `${items.length} instead of one`);
  return item;
}
