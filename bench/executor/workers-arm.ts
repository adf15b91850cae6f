import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { loadRuntime } from '../../src/inference/runtime';
import { createSession } from './bare-arm';
import { measuring } from './measuring';
import { inputsOf, type ArmTenant } from './tenants';

export interface GroupsOptions {
  readonly tenants: readonly ArmTenant[];
  /** Which tenants share a worker or process, and the cores that it is bound to; null leaves it unbound. */
  readonly groups: readonly { readonly tenants: readonly string[]; readonly cores: readonly number[] | null }[];
}

interface WorkerSettings {
  readonly cores: readonly number[] | null;
  readonly tenants: readonly { readonly tenant: ArmTenant; readonly shared: SharedArrayBuffer }[];
}

/** One worker thread per group. Inputs pass through shared memory (the runtime needs a copy of its own), outputs by message. */
export async function startWorkersArm({ tenants, groups }: GroupsOptions) {
  const inputs = inputsOf(tenants);
  const routes = new Map<string, { worker: Worker; shared: Float32Array }>();
  const answered = new Map<string, (outputs: unknown) => void>();
  for (const group of groups) {
    const own = tenants
      .filter(({ name }) => group.tenants.includes(name))
      .map((tenant) => ({ tenant, shared: new SharedArrayBuffer(inputs(tenant.name).draw().byteLength) }));
    const settings: WorkerSettings = { cores: group.cores, tenants: own };
    const worker = new Worker(process.argv[1] ?? __filename, { workerData: settings, stdout: false });
    worker.on('error', (error) => {
      throw error;
    });
    await once(worker, 'message');
    worker.on('message', ({ tenant, outputs }: { tenant: string; outputs: unknown }) => {
      const resolve = answered.get(tenant);
      answered.delete(tenant);
      resolve?.(outputs);
    });
    for (const { tenant, shared } of own) routes.set(tenant.name, { worker, shared: new Float32Array(shared) });
  }
  const infer = (tenant: string): Promise<unknown> => {
    const route = routes.get(tenant);
    if (route === undefined) throw new Error(`no worker serves ${tenant}`);
    route.shared.set(inputs(tenant).draw());
    return new Promise((resolve) => {
      answered.set(tenant, resolve);
      route.worker.postMessage(tenant);
    });
  };
  return { methods: measuring(infer), close: async () => undefined };
}

/** The thread's own side. */
export async function serveAsWorker(): Promise<void> {
  const { cores, tenants } = workerData as WorkerSettings;
  if (cores !== null) {
    const thread = readlinkSync('/proc/thread-self').split('/').pop() ?? '';
    execFileSync('taskset', ['-cp', cores.join(','), thread]);
  }
  const { Tensor } = loadRuntime();
  const inputs = inputsOf(tenants.map(({ tenant }) => tenant));
  const sessions = new Map<string, { run: () => Promise<unknown> }>();
  for (const { tenant, shared } of tenants) {
    const session = await createSession(tenant.model.path, 1);
    const { dims } = inputs(tenant.name);
    const source = new Float32Array(shared);
    sessions.set(tenant.name, {
      run: async () => (await session.run({ x: new Tensor('float32', source.slice(), dims) }))['y']?.data,
    });
  }
  parentPort?.on('message', (tenant: string) => {
    void sessions
      .get(tenant)
      ?.run()
      .then((outputs) => parentPort?.postMessage({ tenant, outputs }));
  });
  parentPort?.postMessage('ready');
}
