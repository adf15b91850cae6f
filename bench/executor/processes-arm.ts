import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadRuntime } from '../../src/inference/runtime';
import { createSession } from './bare-arm';
import { measuring } from './measuring';
import { inputsOf, type ArmTenant } from './tenants';
import type { GroupsOptions } from './workers-arm';

interface ChildTenant {
  readonly tenant: ArmTenant;
  readonly path: string;
}

/**
 * One child process per group, the plainest that is still fast: inputs pass through a file in memory, outputs and control by
 * IPC. No queue, no deadline, no supervision.
 */
export async function startProcessesArm({ tenants, groups }: GroupsOptions) {
  const inputs = inputsOf(tenants);
  const directory = await mkdtemp('/dev/shm/ecomap-bench-');
  const routes = new Map<string, { child: ChildProcess; file: number }>();
  const answered = new Map<string, (outputs: unknown) => void>();
  for (const { tenants: names, cores } of groups) {
    const child = fork(process.argv[1] ?? __filename, ['--session-child'], {
      execPath: cores === null ? process.execPath : 'taskset',
      execArgv: cores === null ? [] : ['-c', cores.join(','), process.execPath],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const own: ChildTenant[] = tenants
      .filter(({ name }) => names.includes(name))
      .map((tenant) => ({ tenant, path: join(directory, tenant.name) }));
    for (const { tenant, path } of own) {
      const file = openSync(path, 'w+');
      writeSync(file, inputs(tenant.name).draw());
      routes.set(tenant.name, { child, file });
    }
    child.send(own);
    await once(child, 'message');
    child.on('message', (message) => {
      const { tenant, outputs } = message as { tenant: string; outputs: unknown };
      const resolve = answered.get(tenant);
      answered.delete(tenant);
      resolve?.(outputs);
    });
  }
  const infer = (tenant: string): Promise<unknown> => {
    const route = routes.get(tenant);
    if (route === undefined) throw new Error(`no process serves ${tenant}`);
    const data = inputs(tenant).draw();
    writeSync(route.file, data, 0, data.byteLength, 0);
    return new Promise((resolve) => {
      answered.set(tenant, resolve);
      route.child.send(tenant);
    });
  };
  const close = async (): Promise<void> => {
    for (const { child, file } of routes.values()) {
      child.kill('SIGKILL');
      closeSync(file);
    }
    await rm(directory, { recursive: true });
  };
  return { methods: measuring(infer), close };
}

/** The child's own side. */
export function serveAsSessionChild(): void {
  const { Tensor } = loadRuntime();
  const sessions = new Map<string, () => Promise<unknown>>();
  const load = async (tenants: readonly ChildTenant[]): Promise<void> => {
    const inputs = inputsOf(tenants.map(({ tenant }) => tenant));
    for (const { tenant, path } of tenants) {
      const session = await createSession(tenant.model.path, 1);
      const own = inputs(tenant.name);
      const file = openSync(path, 'r');
      const length = own.draw().length;
      sessions.set(tenant.name, async () => {
        const data = new Float32Array(length);
        readSync(file, data, 0, data.byteLength, 0);
        return (await session.run({ x: new Tensor('float32', data, own.dims) }))['y']?.data;
      });
    }
    process.send?.('ready');
  };
  process.on('message', (message) => {
    if (typeof message !== 'string') void load(message as readonly ChildTenant[]);
    else
      void sessions
        .get(message)?.()
        .then((outputs) => process.send?.({ tenant: message, outputs }));
  });
  process.on('disconnect', () => process.exit(0));
}
