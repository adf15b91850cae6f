import assert from 'node:assert/strict';
import { Dispatcher, type DispatchClient } from '../../../../src/inference/serving/dispatcher';
import type { Waiting } from '../../../../src/inference/serving/queue';
import { ManualClock } from '../support';

/** A tenant whose runs end when the test says so. */
class FakeTenant implements DispatchClient {
  waiting: Waiting[] = [];
  refuseNext = false;
  gathering = false;
  ripeMs = -Infinity;
  #end: ((busyMs: number) => void)[] = [];

  constructor(
    readonly name: string,
    private readonly log: string[],
    private readonly clock: ManualClock,
    readonly runMs: number,
    private readonly known = true,
    readonly weight = 1,
    readonly latencyLimitMs = 20,
  ) {}

  add(count: number, priority = 1): void {
    for (let index = 0; index < count; index += 1) {
      this.waiting.push({ arrivedMs: this.clock.nowMs(), priority, deadlineMs: null });
    }
  }
  head(): Waiting | undefined {
    return this.waiting[0];
  }
  ripeAtMs(): number {
    return this.ripeMs;
  }
  expectedRunMs(): number | null {
    return this.known ? this.runMs : null;
  }
  dispatch(): Promise<number> | null {
    this.waiting.shift();
    if (this.refuseNext) {
      this.refuseNext = false;
      this.log.push(`${this.name} refused`);
      return null;
    }
    this.log.push(this.name);
    return new Promise((resolve) => this.#end.push(resolve));
  }
  get underWay(): number {
    return this.#end.length;
  }
  async finish(): Promise<void> {
    this.clock.advance(this.runMs);
    this.#end.shift()?.(this.runMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('dispatcher', () => {
  let clock: ManualClock;
  let log: string[];
  let dispatcher: Dispatcher;
  let ready: boolean;

  const tenant = (name: string, runMs: number, known = true, weight = 1, latencyLimitMs = 20) => {
    const made = new FakeTenant(name, log, clock, runMs, known, weight, latencyLimitMs);
    dispatcher.attach(made);
    return made;
  };
  const finishAll = async (...tenants: FakeTenant[]) => {
    for (
      let running = tenants.find((one) => one.underWay > 0);
      running;
      running = tenants.find((one) => one.underWay > 0)
    ) {
      await running.finish();
    }
  };

  beforeEach(() => {
    clock = new ManualClock();
    log = [];
    ready = true;
    dispatcher = new Dispatcher({ clock, ready: () => ready });
  });

  it('hands over one request at a time when runs are long', () => {
    const big = tenant('big', 30);
    big.add(3);
    dispatcher.pump();
    assert.deepEqual(log, ['big']);
  });

  it('hands over a second one in advance when both runs are short, and never a third', () => {
    const small = tenant('small', 2);
    small.add(5);
    dispatcher.pump();
    assert.deepEqual(log, ['small', 'small']);
  });

  it('hands over longer ones in advance shortly before the one under way ends', async () => {
    const one = tenant('one', 20, true, 1, 1000);
    tenant('other', 20, true, 1, 1000);
    one.add(5);
    dispatcher.pump();
    clock.advance(14);
    assert.deepEqual(log, ['one']);
    clock.advance(1);
    assert.deepEqual(log, ['one', 'one']);
    await one.finish();
    // The second one began when the first one ended.
    clock.advance(14);
    dispatcher.pump();
    assert.deepEqual(log, ['one', 'one']);
    clock.advance(1);
    assert.deepEqual(log, ['one', 'one', 'one']);
  });

  it('leaves it open until then who is next', () => {
    const low = tenant('low', 20, true, 1, 1000);
    const high = tenant('high', 20, true, 1, 1000);
    low.add(2, 2);
    dispatcher.pump();
    clock.advance(14);
    high.add(1, 1);
    dispatcher.pump();
    clock.advance(1);
    assert.deepEqual(log, ['low', 'high']);
  });

  it('hands over in advance what takes a quarter of the tightest limit together, where others use the component', () => {
    const one = tenant('one', 20, true, 1, 1000);
    const other = tenant('other', 20, true, 1, 159);
    one.add(5);
    dispatcher.pump();
    clock.advance(16);
    dispatcher.pump();
    assert.deepEqual(log, ['one']);
    dispatcher.detach(other);
    tenant('another', 20, true, 1, 160);
    assert.deepEqual(log, ['one', 'one']);
  });

  it('hands over in advance whatever the limit is where nobody else uses the component', () => {
    const alone = tenant('alone', 20);
    alone.add(5);
    dispatcher.pump();
    clock.advance(15);
    assert.deepEqual(log, ['alone', 'alone']);
  });

  it('hands over very short ones in advance beside the tightest limit', () => {
    tenant('other', 1, true, 1, 1);
    const one = tenant('one', 4, true, 1, 1);
    one.add(5);
    dispatcher.pump();
    assert.deepEqual(log, ['one', 'one']);
  });

  it('hands over nothing in advance that might be late by then, and could still find another way', () => {
    const hurried = tenant('hurried', 20);
    hurried.waiting.push({ arrivedMs: clock.nowMs(), priority: 1, deadlineMs: null });
    hurried.waiting.push({ arrivedMs: clock.nowMs(), priority: 1, deadlineMs: clock.nowMs() + 39 });
    dispatcher.pump();
    clock.advance(15);
    assert.deepEqual(log, ['hurried']);
    hurried.waiting[0] = { arrivedMs: clock.nowMs(), priority: 1, deadlineMs: clock.nowMs() + 25 };
    dispatcher.pump();
    assert.deepEqual(log, ['hurried', 'hurried']);
  });

  it('hands over no half-empty batch in advance', () => {
    const batching = tenant('batching', 2);
    batching.add(3);
    batching.gathering = true;
    dispatcher.pump();
    assert.deepEqual(log, ['batching']);
    batching.gathering = false;
    dispatcher.pump();
    assert.deepEqual(log, ['batching', 'batching']);
  });

  it('waits for a batch as long as its tenant likes, not longer, and serves others meanwhile', async () => {
    const gatherer = tenant('gatherer', 30);
    const other = tenant('other', 30);
    gatherer.add(2);
    gatherer.ripeMs = clock.nowMs() + 50;
    dispatcher.pump();
    assert.deepEqual(log, []);
    other.add(1);
    dispatcher.pump();
    await finishAll(other);
    assert.deepEqual(log, ['other']);
    clock.advance(19);
    assert.deepEqual(log, ['other']);
    clock.advance(1);
    assert.deepEqual(log, ['other', 'gatherer']);
  });

  it('gives twice the time for twice the weight', async () => {
    const double = tenant('double', 15, true, 2);
    const single = tenant('single', 45, true, 1);
    double.add(200);
    single.add(200);
    dispatcher.pump();
    while (log.length < 140) await finishOne(double, single);
    const timeOf = (name: string, runMs: number) => log.filter((entry) => entry === name).length * runMs;
    const ratio = timeOf('double', 15) / timeOf('single', 45);
    assert.ok(ratio > 1.8 && ratio < 2.2, `ratio ${ratio}`);
  });

  it('gives twice the time for twice the weight although nobody knows how long runs take', async () => {
    const double = tenant('double', 30, false, 2);
    const single = tenant('single', 30, false, 1);
    double.add(200);
    single.add(200);
    dispatcher.pump();
    while (log.length < 90) await finishOne(double, single);
    const count = log.filter((entry) => entry === 'double').length;
    assert.ok(count >= 58 && count <= 62, `${count} of 90`);
  });

  it('hands over nothing in advance while run times are unknown', () => {
    const fresh = tenant('fresh', 2, false);
    fresh.add(5);
    dispatcher.pump();
    assert.deepEqual(log, ['fresh']);
  });

  it('hands over nothing while the host is away', () => {
    ready = false;
    const one = tenant('one', 30);
    one.add(1);
    dispatcher.pump();
    assert.deepEqual(log, []);
    ready = true;
    dispatcher.pump();
    assert.deepEqual(log, ['one']);
  });

  it('serves the highest priority first', async () => {
    const low = tenant('low', 30);
    const high = tenant('high', 30);
    low.add(3, 2);
    dispatcher.pump();
    high.add(2, 1);
    await finishAll(low, high);
    assert.deepEqual(log, ['low', 'high', 'high', 'low', 'low']);
  });

  it('never lets a small tenant wait behind more than one run of a big one', async () => {
    const big = tenant('big', 30);
    const small = tenant('small', 1);
    big.add(6);
    dispatcher.pump();
    small.add(4);
    await finishAll(big, small);
    assert.deepEqual(log, ['big', 'small', 'small', 'small', 'small', 'big', 'big', 'big', 'big', 'big']);
  });

  it('shares the component evenly by time, not by requests', async () => {
    const big = tenant('big', 40);
    const small = tenant('small', 10);
    big.add(50);
    small.add(50);
    dispatcher.pump();
    while (log.length < 41) await finishOne(big, small);
    const runs = (name: string) => log.filter((entry) => entry === name).length;
    const share = (runs('big') * 40) / (runs('big') * 40 + runs('small') * 10);
    assert.ok(share > 0.42 && share < 0.58, `big got ${share} of the time`);
  });

  it('gives no credit for idleness: who comes back does not take the component for itself', async () => {
    const steady = tenant('steady', 20);
    const sleeper = tenant('sleeper', 20);
    steady.add(20);
    dispatcher.pump();
    for (let run = 0; run < 10; run += 1) await finishOne(steady, sleeper);
    log.length = 0;
    sleeper.add(8);
    for (let run = 0; run < 8; run += 1) await finishOne(steady, sleeper);
    const count = log.filter((entry) => entry === 'sleeper').length;
    assert.ok(count >= 3 && count <= 5, `the sleeper got ${count} of 8 runs`);
  });

  it('serves the lowest priority once in a while under a flood of the highest', async () => {
    const flood = tenant('flood', 100);
    const low = tenant('low', 100);
    flood.add(100, 1);
    low.add(100, 3);
    dispatcher.pump();
    while (log.length < 60) await finishOne(flood, low);
    const count = log.filter((entry) => entry === 'low').length;
    assert.ok(count >= 4 && count <= 8, `the low priority got ${count} of 60 runs`);
  });

  it('goes on to the next request when one is refused without running', () => {
    const one = tenant('one', 30);
    one.refuseNext = true;
    one.add(2);
    dispatcher.pump();
    assert.deepEqual(log, ['one refused', 'one']);
  });

  it('adds up how long the component was busy', async () => {
    const one = tenant('one', 30);
    one.add(3);
    dispatcher.pump();
    await finishAll(one);
    assert.equal(dispatcher.busyMs, 90);
  });

  async function finishOne(...tenants: FakeTenant[]): Promise<void> {
    await tenants.find((one) => one.underWay > 0)?.finish();
  }
});
