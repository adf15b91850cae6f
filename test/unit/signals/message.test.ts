import assert from 'node:assert/strict';
import { controlKindOf, parseControlMessage } from '../../../src/signals/message';
import { quoted } from '../../../src/signals/parse';

describe('control messages', () => {
  it('are known by their topic, whatever else it may be', () => {
    assert.equal(controlKindOf('ecomap/plan'), 'plan');
    for (const topic of ['camera', 'ecomap/', 'ecomap/toString', 'ecomap/__proto__', undefined, 7, {}]) {
      assert.equal(controlKindOf(topic), null);
    }
  });

  it('of no kind that is taken are refused in few words, whatever the topic is', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const topic of [undefined, 'x'.repeat(1024 * 1024), circular, 10n, Symbol('s')]) {
      assert.throws(
        () => parseControlMessage({ topic, payload: {} }, ['cap', 'telemetry']),
        (error: Error & { code?: string }) =>
          error.code === 'INVALID_MESSAGE' &&
          error.message.length < 200 &&
          /takes ecomap\/cap or ecomap\/telemetry/.test(error.message),
      );
    }
  });
});

describe('what is quoted from outside', () => {
  it('is short, and says what it was', () => {
    assert.equal(quoted('gauge'), '"gauge"');
    assert.equal(quoted(undefined), 'missing');
    assert.equal(quoted(null), 'null');
    assert.equal(quoted([1]), 'an array');
    assert.equal(quoted({}), 'an object');
    assert.equal(
      quoted(() => 1),
      'a function',
    );
    assert.match(quoted('x'.repeat(1000)), /^"x{80}\.\.\." \(1000 characters\)$/);
  });
});
