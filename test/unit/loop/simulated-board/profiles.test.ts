import assert from 'node:assert/strict';
import { LoopBoard, tenantsOf } from '../../../../src/loop/simulated-board/board';
import { boardProfiles } from '../../../../src/loop/simulated-board/profiles';
import { VariantCosts } from '../../../../src/mapping/costs';
import { clockSpeed } from '../../../../src/signals/device';
import { boardFamilies } from '../../../../src/simulation/devices/workloads/families';
import type { Mix } from '../../../../src/simulation/devices/workloads/mixes';
import { Random } from '../../../../src/simulation/random';

/** A tenant of each family. */
const mix: Mix = {
  ...{ name: 'all', seed: 1, arrivals: 'poisson', tightness: 16, load: 0.4 },
  tenants: boardFamilies.map((family) => ({ name: family.name, family, latencyLimitMs: 100, ratePerS: 1 })),
};

describe('profiles of a simulated board', () => {
  const board = new LoopBoard('agx-xavier');
  const tenants = tenantsOf(mix);
  const { operatingPoints, components } = board.describe();
  const table = boardProfiles(board, tenants, operatingPoints, new Random(1));

  it('tell what each variant costs on each component that runs it, at each operating point', () => {
    let found = 0;
    for (const tenant of tenants) {
      for (const { name: variant } of tenant.variants) {
        for (const { name: unit, componentClass } of components) {
          const network = board.networkOf(tenant, variant, unit);
          for (const point of operatingPoints) {
            const profile = table.profileOf(tenant.name, variant, componentClass, clockSpeed(point));
            assert.equal(profile === null, network === null, `${variant} on ${unit}`);
            if (profile === null || network === null) continue;
            found += 1;
            const where = `${variant} on ${unit} at ${point.name}`;
            assert.equal(profile.operatingPoint?.name, point.name, where);
            assert.equal(profile.energy?.source, 'simulated');
            assert.equal(profile.imported, undefined);
            const latencyMs =
              board.model.latencyMs(network, unit as 'gpu', board.clocksAt(point.name)) ?? assert.fail();
            const offBy = Math.abs(Math.log(profile.latencyMs.p50 / latencyMs));
            assert.ok(offBy < 0.1, `${where}: ${profile.latencyMs.p50} ms instead of ${latencyMs}`);
            assert.ok(profile.latencyMs.p95 >= profile.latencyMs.p50);
            const { powerW } = board.model.run(
              [{ network, stages: [{ unit: unit as 'gpu' }], ratePerS: null }],
              board.clocksAt(point.name),
            );
            const meanW = (1000 * (profile.energy?.perInferenceJ ?? 0)) / profile.latencyMs.p50;
            // Four times the sensor's error of 1 %.
            assert.ok(Math.abs(meanW + point.idleW - powerW) < 0.04 * powerW, `${where}: ${meanW} W above idle`);
          }
        }
      }
    }
    assert.ok(found > 40 * operatingPoints.length, `${found}`);
  });

  it('are noisy as measurements are, and the same again from the same seed', () => {
    const [tenant] = tenants;
    assert.ok(tenant !== undefined);
    const p50 = (seed: number): number | undefined =>
      boardProfiles(board, [tenant], operatingPoints, new Random(seed)).profileOf(tenant.name, 'resnet50', 'gpu')
        ?.latencyMs.p50;
    assert.equal(p50(1), p50(1));
    assert.notEqual(p50(1), p50(2));
    assert.notEqual(p50(1), board.model.latencyMs('resnet50-fp16', 'gpu', board.clocksAt('MAXN')));
  });

  it('count what each variant computes, so that the learned estimator covers it, too', () => {
    for (const { name, variants } of tenants) {
      for (const variant of variants) {
        const { gigaflop = 0, gigabytes = 0, cuts } = table.countsOf(name, variant.name) ?? {};
        assert.ok(gigaflop > 0 && gigabytes > 0 && Number.isFinite(gigaflop + gigabytes), variant.name);
        assert.deepEqual(cuts, []);
      }
    }
    const gigaflop = (variant: string): number => table.countsOf('resnet', variant)?.gigaflop ?? assert.fail();
    assert.ok(gigaflop('resnet152') > gigaflop('resnet50') && gigaflop('resnet50') > gigaflop('resnet18'));
  });

  it('give the planner back what was measured at the point it plans for', () => {
    const costs = new VariantCosts({ components, operatingPoints }, table);
    const [tenant] = tenants;
    assert.ok(tenant !== undefined);
    for (const point of operatingPoints) {
      const [stage] = costs.workOf(tenant.name, 'resnet50', point).costs;
      components.forEach(({ componentClass }, at) => {
        const measured = table.profileOf(tenant.name, 'resnet50', componentClass, clockSpeed(point));
        const planned = (stage?.[at]?.p50Ms ?? 0) / clockSpeed(point);
        assert.ok(Math.abs(planned / (measured?.latencyMs.p50 ?? 0) - 1) < 1e-6);
        assert.equal(stage?.[at]?.measured?.energyJ, measured?.energy?.perInferenceJ);
      });
    }
  });
});
