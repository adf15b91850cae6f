import { defineNode } from '../../src/node-red/defineNode';
import type { NodeMessage } from '../../src/node-red/types';
import { EcomapError } from '../../src/signals/errors';
import { quoted } from '../../src/signals/parse';
import type { Tenant } from '../../src/signals/tenant';
import { poissonArrivals } from '../../src/simulation/poisson-arrivals';
import { SamplePool } from '../../src/simulation/sample-pool';
import { familyNames, type FamilyName } from '../../src/simulation/samples';
import { sampleRequestsConfig } from './config';

interface Receiver {
  readonly tenant: string;
  readonly family: FamilyName;
}

function receiverOf(tenant: Tenant): Receiver {
  const family = familyNames.find((name) => name === tenant.family);
  if (family === undefined) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `tenant "${tenant.name}" is of the family "${tenant.family}": samples can only be generated for ${familyNames.join(', ')}`,
    );
  }
  return { tenant: tenant.name, family };
}

/** Live traffic from the sample generators: requests at random times, as a stand-in for cameras and sensors. */
export default defineNode({
  type: 'ecomap-sample-requests',
  config: sampleRequestsConfig,
  start(node) {
    const { config } = node;
    const receivers = config.tenants.map((id) => receiverOf(node.resource<{ tenant: Tenant }>(id, 'tenant').tenant));
    const families = familyNames.filter((family) => receivers.some((receiver) => receiver.family === family));
    const pool = new SamplePool(families, config.poolSize, config.seed);
    const stopGrowing = node.every(20, () => {
      if (!pool.grow()) stopGrowing();
    });

    const fill = (message: NodeMessage, receiver: Receiver): NodeMessage => {
      const sample = pool.draw(receiver.family);
      message.payload = { type: 'float32', dims: sample.dims, data: sample.data };
      message.tenant = receiver.tenant;
      message.truth = sample.truth;
      return message;
    };

    const stops = receivers.map((receiver, index) =>
      poissonArrivals(config.ratePerS, config.seed * 1000 + index, () => {
        node.send(fill({}, receiver));
      }),
    );
    node.status(
      config.ratePerS > 0 && receivers.length > 0
        ? { fill: 'green', shape: 'dot', key: 'status.running', values: { rate: config.ratePerS * receivers.length } }
        : { fill: 'grey', shape: 'ring', key: 'status.onDemand' },
    );

    return {
      input(message, send) {
        const wanted = receivers.filter(({ tenant }) => message.tenant === undefined || tenant === message.tenant);
        const [first, ...others] = wanted;
        if (first === undefined) {
          const known = receivers.map(({ tenant }) => tenant).join(', ') || 'none is set up';
          throw new EcomapError(
            'INVALID_MESSAGE',
            `no samples for msg.tenant ${quoted(message.tenant)}: known tenants: ${known}`,
          );
        }
        for (const receiver of others) send(fill({ ...message }, receiver));
        send(fill(message, first));
      },
      close() {
        for (const stop of stops) stop();
      },
    };
  },
});
