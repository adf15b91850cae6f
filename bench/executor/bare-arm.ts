import { loadRuntime } from '../../src/inference/runtime';
import { measuring } from './measuring';
import { inputsOf, type ArmTenant } from './tenants';

export interface BareOptions {
  readonly tenants: readonly ArmTenant[];
  /** Threads per session; null leaves it to the runtime: one per core, which spin while they wait. */
  readonly threads: number | null;
}

/** The sessions of the threads that a host would give them. */
export async function createSession(path: string, threads: number | null) {
  const { InferenceSession } = loadRuntime();
  if (threads === null) return InferenceSession.create(path);
  return InferenceSession.create(path, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

/** The runtime and nothing else: `session.run` in this very process. */
export async function startBareArm({ tenants, threads }: BareOptions) {
  const { Tensor } = loadRuntime();
  const inputs = inputsOf(tenants);
  const sessions = new Map<string, Awaited<ReturnType<typeof createSession>>>();
  for (const { name, model } of tenants) sessions.set(name, await createSession(model.path, threads));
  const infer = async (tenant: string): Promise<void> => {
    const own = inputs(tenant);
    await sessions.get(tenant)?.run({ x: new Tensor('float32', own.draw(), own.dims) });
  };
  return { methods: measuring(infer), close: async () => undefined };
}
