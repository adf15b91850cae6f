import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { exampleFlows, withoutDashboard } from '../support/ecomap-flow';
import { hostsOf, NodeRedRuntime, until, type Flow } from '../support/node-red-runtime';

const windowS = 6;
/** USER_HZ of Linux. */
const ticksPerS = 100;

/** CPU seconds that a process and its threads have used. */
async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerS;
}

describe('a power cap on a machine without sensors, in a real Node-RED', function () {
  this.timeout(180_000);
  let runtime: NodeRedRuntime;

  before(async () => {
    runtime = await NodeRedRuntime.start();
  });
  after(async () => {
    await runtime?.stop();
  });

  /** The example with this machine as the device, a fixed cap, and more traffic than can be served. */
  function flow(fixedW: number): Flow {
    const example = exampleFlows().get('01 - Start here.json');
    assert.ok(example);
    return withoutDashboard(example).flatMap((node): Flow => {
      if (node.type === 'ecomap-device') return [{ ...node, hardware: 'auto', idleW: '10', fullLoadW: '30' }];
      if (node.type === 'ecomap-power-cap')
        return [{ ...node, policy: 'fixed', fixedW: String(fixedW), actuator: 'software', leastDwellS: 0 }];
      if (node.type !== 'ecomap-sample-requests') return [node];
      return [1, 2, 3, 4].map((copy) => ({ ...node, id: `${node.id}${copy}`, ratePerS: 200, seed: copy }));
    });
  }

  async function cpuSecondsByHost(): Promise<Map<number, number>> {
    const found = new Map<number, number>();
    for (const pid of await hostsOf(runtime.pid)) {
      // A host that a deploy has replaced ends meanwhile.
      const seconds = await cpuSecondsOf(pid).catch(() => null);
      if (seconds !== null) found.set(pid, seconds);
    }
    return found;
  }

  /** Cores that the inference hosts use together, as a mean over some seconds after those of the deploy. */
  async function coresInUse(): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const [before, startMs] = [await cpuSecondsByHost(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, windowS * 1000));
    let seconds = 0;
    for (const [pid, now] of await cpuSecondsByHost()) seconds += now - (before.get(pid) ?? 0);
    return seconds / ((performance.now() - startMs) / 1000);
  }

  const untilShown = (watts: RegExp): Promise<boolean> =>
    until(async () => {
      const shown = Object.values(await runtime.statuses()).some(({ text }) => watts.test(text ?? ''));
      const serving = (await runtime.messages()).some(({ ecomap }) => ecomap !== undefined);
      return shown && serving ? true : null;
    }, `a cap of ${watts.source}`);

  it('changes what the inference processes may use: CPU time before and after', async () => {
    await runtime.deploy(flow(30));
    await untilShown(/^30\.0 W/);
    const uncapped = await coresInUse();
    await runtime.deploy(flow(14), 'nodes');
    await untilShown(/^14\.0 W/);
    const capped = await coresInUse();
    console.log(`        ${uncapped.toFixed(2)} cores without a cap, ${capped.toFixed(2)} under it`);
    // Modelled: 14 of 10 to 30 W are a fifth of the time.
    assert.ok(uncapped > 0.15, `too little to do: ${uncapped} cores without a cap`);
    assert.ok(capped < 0.6 * uncapped, `${capped} cores under the cap, ${uncapped} without`);
    assert.ok(capped > 0.01, 'the hosts still serve');
  });
});
