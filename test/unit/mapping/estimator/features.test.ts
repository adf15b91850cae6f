import assert from 'node:assert/strict';
import { CoLocationFeatures, featureCount, featureNames } from '../../../../src/mapping/estimator/learned/features';
import { PreparedCoLocation } from '../../../../src/mapping/estimator/learned/prepared-co-location';
import { splitByWorkload, trainingSetOf } from '../../../../src/mapping/estimator/learned/training-set';
import type { CoLocation, CoLocationMapping } from '../../../../src/signals/co-location';
import { fewSamples, reordered } from '../../../support/co-location-fixtures';

function tokensOf(coLocation: CoLocation, mapping: CoLocationMapping): number[][] | null {
  const features = new CoLocationFeatures(new PreparedCoLocation(coLocation));
  const count = coLocation.networks.length;
  const flat = new Float32Array(count * featureCount);
  if (!features.write(mapping, flat, 0)) return null;
  return Array.from({ length: count }, (_, network) => [
    ...flat.subarray(network * featureCount, (network + 1) * featureCount),
  ]);
}

const samples = fewSamples(12, 2);
const column = (name: (typeof featureNames)[number]): number => featureNames.indexOf(name);

describe('features of a co-location', () => {
  it('follow the networks when their order changes', () => {
    for (const sample of samples) {
      const order = sample.networks.map((_, index) => sample.networks.length - 1 - index);
      const other = reordered(sample, order);
      const tokens = tokensOf(sample, sample.mapping);
      const turned = tokensOf(other, other.mapping);
      assert.ok(tokens !== null && turned !== null);
      order.forEach((from, to) => {
        tokens[from]?.forEach((value, feature) => {
          assert.ok(Math.abs(value - (turned[to]?.[feature] ?? Number.NaN)) < 1e-4, featureNames[feature]);
        });
      });
    }
  });

  it('are finite for one tenant, for twelve, and for one that never runs', () => {
    const [sample] = samples;
    assert.ok(sample !== undefined);
    const [network] = sample.networks;
    const [units] = sample.mapping;
    assert.ok(network !== undefined && units !== undefined);
    const idle = { ...network, periodS: Number.POSITIVE_INFINITY };
    for (const networks of [[network], new Array(12).fill(network), [network, idle]] as (typeof network)[][]) {
      const tokens = tokensOf(
        { device: sample.device, networks },
        networks.map(() => units),
      );
      assert.ok(tokens?.flat().every(Number.isFinite));
    }
    assert.deepEqual(tokensOf({ device: sample.device, networks: [] }, []), []);
  });

  it('see nobody where a network is alone, and more company the more there is', () => {
    const sample = samples.find(({ networks }) => networks.length >= 3);
    assert.ok(sample !== undefined);
    const first = <T>(list: readonly T[], count: number): T[] => list.slice(0, count);
    const mapping = sample.networks.map(({ stages }) => stages.map(() => 1));
    const seen = [1, 2, 3].map((count) => {
      const tokens = tokensOf(
        { device: sample.device, networks: first(sample.networks, count) },
        first(mapping, count),
      );
      return {
        waiting: tokens?.[0]?.[column('ln V/A')],
        load: tokens?.[0]?.[column('load of others on the own units')],
      };
    });
    assert.deepEqual(seen[0], { waiting: 0, load: 0 });
    assert.ok((seen[1]?.waiting ?? 0) > 0.1 && (seen[2]?.waiting ?? 0) > (seen[1]?.waiting ?? 0));
    assert.ok((seen[2]?.load ?? 0) > (seen[1]?.load ?? 0));
  });

  it('are refused where a cost is unknown', () => {
    const [sample] = samples;
    assert.ok(sample !== undefined);
    const networks = sample.networks.map((network) => ({
      ...network,
      stages: network.stages.map((stage) => ({
        ...stage,
        alone: stage.alone.map((cost, at) => (at === 0 ? null : cost)),
      })),
    }));
    const all = (at: number): CoLocationMapping => networks.map(({ stages }) => stages.map(() => at));
    assert.equal(tokensOf({ ...sample, networks }, all(0)), null);
    assert.ok(tokensOf({ ...sample, networks }, all(1)) !== null);
  });

  it('say whether sensitivities were measured', () => {
    const [sample] = samples;
    assert.ok(sample !== undefined);
    const known = tokensOf(sample, sample.mapping);
    const blind = tokensOf(
      { ...sample, networks: sample.networks.map((network) => ({ ...network, sensitivity: [] })) },
      sample.mapping,
    );
    assert.equal(known?.[0]?.[column('sensitivity known')], 1);
    assert.equal(blind?.[0]?.[column('sensitivity known')], 0);
    assert.equal(blind?.[0]?.[column('ln slowdown beside itself')], 0);
  });
});

describe('a training set', () => {
  it('leaves out what was not measured properly', () => {
    const [first, second, ...rest] = samples;
    assert.ok(first !== undefined && second !== undefined);
    const broken = [{ ...first, powerW: Number.NaN }, { ...second, latencyS: second.latencyS.map(() => 0) }, ...rest];
    const set = trainingSetOf(broken, 5);
    assert.equal(set.count, rest.length);
    assert.deepEqual(set, trainingSetOf(rest, 5));
    assert.ok(set.features.every(Number.isFinite) && set.lnLatencyRatio.every(Number.isFinite));
  });

  it('never has a workload on both sides of a split', () => {
    const set = trainingSetOf(samples, 5);
    const { kept, heldOut } = splitByWorkload(set, (workload) => workload % 3 === 0);
    assert.equal(kept.count + heldOut.count, set.count);
    assert.ok(heldOut.count > 0 && kept.workload.every((workload) => !heldOut.workload.includes(workload)));
  });
});
