import assert from 'node:assert/strict';
import { inferDeferred } from '../../nodes/inference-executor/deferring';
import { DeferredRequests } from '../../src/carbon/deferral/deferred-requests';
import type { InferenceAccount, InferenceRequest } from '../../src/signals/inference';
import { reading } from '../unit/power/fakes';

const hourMs = 3_600_000;
const account = { latencyMs: 5, why: [] as string[] } as InferenceAccount;

describe('a request that may wait', () => {
  for (const [what, speed, withinMs] of [
    ['has hours', undefined, 2 * hourMs],
    ['has short hours where the days of the grid are played fast', 360, 20_000],
  ] as const) {
    it(what, async () => {
      const deferred = new DeferredRequests({ clock: () => performance.now() });
      deferred.onCarbon(reading(400, { provider: 'simulated', forecast: [], ...(speed && { speed }) }));
      const asked: InferenceRequest[] = [];
      const beforeMs = Date.now();
      const request = { tenant: 'a', payload: [1] };
      await inferDeferred(deferred, request, 2 * hourMs, new AbortController().signal, async (now) => {
        asked.push(now);
        return { account };
      });
      const dueMs = asked[0]?.deadlineMs ?? 0;
      assert.ok(dueMs >= beforeMs + withinMs && dueMs <= Date.now() + withinMs);
    });
  }
});
