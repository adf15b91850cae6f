import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { ThrottledStatus, type ShownStatus } from '../../../src/node-red/status';
import { NodeTimers } from '../../../src/node-red/timers';

const text = (value: string): ShownStatus => ({ fill: 'green', shape: 'dot', text: value });

describe('the status of a node', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setInterval'] }));
  afterEach(() => mock.timers.reset());

  it('shows the first at once, then once a second the last that came, and nothing twice in a row', () => {
    const shown: (string | undefined)[] = [];
    const status = new ThrottledStatus((next) => shown.push(next.text), 1000);
    status.set(text('early'));
    assert.deepEqual(shown, [], 'waits until the flow is there');
    status.release();
    for (const value of ['b', 'c', 'd']) status.set(text(value));
    assert.deepEqual(shown, ['early']);
    mock.timers.tick(1000);
    assert.deepEqual(shown, ['early', 'd']);
    status.set(text('d'));
    mock.timers.tick(5000);
    assert.deepEqual(shown, ['early', 'd']);
    status.set({});
    assert.deepEqual(shown, ['early', 'd', undefined]);
    status.set(text('ghost'));
    status.stop();
    mock.timers.tick(5000);
    assert.equal(shown.length, 3);
  });
});

describe('the timers of a node', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setInterval'] }));
  afterEach(() => mock.timers.reset());

  it('does not start an action again that is still running, and reports one that fails', async () => {
    const failures: unknown[] = [];
    const timers = new NodeTimers((thrown) => failures.push(thrown));
    let finish: () => void = () => undefined;
    let starts = 0;
    timers.every(10, () => {
      starts += 1;
      return new Promise<void>((resolve, reject) => {
        finish = starts === 1 ? resolve : () => reject(new Error('broken'));
      });
    });
    mock.timers.tick(35);
    assert.equal(starts, 1);
    finish();
    await new Promise((resolve) => setImmediate(resolve));
    mock.timers.tick(10);
    assert.equal(starts, 2);
    finish();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(failures.map(String), ['Error: broken']);
    timers.stop();
    mock.timers.tick(100);
    assert.equal(starts, 2);
  });

  it('cancels a single timer, and all of them at close', () => {
    const ran: string[] = [];
    const timers = new NodeTimers(() => undefined);
    const cancel = timers.after(10, () => void ran.push('cancelled'));
    timers.after(10, () => void ran.push('kept'));
    timers.after(50, () => void ran.push('after close'));
    cancel();
    mock.timers.tick(20);
    timers.stop();
    mock.timers.tick(100);
    assert.deepEqual(ran, ['kept']);
  });
});
