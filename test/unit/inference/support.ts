import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../src/inference/clock';
import type { ServingDevice } from '../../../src/inference/energy';
import type { HostProcess } from '../../../src/inference/hosting/host-process';
import type { NamedTensors } from '../../../src/inference/tensors/tensors';
import type { Component, OperatingPoint, ThrottleTarget } from '../../../src/signals/device';
import { isEcomapError } from '../../../src/signals/errors';
import type { Plan } from '../../../src/signals/plan';
import { tenantSchema, type Tenant } from '../../../src/signals/tenant';

export class ManualClock implements Clock {
  readonly #timers = new Set<{ readonly atMs: number; readonly ring: () => void }>();

  constructor(private ms = 1_000_000) {}
  epochMs(): number {
    return 1_700_000_000_000 + this.ms;
  }
  nowMs(): number {
    return this.ms;
  }
  after(delayMs: number, ring: () => void): () => void {
    const timer = { atMs: this.ms + delayMs, ring };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
  /** When the next timer rings; Infinity when none is set. */
  get nextRingMs(): number {
    return Math.min(Infinity, ...[...this.#timers].map(({ atMs }) => atMs));
  }
  /** Time goes on, and what was set for a moment until then rings at its moment. */
  advance(ms: number): void {
    const endMs = this.ms + ms;
    for (let next = this.#nextUntil(endMs); next !== undefined; next = this.#nextUntil(endMs)) {
      this.#timers.delete(next);
      this.ms = Math.max(this.ms, next.atMs);
      next.ring();
    }
    this.ms = endMs;
  }

  #nextUntil(endMs: number) {
    const due = [...this.#timers].filter(({ atMs }) => atMs <= endMs);
    return due.sort((one, other) => one.atMs - other.atMs)[0];
  }
}

export const fullSpeed: OperatingPoint = { name: 'full', speed: 1, idleW: 4, activeW: { cpu0: 10, cpu1: 10 } };

export function component(core: number): Component {
  return { name: `cpu${core}`, kind: 'cpu', cores: [core], threads: 1, componentClass: 'cpu-1t' };
}

/** Cores 0 and 1, one watt-hungry operating point, and a note of who registered. */
export class TestDevice implements ServingDevice {
  readonly operatingPoints = [fullSpeed];
  readonly fingerprint = 'test-device';
  readonly registered: ThrottleTarget[] = [];
  readonly gone: ThrottleTarget[] = [];

  constructor(readonly components: readonly Component[] = [component(0)]) {}

  operatingPointInForce(): OperatingPoint {
    return fullSpeed;
  }

  async register(target: ThrottleTarget): Promise<() => void> {
    this.registered.push(target);
    return () => this.gone.push(target);
  }
}

export interface TestVariant {
  readonly name: string;
  readonly path: string;
  readonly accuracy: number;
  readonly sha256?: string | null;
}

export function tenantOf(name: string, variants: readonly TestVariant[], more: object = {}): Tenant {
  return tenantSchema.parse({
    name,
    family: name,
    variants,
    latencyLimitMs: 60_000,
    input: {},
    output: { kind: 'tensors' },
    ...more,
  });
}

/** Fails when the promise resolves; otherwise the code of its error. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return isEcomapError(error) ? error.code : `not an EcomapError: ${String(error)}`;
  }
  return 'none: it resolved';
}

export async function temporaryDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'ecomap-inference-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Polls until it holds; the test's own time limit ends a wait for ever. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** One inference of one request. */
export async function runOne(host: HostProcess, key: string, inputs: NamedTensors, refuseNonFinite = false) {
  const { results, ...run } = await host.run(key, [inputs], { expectedMs: null, refuseNonFinite });
  assert.equal(results.length, 1);
  return { outputs: {}, nonFiniteInput: false, ...results[0], ...run };
}

let plans = 0;

/** A plan that puts tenants on variants and components: `{ gauge: ['small', 'cpu0'] }`. */
export function planOf(placement: Readonly<Record<string, readonly [variant: string, ...components: string[]]>>): Plan {
  plans += 1;
  return {
    planId: `p${plans}`,
    createdAt: '2026-01-01T00:00:00Z',
    tenants: Object.entries(placement).map(([tenant, [variant, ...components]]) => ({
      tenant,
      variant,
      accuracy: 0.9,
      stages: components.map((name, stage) => ({ stage, component: name, firstNode: stage })),
      latencyMs: null,
      latencyLimitMs: 100,
      meetsLimit: true,
      energyJ: null,
      alwaysMax: { variant: 'large', accuracy: 0.9, energyJ: 0.5 },
    })),
    operatingPoint: fullSpeed,
    capW: 12,
    powerW: { expected: 8, lower: 7, upper: 9 },
    powerSource: 'modelled',
    feasible: true,
    why: ['a test asked for it'],
    search: { estimator: 'test', candidates: 1, evaluated: 1, elapsedMs: 0 },
  };
}
