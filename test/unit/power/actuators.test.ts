import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findQuotaGroups } from '../../../src/power/actuators/find-quota-groups';
import { Pacing } from '../../../src/power/actuators/pacing';
import { SimulatedActuator } from '../../../src/power/actuators/simulated';
import { SoftwareActuator } from '../../../src/power/actuators/software';
import type { OperatingPoint, ThrottleTarget } from '../../../src/signals/device';
import { isEcomapError } from '../../../src/signals/errors';
import { FakeHost, twoCoreMachine } from './fakes';
import { GroupTree } from './group-tree';

const { components, operatingPoints } = twoCoreMachine();

function pointAt(speed: number): OperatingPoint {
  const point = operatingPoints.find((candidate) => candidate.speed === speed);
  assert.ok(point);
  return point;
}

const notEnforceable =
  (text: RegExp) =>
  (error: unknown): boolean =>
    isEcomapError(error) && error.code === 'CAP_NOT_ENFORCEABLE' && text.test(error.message);

for (const version of ['v1', 'v2'] as const) {
  describe(`CPU quota by control groups ${version}`, () => {
    let tree: GroupTree;
    beforeEach(() => {
      tree = new GroupTree(version);
    });
    afterEach(() => {
      tree.remove();
    });

    async function actuator(targets: Set<ThrottleTarget>): Promise<SoftwareActuator> {
      const { groups, finding } = await findQuotaGroups(tree.options());
      assert.ok(groups, finding);
      return new SoftwareActuator(components, targets, groups);
    }

    it('is found by really writing a quota, which leaves nothing behind', async () => {
      const { groups, finding } = await findQuotaGroups(tree.options());
      assert.ok(groups);
      assert.match(finding, new RegExp(`cgroup ${version}, 20 ms period.*written and read back`));
      assert.deepEqual(tree.groupNames, []);
      assert.ok(tree.writes.some((write) => write.startsWith('ecomap-77-probe/')));
    });

    it('limits one group per component, moves the hosts in, and takes all back at release', async () => {
      const hosts = new Set<ThrottleTarget>([new FakeHost('cpu0', 1001), new FakeHost('cpu1', 1002)]);
      const software = await actuator(hosts);
      const half = pointAt(0.5);
      assert.equal(await software.apply(half), half);
      assert.deepEqual(tree.groupNames.sort(), ['ecomap-77-cpu0', 'ecomap-77-cpu1']);
      assert.equal(tree.coresOf('ecomap-77-cpu0'), 0.5);
      assert.deepEqual(tree.members(join(tree.parent, 'ecomap-77-cpu0')), [1001]);
      assert.deepEqual(tree.members(join(tree.parent, 'ecomap-77-cpu1')), [1002]);
      const late = new FakeHost('cpu1', 1003);
      hosts.add(late);
      await software.admit(late);
      assert.deepEqual(tree.members(join(tree.parent, 'ecomap-77-cpu1')), [1002, 1003]);
      await software.apply(pointAt(1));
      assert.equal(tree.coresOf('ecomap-77-cpu0'), null, 'full speed is no quota at all');
      assert.equal(await software.readBack(), pointAt(1));
      await software.release();
      assert.deepEqual(tree.groupNames, []);
      assert.deepEqual(tree.members(tree.home).sort(), [1001, 1002, 1003]);
      assert.equal(await software.readBack(), null);
      assert.deepEqual(late.asked, [], 'hosts under a quota are not paced as well');
    });

    it('gives a component of four threads four times the quota', async () => {
      const wide = twoCoreMachine({ components: [{ name: 'cpu-a', cores: [], threads: 4 }] });
      const { groups } = await findQuotaGroups(tree.options());
      const software = new SoftwareActuator(wide.components, new Set(), groups);
      const point = wide.operatingPoints.find(({ speed }) => speed === 0.3);
      assert.ok(point);
      await software.apply(point);
      assert.equal(tree.coresOf('ecomap-77-cpu-a'), 1.2);
    });

    it('keeps out of the groups of a second device in the same process', async () => {
      const first = await actuator(new Set());
      const second = await actuator(new Set());
      await first.apply(pointAt(0.5));
      await second.apply(pointAt(0.2));
      assert.deepEqual(tree.groupNames.sort(), [
        'ecomap-77-cpu0',
        'ecomap-77-cpu0.2',
        'ecomap-77-cpu1',
        'ecomap-77-cpu1.2',
      ]);
      assert.equal(await first.readBack(), pointAt(0.5));
      await second.release();
      assert.deepEqual(tree.groupNames.sort(), ['ecomap-77-cpu0', 'ecomap-77-cpu1']);
    });

    it('sweeps the empty groups of dead processes and of a predecessor with its own number, no others', async () => {
      tree.makeGroup(join(tree.parent, 'ecomap-500-cpu0'));
      tree.makeGroup(join(tree.parent, 'ecomap-500-cpu1'), [9]);
      tree.makeGroup(join(tree.parent, 'ecomap-600-cpu0'));
      tree.makeGroup(join(tree.parent, 'ecomap-77-cpu0'));
      tree.makeGroup(join(tree.parent, 'somebody-else'));
      const alive = { isAlive: (pid: number) => pid !== 500 };
      const young = await findQuotaGroups(tree.options({ ...alive, startedAtMs: Date.now() - 3600_000 }));
      assert.deepEqual(young.swept, ['ecomap-500-cpu0']);
      const restarted = await findQuotaGroups(tree.options({ ...alive, startedAtMs: Date.now() + 3600_000 }));
      assert.deepEqual(restarted.swept, ['ecomap-77-cpu0']);
      assert.deepEqual(tree.groupNames.sort(), ['ecomap-500-cpu1', 'ecomap-600-cpu0']);
    });

    it('is not offered where it may not be written or does not stick, and says what would help', async () => {
      const quotaFile = version === 'v1' ? 'cpu.cfs_quota_us' : 'cpu.max';
      tree.refusals.set(quotaFile, 'EACCES');
      const denied = await findQuotaGroups(tree.options());
      assert.equal(denied.groups, null);
      assert.match(denied.finding, /EACCES.*Delegate=cpu/);
      assert.deepEqual(tree.groupNames, []);
      tree.refusals.clear();
      tree.stuckAt.set(quotaFile, version === 'v1' ? '-1\n' : 'max 100000\n');
      const ignored = await findQuotaGroups(tree.options());
      assert.equal(ignored.groups, null);
      assert.match(ignored.finding, /wrote a quota of half a core and read back no limit/);
    });

    it('falls back to pacing all hosts when a quota fails later, and says so', async () => {
      const host = new FakeHost('cpu0', 1001);
      const software = await actuator(new Set<ThrottleTarget>([host]));
      await software.apply(pointAt(0.5));
      tree.refusals.set(version === 'v1' ? 'cpu.cfs_quota_us' : 'cpu.max', 'EIO');
      await software.apply(pointAt(0.2));
      assert.equal(host.share, 0.2);
      assert.match(software.how(), /hosts paced, because a CPU quota failed \(EIO/);
      assert.deepEqual(tree.groupNames, []);
      assert.deepEqual(tree.members(tree.home), [1001]);
      await software.release();
      assert.equal(host.share, 1);
    });

    it('notices that somebody else changed the quota', async () => {
      const software = await actuator(new Set());
      await software.apply(pointAt(0.5));
      const folder = join(tree.parent, 'ecomap-77-cpu1');
      if (version === 'v1') writeFileSync(join(folder, 'cpu.cfs_quota_us'), '-1\n');
      else writeFileSync(join(folder, 'cpu.max'), 'max 20000\n');
      await assert.rejects(
        software.readBack(),
        notEnforceable(/cpu1 should run at 50 % but its CPU quota reads 100 %/),
      );
    });

    it('waits for a process that is just ending before it removes its group', async () => {
      const host = new FakeHost('cpu0', 1001);
      const software = await actuator(new Set<ThrottleTarget>([host]));
      await software.apply(pointAt(0.5));
      const removeFolder = tree.files.removeFolder;
      let refusals = 2;
      tree.files.removeFolder = (path) => {
        refusals -= 1;
        return refusals >= 0 ? Promise.reject(Object.assign(new Error('busy'), { code: 'EBUSY' })) : removeFolder(path);
      };
      await software.release();
      assert.deepEqual(tree.groupNames, []);
      assert.doesNotMatch(software.how(), /could not be removed/);
    });

    it('does not stumble over a host that died on the way in', async () => {
      const host = new FakeHost('cpu0', 1001);
      const software = await actuator(new Set<ThrottleTarget>([host]));
      tree.refusals.set('cgroup.procs', 'ESRCH');
      await software.apply(pointAt(0.5));
      assert.equal(software.how(), `CPU quota (cgroup ${version}, 20 ms period)`);
    });
  });
}

describe('CPU quota by control groups', () => {
  it('is not looked for where a group hands no cpu controller down', async () => {
    const tree = new GroupTree('v2');
    try {
      writeFileSync(join(tree.parent, 'cgroup.subtree_control'), 'memory\n');
      const { groups, finding } = await findQuotaGroups(tree.options());
      assert.equal(groups, null);
      assert.match(finding, /no group hands the cpu controller down/);
    } finally {
      tree.remove();
    }
  });

  it('uses the mount point when the path of the group belongs to the host of a container', async () => {
    const tree = new GroupTree('v1');
    try {
      writeFileSync(tree.procCgroupFile, '3:cpu,cpuacct:/docker/0123456789ab\n');
      mkdirSync(join(tree.root, 'cpu'), { recursive: true });
      const { groups } = await findQuotaGroups(tree.options());
      assert.equal(groups?.parent.folder, tree.parent);
    } finally {
      tree.remove();
    }
  });

  it('gives way to pacing on a system without control groups', async () => {
    const { groups, finding } = await findQuotaGroups({ procCgroupFile: '/nonexistent' });
    assert.equal(groups, null);
    assert.match(finding, /no control groups/);
  });
});

describe('pacing of hosts', () => {
  it('tells every host its share and takes it back at release', async () => {
    const hosts = [new FakeHost('cpu0'), new FakeHost('cpu1')];
    const software = new SoftwareActuator(components, new Set<ThrottleTarget>(hosts), null);
    await software.apply(pointAt(0.4));
    assert.deepEqual(
      hosts.map((host) => host.share),
      [0.4, 0.4],
    );
    assert.equal(software.how(), 'hosts paced');
    assert.equal(await software.readBack(), pointAt(0.4));
    await software.release();
    assert.deepEqual(
      hosts.map((host) => host.asked),
      [
        [0.4, 1],
        [0.4, 1],
      ],
    );
  });

  it('refuses to call a cap enforced when a host does not do as told, fails, or does not answer', async () => {
    const disobedient = new FakeHost('cpu0', 11);
    disobedient.claims = 1;
    const targets = new Set<ThrottleTarget>([disobedient]);
    const software = new SoftwareActuator(components, targets, null);
    await assert.rejects(software.apply(pointAt(0.5)), notEnforceable(/process 11.*told to work 50 %.*says 100 %/));
    disobedient.claims = null;
    disobedient.failure = new Error('channel closed');
    await assert.rejects(software.apply(pointAt(0.5)), notEnforceable(/channel closed.*deploying the flow again/));
    const silent: ThrottleTarget = {
      component: 'cpu1',
      pid: 12,
      cpuSeconds: () => 0,
      pace: () => new Promise(() => {}),
    };
    await assert.rejects(
      new Pacing(new Set([silent]), 5).applyToAll(0.5),
      notEnforceable(/process 12\) did not answer within/),
    );
  });

  it('does not mind a host that went away meanwhile', async () => {
    const targets = new Set<ThrottleTarget>();
    const leaving = new FakeHost('cpu0');
    targets.add(leaving);
    leaving.failure = new Error('channel closed');
    const applied = new Pacing(targets).applyToAll(0.5);
    targets.delete(leaving);
    await applied;
  });

  it('paces the hosts of a simulated device to its speed', async () => {
    const host = new FakeHost('cpu0');
    const targets = new Set<ThrottleTarget>([host]);
    const simulated = new SimulatedActuator(targets);
    assert.equal(await simulated.readBack(), null);
    await simulated.apply(pointAt(0.3));
    assert.equal(await simulated.readBack(), pointAt(0.3));
    const late = new FakeHost('cpu1');
    targets.add(late);
    await simulated.admit(late);
    assert.equal(late.share, 0.3);
    await simulated.release();
    assert.deepEqual([host.share, late.share], [1, 1]);
  });
});
