import { systemClock } from '../../src/inference/clock';
import type { HostRun } from '../../src/inference/hosting/host-run';
import { Dispatcher } from '../../src/inference/serving/dispatcher';
import { RunTimes } from '../../src/inference/serving/run-times';
import { TenantService } from '../../src/inference/serving/tenant-service';
import type { LoadedVariant } from '../../src/inference/serving/variant-server';
import type { NamedTensors } from '../../src/inference/tensors/tensors';
import type { Variant } from '../../src/signals/tenant';
import { executorTenant } from './tenants';

export interface DispatchOrder {
  readonly requests: number;
  readonly tenants: number;
  /** Of each tenant. */
  readonly inFlight: number;
  readonly largestBatch: number;
}

const values = 16;

/** A variant that answers at once, so that what remains is the work of the executor itself. */
class InstantVariant implements LoadedVariant {
  readonly component = 'cpu0';
  readonly batches = true;
  readonly inputs = [{ name: 'x', type: 'float32' as const, dims: ['batch', values] }];
  readonly times = new RunTimes();
  private readonly outputs: NamedTensors = { y: { type: 'float32', dims: [1, 1], data: new Float32Array(1) } };

  constructor(readonly variant: Variant) {}

  async run(requests: readonly NamedTensors[]): Promise<HostRun> {
    const results = requests.map(() => ({ outputs: this.outputs, nonFiniteInput: false }));
    return { results, decodeMs: 0, runMs: 0.01, cpuMs: 0.01 };
  }
}

function servicesOn(order: DispatchOrder): { services: TenantService<InstantVariant>[]; variant: InstantVariant } {
  const dispatcher = new Dispatcher({ clock: systemClock, ready: () => true });
  const model = { name: 'small' as const, path: '/nowhere.onnx', dims: [1, values] };
  let variant: InstantVariant | null = null;
  const services = Array.from({ length: order.tenants }, (_, index) => {
    const { largestBatch } = order;
    const parsed = executorTenant({ name: `tenant ${index}`, model, serving: { largestBatch } });
    const service = new TenantService<InstantVariant>({
      tenant: parsed,
      queueLength: 2 * order.inFlight,
      clock: systemClock,
      energyJ: (_component, cpuMs) => cpuMs / 100,
      carbonG: (energyJ) => energyJ,
      onWaiting: () => dispatcher.pump(),
    });
    const [declared] = parsed.variants;
    if (declared === undefined) throw new Error('a tenant without a variant');
    variant = new InstantVariant(declared);
    service.deploy(variant, ['bench']);
    dispatcher.attach(service);
    return service;
  });
  if (variant === null) throw new Error('no tenants');
  return { services, variant };
}

/** CPU time of this process while `loops` loops do `requests` steps, ms per step. */
async function cpuMsPerStep(
  requests: number,
  loops: number,
  step: (loop: number) => Promise<unknown>,
): Promise<number> {
  let left = requests;
  const loop = async (index: number): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await step(index);
    }
  };
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: loops }, (_, index) => loop(index)));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / requests;
}

/** The executor's own work per request, without models, hosts or messages. */
export async function startDispatchArm() {
  const payload = { type: 'float32', dims: [1, values], data: new Float32Array(values) };
  const inputs: NamedTensors[] = [{ x: { type: 'float32', dims: [1, values], data: payload.data } }];
  const methods = {
    async measure(order: DispatchOrder): Promise<{ dispatchMs: number; emptyMs: number }> {
      const { services, variant } = servicesOn(order);
      const loops = order.tenants * order.inFlight;
      const served = await cpuMsPerStep(order.requests, loops, (loop) => {
        const service = services[loop % services.length];
        if (service === undefined) throw new Error('no service');
        return service.submit({ tenant: service.tenant.name, payload, deadlineMs: Date.now() + 60_000 });
      });
      const empty = await cpuMsPerStep(order.requests, loops, () => variant.run(inputs));
      for (const service of services) service.close();
      return { dispatchMs: served, emptyMs: empty };
    },
  };
  return { methods, close: async () => undefined };
}
export type Dispatch = Awaited<ReturnType<typeof startDispatchArm>>['methods'];
