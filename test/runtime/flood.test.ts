import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClientsInNodeRed, residentMb, servingFlow, sumOf } from '../support/clients-in-node-red';
import { hostsOf } from '../support/node-red-runtime';
import { slowNumberModel, writeModel } from '../support/onnx-builder';

/** The whole half minute where nobody waits for it. */
const floodMs = process.env.CI ? 30_000 : 4000;
const timesCapacity = 20;

describe('a flood at 20 times the capacity', function () {
  this.timeout(180_000);
  let models: string;
  let clients: ClientsInNodeRed;

  before(async () => {
    models = await mkdtemp(join(tmpdir(), 'ecomap-flood-'));
    clients = await ClientsInNodeRed.start();
  });
  after(async () => {
    await clients?.runtime.stop();
    await rm(models, { recursive: true, force: true });
  });

  /** Answers per second to four clients that never pause. */
  const capacityPerS = async (): Promise<number> => {
    const answeredUntil = async () => sumOf((await clients.counts()).ended['machine'] ?? {});
    await clients.work(4, { tenant: 'machine' });
    const [from, fromMs] = [await answeredUntil(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const perS = ((await answeredUntil()) - from) / ((performance.now() - fromMs) / 1000);
    await clients.rest();
    await clients.ended();
    return perS;
  };

  /** Asks the admin API over and over until `over`; ms of each answer. */
  const askAdmin = async (over: () => boolean): Promise<number[]> => {
    const tookMs: number[] = [];
    while (!over()) {
      const fromMs = performance.now();
      const response = await fetch(`${clients.runtime.url}/flows`, { signal: AbortSignal.timeout(10_000) });
      assert.equal(response.status, 200);
      await response.arrayBuffer();
      tookMs.push(performance.now() - fromMs);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return tookMs;
  };

  /** The most memory that Node-RED has until `over`, MB. */
  const mostMemory = async (over: () => boolean): Promise<number> => {
    let most = 0;
    while (!over()) {
      most = Math.max(most, await residentMb(clients.runtime.pid));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return most;
  };

  it(`ends every message once, for ${floodMs / 1000} s, while Node-RED answers and does not grow`, async () => {
    const { path } = await writeModel(models, 'slow.onnx', slowNumberModel(20));
    await clients.deploy(servingFlow([{ name: 'machine', variants: [{ name: 'slow', path }] }]), ['machine']);
    // What the probe remembers would be growth of the test's own.
    await clients.runtime.remember(10);
    const perS = await capacityPerS();
    const kinds = [{ tenant: 'machine' }, { tenant: 'machine', timeoutMs: 100 }];
    // A first flood, so that V8 has given its heap the size that this traffic needs: what comes on top is growth.
    await clients.flood(timesCapacity * perS, 4000, kinds);
    await clients.ended();
    await clients.runtime.holdings();
    const beforeMb = await residentMb(clients.runtime.pid);
    const hosts = await hostsOf(clients.runtime.pid);
    const earlier = await clients.counts();
    const before = sumOf(earlier.sent);
    const answeredBefore = earlier.ended['machine']?.['answered'] ?? 0;

    let over = false;
    const isOver = () => over;
    const watched = Promise.all([askAdmin(isOver), mostMemory(isOver)]);
    const sent = await clients.flood(timesCapacity * perS, floodMs, kinds);
    over = true;
    const [tookMs, mostMb] = await watched;

    const counts = await clients.reconciled();
    assert.equal(sumOf(counts.sent), before + sent);
    assert.equal(sent, Math.round((timesCapacity * perS * floodMs) / 1000));
    const { answered = 0, QUEUE_FULL = 0, DEADLINE_EXCEEDED = 0, ...others } = counts.ended['machine'] ?? {};
    assert.deepEqual(others, {});
    assert.ok(answered > answeredBefore && QUEUE_FULL > 0 && DEADLINE_EXCEEDED > 0, JSON.stringify(counts.ended));
    const refusedBefore = before - answeredBefore;
    assert.ok(QUEUE_FULL + DEADLINE_EXCEEDED - refusedBefore > sent / 2, `no flood: ${JSON.stringify(counts.ended)}`);
    assert.ok(tookMs.length >= 3 && Math.max(...tookMs) < 2000, `the admin API took ${tookMs.map(Math.round)} ms`);
    // It serves on at once, by the same process.
    await clients.offer(8, { tenant: 'machine' });
    const after = await clients.reconciled();
    assert.equal(after.ended['machine']?.['answered'], answered + 8);
    assert.deepEqual([after.restarts, await hostsOf(clients.runtime.pid)], [0, hosts]);
    await clients.runtime.holdings();
    const afterMb = await residentMb(clients.runtime.pid);
    const memory = `${[beforeMb, mostMb, afterMb].map(Math.round).join(' -> ')} MB`;
    const slowest = `the admin API took at most ${Math.round(Math.max(...tookMs))} ms`;
    console.log(`      ${sent} at ${Math.round(perS)}/s: ${JSON.stringify(counts.ended)}; ${slowest}; ${memory}`);
    assert.ok(mostMb - beforeMb < 120 && afterMb - beforeMb < 40, memory);
  });
});
