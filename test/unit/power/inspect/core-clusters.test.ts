import assert from 'node:assert/strict';
import fc from 'fast-check';
import { componentsFor } from '../../../../src/power/components';
import { findCoreClusters, tiersOf, type CoreCluster } from '../../../../src/power/core-clusters';
import { describeMachine } from '../../../../src/power/describe-machine';
import { detectMachine } from '../../../../src/power/detect';
import { FolderMachine, policies } from './folder-machine';

function clustersIn(files: Readonly<Record<string, string>>): CoreCluster[] {
  const folder = new FolderMachine(files);
  try {
    return findCoreClusters(folder.root);
  } finally {
    folder.remove();
  }
}

const componentsOf = (clusters: readonly CoreCluster[], cores: readonly number[], canPin = true) =>
  componentsFor(cores, canPin, clusters).map(({ name, cores: own, componentClass }) => [
    name,
    own.join(),
    componentClass,
  ]);

const upTo = (count: number): number[] => Array.from({ length: count }, (_, core) => core);

describe('clusters of cores', () => {
  it('of an AGX Xavier are four pairs that are all alike', () => {
    const khz = 2_265_600;
    const clusters = clustersIn(
      policies({ cores: [0, 1], khz }, { cores: [2, 3], khz }, { cores: [4, 5], khz }, { cores: [6, 7], khz }),
    );
    assert.deepEqual(clusters[1], { cores: [2, 3], highestMhz: 2265.6, capacity: null });
    assert.equal(clusters.length, 4);
    assert.deepEqual(componentsOf(clusters, upTo(8)), [
      ['cpu-a', '0,1,2,3', 'cpu-4t'],
      ['cpu-b', '4,5,6,7', 'cpu-4t'],
    ]);
  });

  it('that differ become components of their own: big and little', () => {
    const clusters = clustersIn(policies({ cores: [0, 1, 2, 3], khz: 1_416_000 }, { cores: [4, 5], khz: 1_800_000 }));
    assert.deepEqual(componentsOf(clusters, upTo(6)), [
      ['cpu-big', '4,5', 'cpu-big-2t'],
      ['cpu-little', '0,1,2,3', 'cpu-little-4t'],
    ]);
  });

  it('are ranked by capacity where the kernel tells it, whatever the clocks say', () => {
    const clusters = clustersIn(
      policies(
        { cores: [0, 1, 2, 3], khz: 2_400_000, capacity: 400 },
        { cores: [4, 5, 6, 7], khz: 2_300_000, capacity: 1024 },
      ),
    );
    assert.deepEqual(
      componentsOf(clusters, upTo(8)).map(([name, cores]) => [name, cores]),
      [
        ['cpu-big', '4,5,6,7'],
        ['cpu-little', '0,1,2,3'],
      ],
    );
  });

  it('of more than four cores are divided, and three kinds are told apart', () => {
    const clusters = clustersIn(
      policies(
        { cores: [0, 1, 2, 3, 4, 5], khz: 1_000_000 },
        { cores: [6], khz: 3_000_000 },
        { cores: [7], khz: 2_000_000 },
      ),
    );
    assert.deepEqual(
      componentsOf(clusters, upTo(8)).map(([name, cores]) => [name, cores]),
      [
        ['cpu-big', '6'],
        ['cpu-mid', '7'],
        ['cpu-little-a', '0,1,2'],
        ['cpu-little-b', '3,4,5'],
      ],
    );
  });

  it('with favoured cores that boost a little higher are still of one kind', () => {
    const clusters = clustersIn(
      policies({ cores: [0], khz: 5_000_000 }, { cores: [1], khz: 4_900_000 }, { cores: [2], khz: 4_700_000 }),
    );
    assert.deepEqual(tiersOf(clusters, [0, 1, 2]), []);
  });

  it('say nothing of cores that may not be used, and nothing at all when one core belongs to none', () => {
    const clusters = clustersIn(policies({ cores: [0, 1], khz: 1_000_000 }, { cores: [2, 3], khz: 2_000_000 }));
    assert.deepEqual(tiersOf(clusters, [0, 1]), []);
    assert.deepEqual(tiersOf(clusters, [0, 3]), [
      { tier: 'big', cores: [3] },
      { tier: 'little', cores: [0] },
    ]);
    assert.deepEqual(tiersOf(clusters, [0, 3, 9]), []);
    assert.deepEqual(componentsOf(clusters, [0, 1, 2, 3], false)[0], ['cpu0', '', 'cpu-1t']);
  });

  it('with garbage in their files are left out', () => {
    const folder = 'sys/devices/system/cpu/cpufreq';
    const clusters = clustersIn({
      [`${folder}/policy0/related_cpus`]: '0 1\n',
      [`${folder}/policy0/cpuinfo_max_freq`]: '<unsupported>\n',
      [`${folder}/policy2/related_cpus`]: 'all\n',
      [`${folder}/boost`]: '1\n',
    });
    assert.deepEqual(clusters, [{ cores: [0, 1], highestMhz: null, capacity: null }]);
    assert.deepEqual(tiersOf(clusters, [0, 1]), []);
  });

  it('use each core once, whatever they are', () => {
    const cluster = fc.record({
      size: fc.integer({ min: 1, max: 9 }),
      highestMhz: fc.option(fc.integer({ min: 300, max: 6000 })),
      capacity: fc.option(fc.integer({ min: 1, max: 1024 })),
    });
    fc.assert(
      fc.property(fc.array(cluster, { minLength: 1, maxLength: 6 }), (list) => {
        let next = 0;
        const clusters = list.map(({ size, highestMhz, capacity }) => ({
          cores: Array.from({ length: size }, () => next++),
          highestMhz,
          capacity,
        }));
        const components = componentsFor(upTo(next), true, clusters);
        assert.deepEqual(
          components.flatMap(({ cores }) => cores).sort((one, other) => one - other),
          upTo(next),
        );
        assert.equal(new Set(components.map(({ name }) => name)).size, components.length);
        for (const { threads, cores } of components)
          assert.ok(threads === cores.length && threads >= 1 && threads <= 4);
      }),
    );
  });

  it('reach the components of a device', () => {
    const folder = new FolderMachine({
      ...policies({ cores: [0, 1], khz: 1_000_000 }, { cores: [2, 3], khz: 2_000_000 }),
      'proc/self/status': 'Cpus_allowed_list:\t0-3\n',
    });
    folder.put('usr/bin/taskset', '', 0o755);
    try {
      const detection = detectMachine({ fileRoot: folder.root, arch: 'arm64', searchPath: `${folder.root}/usr/bin` });
      assert.deepEqual(
        describeMachine(detection).components.map(({ name, cores }) => [name, cores]),
        [
          ['cpu-big', [2, 3]],
          ['cpu-little', [0, 1]],
        ],
      );
    } finally {
      folder.remove();
    }
  });
});
