import { InferenceExecutor } from '../../src/inference/executor';
import { describeMachine } from '../../src/power/describe-machine';
import { detectMachine } from '../../src/power/detect';
import { createDevice } from '../../src/power/device';
import { quantile } from '../../src/signals/statistics';
import { runClosedLoops, sleep, type LoadFigures, type LoadOrder } from '../arms/closed-loop';
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

export interface SwappingOrder {
  readonly load: LoadOrder;
  /** One plan each, round and round. */
  readonly placements: readonly Placement[];
  readonly pauseS: number;
}

export interface SwappingFigures {
  readonly load: LoadFigures;
  readonly swaps: number;
  readonly swapP50Ms: number;
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
  /** The same while plans are applied one after the other; the outcome of each is waited for, and then a pause. */
  const measureSwapping = async ({ load, placements, pauseS }: SwappingOrder): Promise<SwappingFigures> => {
    let running = true;
    let swaps = 0;
    const swapMs: number[] = [];
    const swapping = async (): Promise<void> => {
      for (let turn = 0; running; turn += 1) {
        const next = placements[turn % placements.length] ?? {};
        const beganMs = performance.now();
        swaps += (await executor.applyPlan(planOf(next, device.operatingPointInForce()))).swaps;
        swapMs.push(performance.now() - beganMs);
        await sleep(pauseS);
      }
    };
    const swapped = swapping();
    const figures = await Promise.race([runClosedLoops(infer, load), swapped.then(() => null)]);
    running = false;
    await swapped;
    if (figures === null) throw new Error('the swaps ended before the load');
    return { load: figures, swaps, swapP50Ms: quantile(swapMs, 0.5) ?? NaN };
  };
  const close = async (): Promise<void> => {
    await executor.close();
    await device.close();
  };
  /** Applies a plan and says on how many components the tenant's next request runs. */
  const place = async (order: { readonly placement: Placement; readonly tenant: string }): Promise<number> => {
    await executor.applyPlan(planOf(order.placement, device.operatingPointInForce()));
    return (await infer(order.tenant)).account.components.length;
  };
  return { methods: { ...measuring(infer), measureSwapping, place }, close };
}
export type Executing = Awaited<ReturnType<typeof startExecutorArm>>['methods'];
