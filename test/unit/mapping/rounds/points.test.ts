import assert from 'node:assert/strict';
import { MappingPlanner } from '../../../../src/mapping/planner';
import type { OperatingPoint } from '../../../../src/signals/device';
import type { Quality } from '../../../../src/signals/quality';
import {
  cap,
  components,
  device,
  fourVariants,
  profiles,
  telemetry,
  tenant,
  tenantWindow,
} from '../../../support/planning-fixtures';

const parts = components(2);
const point = (name: string, speed: number, idleW: number, eachW: number): OperatingPoint => ({
  name,
  speed,
  idleW,
  activeW: Object.fromEntries(parts.map((part) => [part.name, eachW])),
  limits: 'clock',
});
/** At half the clock a run costs 2.5 W * 2 instead of 6 W * 1; at a fifth idle power and time make it dearer again. */
const fast = point('fast', 1, 5, 6);
const middle = point('middle', 0.5, 4, 2.5);
const slow = point('slow', 0.2, 3.9, 2.4);

const quality = (outerW?: number): Quality => ({
  allowancePt: 1,
  at: '2026-01-05T00:00:00Z',
  intensityGPerKwh: 300,
  outlook: [],
  outlookFrom: 'nothing',
  ...(outerW === undefined ? {} : { outerW }),
});

function plannerOf(ratePerS: number) {
  const tenants = [
    tenant('inspect', fourVariants, { arrivalRatePerS: ratePerS, latencyLimitMs: 400 }),
    tenant('gauge', fourVariants, { latencyLimitMs: 400 }),
  ];
  const planner = new MappingPlanner({
    device: { ...device(parts), operatingPoints: [fast, middle, slow] },
    tenants,
    profiles: profiles(tenants),
    clock: () => 0,
  });
  return { planner, tenants };
}

describe('the operating point of a plan', () => {
  it('is the one in force unless the power cap follows plans', async () => {
    const { plan } = await plannerOf(5).planner.onCap(cap(17, fast, { quality: quality() }));
    assert.equal(plan.operatingPoint.name, 'fast');
    assert.equal((await plannerOf(5).planner.onCap(cap(17, fast))).plan.operatingPoint.name, 'fast');
  });

  it('is the one that does the work on offer with least power, which need not be the lowest', async () => {
    const { planner } = plannerOf(5);
    const { plan, violated } = await planner.onCap(cap(17, fast, { quality: quality(17) }));
    assert.equal(plan.operatingPoint.name, 'middle');
    assert.deepEqual([plan.feasible, violated.violations], [true, []]);
    assert.ok(plan.why.some((why) => /middle instead of fast: it does the work on offer with least energy/.test(why)));
    const stays = await planner.onCap(cap(9, middle, { quality: quality(17) }));
    assert.equal(stays.plan.operatingPoint.name, 'middle');
  });

  it('goes up with the requests before any variant gets lighter, and within the outer limit', async () => {
    const { planner } = plannerOf(5);
    await planner.onCap(cap(9, middle, { quality: quality(17) }));
    const busy = telemetry([tenantWindow('inspect', { offered: 6000, served: 6000 })], 300);
    planner.setRates(busy);
    const { plan, violated } = await planner.replan();
    assert.deepEqual([plan.operatingPoint.name, violated.violations], ['fast', []]);
    const limited = await planner.onCap(cap(9, middle, { quality: quality(10) }));
    assert.equal(limited.plan.operatingPoint.name, 'middle');
    assert.ok(limited.violated.violations.length > 0);
  });

  it('of an alternative is its own best one', async () => {
    const { planner } = plannerOf(5);
    const { violated } = await planner.onCap(cap(9, middle, { quality: quality(17) }));
    const fixed = await planner.onCap(cap(17, fast));
    for (const alternative of violated.alternatives) {
      const there = fixed.violated.alternatives.find(
        (other) => other.tenant === alternative.tenant && other.variant === alternative.variant,
      );
      assert.equal(alternative.feasible, true);
      assert.ok(alternative.powerW.expected < (there?.powerW.expected ?? 0));
    }
  });
});
