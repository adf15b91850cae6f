import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tenantSchema, type Tenant } from '../../../src/signals/tenant';
import { Random } from '../../../src/simulation/random';
import { Network, type Feature } from '../../executor/network';

type Kind = (typeof kinds)[number];
/** What they mostly wait for: arithmetic, memory, caches, the weights, next to nothing. */
const kinds = ['convolutional', 'depthwise', 'residual', 'dense', 'wide', 'small'] as const;

interface Generated {
  readonly bytes: Buffer;
  readonly dims: readonly number[];
}

/** From next to nothing to some tens of milliseconds on one core. */
function generate(kind: Kind, random: Random, seed: number): Generated {
  const network = new Network(seed);
  const classes = 10 + random.integer(0, 90);
  const image = (channels: number, side: number): Feature => ({ name: 'x', channels, side });
  const finish = (at: Feature, dims: readonly number[]): Generated => {
    const last = network.dense(network.averageOfChannels(at), at.channels, classes, false);
    return { bytes: network.model(dims.slice(1), last, classes), dims };
  };
  switch (kind) {
    case 'convolutional': {
      const side = random.pick([96, 128, 160]);
      let at = network.convolution(image(3, side), { channels: 32, kernel: 3, stride: 2 });
      for (let depth = random.integer(3, 8); depth > 0; depth -= 1) {
        const channels = Math.min(256, at.channels * (random.chance(0.5) ? 2 : 1));
        at = network.convolution(at, { channels, kernel: 3, stride: random.chance(0.3) ? 2 : 1 });
      }
      return finish(at, [1, 3, side, side]);
    }
    case 'depthwise': {
      const side = random.pick([128, 192, 224]);
      let at = network.convolution(image(3, side), { channels: 48, kernel: 3, stride: 2 });
      for (let depth = random.integer(4, 10); depth > 0; depth -= 1) {
        at = network.convolution(at, {
          channels: at.channels,
          kernel: 3,
          depthwise: true,
          stride: random.chance(0.25) ? 2 : 1,
        });
        at = network.convolution(at, { channels: Math.min(384, Math.round(at.channels * random.uniform(1, 1.5))) });
      }
      return finish(at, [1, 3, side, side]);
    }
    case 'residual': {
      const side = random.pick([96, 128, 160]);
      let at = network.convolution(image(3, side), { channels: random.pick([48, 64, 96]), kernel: 3, stride: 2 });
      for (let depth = random.integer(2, 6); depth > 0; depth -= 1) {
        const inner = network.convolution(at, { channels: at.channels, kernel: 3 });
        at = network.add(network.convolution(inner, { channels: at.channels, kernel: 3, relu: false }), at, true);
      }
      return finish(at, [1, 3, side, side]);
    }
    case 'dense': {
      const inputs = random.pick([1024, 2048, 3072]);
      let width = inputs;
      let at = 'x';
      for (let depth = random.integer(2, 4); depth > 0; depth -= 1) {
        const outputs = random.pick([1536, 2304, 3072]);
        at = network.dense(at, width, outputs);
        width = outputs;
      }
      return {
        bytes: network.model([inputs], network.dense(at, width, classes, false), classes),
        dims: [1, inputs],
      };
    }
    case 'wide': {
      // Large tensors and little arithmetic: it lives on the memory's bandwidth.
      const side = random.pick([224, 288, 352]);
      let at = network.convolution(image(3, side), { channels: 24, kernel: 1 });
      for (let depth = random.integer(2, 5); depth > 0; depth -= 1) {
        at = network.add(network.convolution(at, { channels: 24, kernel: 3, depthwise: true }), at, true);
      }
      return finish(network.maxPool(at, 2, 2), [1, 3, side, side]);
    }
    case 'small': {
      const inputs = random.pick([256, 1024]);
      const width = random.pick([64, 256]);
      const hidden = network.dense(network.dense('x', inputs, width), width, width);
      return { bytes: network.model([inputs], network.dense(hidden, width, 10, false), 10), dims: [1, inputs] };
    }
  }
}

/** Tenants with one generated network each, of all kinds in turn. Seeded. */
export async function generatedTenants(directory: string, count: number, seed: number): Promise<Tenant[]> {
  const random = new Random(seed);
  const tenants: Tenant[] = [];
  for (let index = 0; index < count; index += 1) {
    const kind = kinds[index % kinds.length] ?? 'small';
    const { bytes, dims } = generate(kind, random, seed + index);
    const name = `${kind}-${index}`;
    const path = join(directory, `${name}.onnx`);
    await writeFile(path, bytes);
    tenants.push(
      tenantSchema.parse({
        name,
        family: name,
        variants: [{ name: 'only', path, accuracy: 1 }],
        latencyLimitMs: 1000,
        input: { dims },
        output: { kind: 'tensors' },
      }),
    );
  }
  return tenants;
}
