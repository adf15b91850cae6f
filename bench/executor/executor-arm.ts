import { InferenceExecutor } from '../../src/inference/executor';
import { describeMachine } from '../../src/power/describe-machine';
import { detectMachine } from '../../src/power/detect';
import { createDevice } from '../../src/power/device';
import { measuring } from './measuring';
import { executorTenant, inputsOf, type ArmTenant } from './tenants';
import { planOf, type Placement } from './plan';

export interface ExecutorOptions {
  readonly tenants: readonly ArmTenant[];
  /** As the `device` node takes them: `[{name, cores, threads}]`. */
  readonly components: readonly object[];
  /** Component of each tenant; absent lets the executor spread them. */
  readonly placement?: Placement;
}

/** This machine with these components. */
export function deviceOf(components: readonly object[]) {
  return createDevice(describeMachine(detectMachine(), { components, idleW: null, fullLoadW: null }));
}

/** The executor as the node uses it, without Node-RED around it. */
export async function startExecutorArm({ tenants, components, placement }: ExecutorOptions) {
  const inputs = inputsOf(tenants);
  const device = deviceOf(components);
  const executor = new InferenceExecutor({ device, tenants: tenants.map(executorTenant), queueLength: 256 });
  await executor.start();
  if (placement !== undefined) await executor.applyPlan(planOf(placement, device.operatingPointInForce()));
  const infer = (tenant: string) => {
    const own = inputs(tenant);
    return executor.infer({ tenant, payload: { type: 'float32', dims: own.dims, data: own.draw() } });
  };
  const close = async (): Promise<void> => {
    await executor.close();
    await device.close();
  };
  return { methods: measuring(infer), close };
}
