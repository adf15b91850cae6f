import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { spawn, type ChildProcess } from 'node:child_process';
import { findQuotaGroups } from '../../../src/power/actuators/find-quota-groups';
import { SoftwareActuator } from '../../../src/power/actuators/software';
import type { ThrottleTarget } from '../../../src/signals/device';
import { twoCoreMachine } from './fakes';

const spinMs = 1200;

/** Waits for a line on stdin, computes for `spinMs`, prints the CPU milliseconds that it got. */
const spinner = `
process.stdin.once('data', () => {
  const before = process.cpuUsage();
  const end = Date.now() + ${spinMs};
  while (Date.now() < end);
  const used = process.cpuUsage(before);
  console.log((used.user + used.system) / 1000);
  process.exit(0);
});
console.log('ready');
`;

function nextLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', (data: Buffer) => {
      resolve(data.toString().trim());
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new Error(`the spinning process ended with ${code}`));
    });
  });
}

describe('CPU quota on this machine', function () {
  this.timeout(30_000);

  it('halves the CPU time of a process that computes all the time', async function () {
    const { groups, finding } = await findQuotaGroups();
    if (groups === null) {
      console.log(`        skipped: ${finding}`);
      this.skip();
    }
    const { components, operatingPoints } = twoCoreMachine();

    async function cpuMsAt(speed: number): Promise<number> {
      const point = operatingPoints.find((candidate) => candidate.speed === speed);
      assert.ok(point && groups);
      const targets = new Set<ThrottleTarget>();
      const software = new SoftwareActuator(components, targets, groups);
      const child = spawn(process.execPath, ['-e', spinner], { stdio: ['pipe', 'pipe', 'inherit'] });
      try {
        assert.equal(await nextLine(child), 'ready');
        targets.add({ component: 'cpu0', pid: child.pid ?? 0, cpuSeconds: () => 0, pace: () => Promise.resolve(1) });
        await software.apply(point);
        assert.match(software.how(), /CPU quota/);
        assert.equal(await software.readBack(), point);
        const line = nextLine(child);
        child.stdin?.write('go\n');
        return Number(await line);
      } finally {
        child.kill('SIGKILL');
        await software.release(); // the killed process may not be gone yet
        const left = (await readdir(groups.parent.folder)).filter((name) => name.includes(`ecomap-${process.pid}-`));
        assert.deepEqual(left, []);
      }
    }

    // A busy machine can keep the unlimited process from its core: such a round says nothing about the quota.
    for (let round = 0; round < 2; round += 1) {
      const limited = await cpuMsAt(0.5);
      assert.ok(limited < 0.6 * spinMs, `under a quota of 50 % it got ${limited} ms of ${spinMs}`);
      const unlimited = await cpuMsAt(1);
      if (unlimited < 0.9 * spinMs || limited < 0.4 * spinMs) continue;
      const ratio = limited / unlimited;
      assert.ok(ratio > 0.4 && ratio < 0.6, `ratio ${ratio}`);
      return;
    }
    console.log('        only the upper limit was checked: this machine is too busy to give one core to a process');
  });
});
