import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeRedRuntime, until, type Flow } from './node-red-runtime';

type Counts = Readonly<Record<string, number>>;

/** What clients inside a Node-RED have counted; see probe/ecomap-clients.cjs. By tenant where nothing else is said. */
export interface ClientCounts {
  readonly sent: Counts;
  readonly ended: Readonly<Record<string, Counts>>;
  readonly open: number;
  readonly unexpected: number;
  readonly wrong: number;
  readonly flagged: number;
  readonly words: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly variants: Readonly<Record<string, string>>;
  readonly problems: Readonly<Record<string, Counts>>;
  readonly telemetry: Readonly<
    Record<string, Readonly<Record<'offered' | 'served' | 'rejected' | 'failed' | 'swaps', number>>>
  >;
  readonly reasons: Readonly<Record<string, Counts>>;
  readonly restarts: number;
  readonly plans: { readonly done: number; readonly failed: number };
  /** Handed to executors by Node-RED, and how they settled it: `answered` or a code. */
  readonly received: number;
  readonly settled: Counts;
}

/** What a request asks for; without a payload it is one number, and the answer is checked against it. */
export interface RequestFields {
  readonly tenant: string;
  readonly payload?: {
    readonly data?: readonly (number | string)[];
    readonly fill?: number;
    readonly count?: number;
    readonly dims?: readonly number[];
  };
  readonly timeoutMs?: number;
}

export interface FlowTenant {
  readonly name: string;
  readonly variants: readonly { readonly name: string; readonly path: string; readonly accuracy?: number }[];
  /** Further fields of the tenant node. */
  readonly more?: object;
}

export const executorId = 'executor';
const clientsId = 'clients';

/** Clients, an executor and a Catch node, wired in a circle; components are one core each. */
export function servingFlow(
  tenants: readonly FlowTenant[],
  { components = 1, executor = {} }: { components?: number; executor?: object } = {},
): Flow {
  const z = 'tab';
  const cores = Array.from({ length: components }, (_, core) => ({ name: `cpu${core}`, cores: [core], threads: 1 }));
  const slots = tenants.map(({ name }, index) => [`tenant${index + 1}`, `tenant-${name}`] as const);
  return [
    { id: z, type: 'tab', label: 'serving' },
    { id: 'device', type: 'ecomap-device', hardware: 'auto', components: JSON.stringify(cores) },
    ...tenants.map(({ name, variants, more }) => ({
      id: `tenant-${name}`,
      type: 'ecomap-tenant',
      name,
      source: 'own',
      latencyLimitMs: 60_000,
      variants: variants.map((variant, index) => ({ accuracy: 0.9 - index / 100, sha256: '', ...variant })),
      ...more,
    })),
    {
      id: executorId,
      type: 'ecomap-inference-executor',
      z,
      x: 300,
      y: 100,
      device: 'device',
      telemetryS: 0.3,
      ...Object.fromEntries(slots),
      ...executor,
      wires: [[clientsId], [clientsId]],
    },
    { id: clientsId, type: 'ecomap-clients', z, x: 100, y: 100, wires: [[executorId]] },
    { id: 'catch', type: 'catch', z, x: 100, y: 200, scope: null, uncaught: false, wires: [[clientsId]] },
  ];
}

/** A Node-RED with clients in it, which send requests by wires and count how they end. */
export class ClientsInNodeRed {
  private constructor(readonly runtime: NodeRedRuntime) {}

  static async start(): Promise<ClientsInNodeRed> {
    const code = readFileSync(join(__dirname, 'probe/ecomap-clients.cjs'), 'utf8');
    return new ClientsInNodeRed(await NodeRedRuntime.start({ nodeFiles: { 'ecomap-clients': code } }));
  }

  /** Deploys a flow and waits until these tenants have answered. */
  async deploy(flow: Flow, tenants: readonly string[]): Promise<void> {
    await this.runtime.deploy(flow);
    for (const tenant of tenants) await this.offer(1, { tenant });
    await this.ended();
  }

  offer(count: number, request: RequestFields): Promise<unknown> {
    return this.runtime.call(clientsId, 'offer', { count, ...request });
  }

  /** Clients that send one request after the other until `rest`. */
  work(count: number, request: RequestFields, pauseMs = 0): Promise<unknown> {
    return this.runtime.call(clientsId, 'work', { count, pauseMs, ...request });
  }

  rest(): Promise<unknown> {
    return this.runtime.call(clientsId, 'rest');
  }

  /** Resolves with the number of requests when all have been sent. */
  async flood(ratePerS: number, durationMs: number, kinds: readonly RequestFields[]): Promise<number> {
    const details = { ratePerS, durationMs, kinds };
    return Number(await this.runtime.call(clientsId, 'flood', details, durationMs + 60_000));
  }

  /** Keeps hold of the executor that is deployed now. */
  hold(): Promise<unknown> {
    return this.runtime.call(clientsId, 'hold', { id: executorId });
  }

  /** Sends to the executor that is held, past the wires. */
  offerHeld(count: number, request: RequestFields): Promise<unknown> {
    return this.runtime.call(clientsId, 'offerHeld', { count, ...request });
  }

  async counts(): Promise<ClientCounts> {
    return (await this.runtime.call(clientsId, 'counts')) as ClientCounts;
  }

  /** What was counted until the process ended. */
  async lastCounts(): Promise<ClientCounts> {
    return JSON.parse(await readFile(join(this.runtime.userDirectory, 'clients.json'), 'utf8')) as ClientCounts;
  }

  untilCounts(holds: (counts: ClientCounts) => boolean, what: string, timeoutMs = 60_000): Promise<ClientCounts> {
    return until(
      async () => {
        const counts = await this.counts();
        return holds(counts) ? counts : null;
      },
      what,
      timeoutMs,
    );
  }

  /** The counts when every request has ended. */
  ended(): Promise<ClientCounts> {
    return this.untilCounts(({ open }) => open === 0, 'the end of all requests');
  }

  /**
   * The counts when every request has ended and telemetry has told of all that went to one of `tenants` (default: all). Every
   * request must have ended exactly once, with an answer of its own, and messages, telemetry and Node-RED must agree on how.
   */
  async reconciled(tenants?: readonly string[]): Promise<ClientCounts> {
    await this.ended();
    const told = ({ sent, telemetry }: ClientCounts) =>
      (tenants ?? Object.keys(sent)).every((tenant) => (telemetry[tenant]?.offered ?? 0) >= (sent[tenant] ?? 0));
    const counts = await this.untilCounts(told, 'telemetry of all requests');
    assert.deepEqual([counts.open, counts.unexpected, counts.wrong], [0, 0, 0]);
    for (const tenant of tenants ?? Object.keys(counts.sent)) {
      const { answered = 0, ...errors } = counts.ended[tenant] ?? {};
      const { offered, served, rejected = 0, failed = 0 } = counts.telemetry[tenant] ?? {};
      assert.deepEqual(
        { offered, served, notServed: rejected + failed, reasons: counts.reasons[tenant] ?? {} },
        { offered: counts.sent[tenant], served: answered, notServed: sumOf(errors), reasons: errors },
        `${tenant}: ${JSON.stringify(counts)}`,
      );
    }
    assert.equal(counts.received, sumOf(counts.sent));
    assert.equal(sumOf(counts.settled), counts.received);
    return counts;
  }
}

export function sumOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** The directories in shared memory that executors of a process have made. */
export async function sharedMemoryOf(pid: number): Promise<string[]> {
  return (await readdir('/dev/shm')).filter((name) => new RegExp(`^ecomap-slots-\\d+-${pid}-`).test(name));
}

/** Resident memory of a process, MB. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
