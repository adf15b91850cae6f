import type { OperatingPoint } from '../../src/signals/device';
import { inferenceAccountSchema } from '../../src/signals/inference';
import { sleep } from '../arms/closed-loop';
import { EmbeddedNodeRed } from '../arms/node-red';
import { measuring } from './measuring';
import { planOf, type Placement } from './plan';
import { inputsOf, tenantNode, type ArmTenant } from './tenants';

export interface NodeRedArmOptions {
  readonly tenants: readonly ArmTenant[];
  readonly components: readonly object[];
  /** Component of each tenant; absent lets the executor spread them. */
  readonly placement?: Placement;
}

const patienceMs = 20_000;

/** Waits until every answer comes from where the plan puts the tenant. */
async function placed(
  tenants: readonly ArmTenant[],
  infer: (tenant: string) => Promise<Record<string, unknown>>,
  placement: Placement,
): Promise<void> {
  const endMs = performance.now() + patienceMs;
  for (const { name } of tenants) {
    const wanted = placement[name]?.stages.map(({ component }) => component).join();
    for (;;) {
      const { components } = inferenceAccountSchema.parse((await infer(name))['ecomap']);
      if (components.join() === wanted) break;
      if (performance.now() > endMs) throw new Error(`the plan was not applied: ${name} runs on ${components.join()}`);
      await sleep(0.1);
    }
  }
}

/** The node in a real Node-RED: a message through a wire to the executor, the answer through a wire back. */
export async function startNodeRedArm({ tenants, components, placement }: NodeRedArmOptions) {
  const inputs = inputsOf(tenants);
  const nodeRed = await EmbeddedNodeRed.start({ tenants: tenants.map(tenantNode), components, queueLength: 256 });
  const infer = (tenant: string) => {
    const own = inputs(tenant);
    return nodeRed.infer({ tenant, payload: { type: 'float32', dims: own.dims, data: own.draw() } });
  };
  await Promise.all(tenants.map(({ name }) => infer(name)));
  if (placement !== undefined) {
    const full: OperatingPoint = { name: 'full', speed: 1, idleW: 0, activeW: {} };
    nodeRed.control('ecomap/plan', planOf(placement, full));
    await placed(tenants, infer, placement);
  }
  return { methods: measuring(infer), close: () => nodeRed.stop() };
}
