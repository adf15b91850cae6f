import { EmbeddedNodeRed } from '../arms/node-red';
import { measuring } from './measuring';
import { inputsOf, tenantNode, type ArmTenant } from './tenants';

export interface NodeRedArmOptions {
  readonly tenants: readonly ArmTenant[];
  readonly components: readonly object[];
}

/** The node in a real Node-RED: a message through a wire to the executor, the answer through a wire back. */
export async function startNodeRedArm({ tenants, components }: NodeRedArmOptions) {
  const inputs = inputsOf(tenants);
  const nodeRed = await EmbeddedNodeRed.start({ tenants: tenants.map(tenantNode), components, queueLength: 256 });
  const infer = (tenant: string) => {
    const own = inputs(tenant);
    return nodeRed.infer({ tenant, payload: { type: 'float32', dims: own.dims, data: own.draw() } });
  };
  await Promise.all(tenants.map(({ name }) => infer(name)));
  return { methods: measuring(infer), close: () => nodeRed.stop() };
}
