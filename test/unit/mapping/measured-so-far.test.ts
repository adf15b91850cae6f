import assert from 'node:assert/strict';
import { admit } from '../../../src/mapping/admission';
import { MappingPlanner } from '../../../src/mapping/planner';
import { MeasuredSoFar } from '../../../src/mapping/profiles/measured-so-far';
import { ProfileTable } from '../../../src/mapping/profiles/table';
import { components, device, profiles, tenant } from '../../support/planning-fixtures';

const parts = components(2);

describe('planning while profiles are being measured', () => {
  it('plans with what is measured, and still compares with the most accurate variant the tenant has', async () => {
    const gauge = tenant('gauge');
    const known = profiles([gauge]).profileOf('gauge', 'tiny', 'cpu-1t');
    assert.ok(known);
    const table = new ProfileTable();
    const soFar = new MeasuredSoFar(table, parts);
    assert.equal(admit([gauge], soFar).candidacies.length, 0);

    table.set('gauge', 'tiny', known);
    const { plan } = await new MappingPlanner({
      device: device(parts),
      tenants: [gauge],
      profiles: soFar,
      clock: () => 0,
    }).replan();
    assert.equal(plan.tenants[0]?.variant, 'tiny');
    assert.equal(plan.tenants[0]?.alwaysMax.variant, gauge.variants[0]?.name);
    assert.equal(plan.tenants[0]?.alwaysMax.energyJ, null);
    assert.ok(plan.why.some((reason) => reason.includes('still being measured')));
  });

  it('does not call a variant pending that was given up', () => {
    const table = new ProfileTable();
    table.exclude({ tenant: 'gauge', variant: 'tiny', code: 'MODEL_INVALID', reason: 'not ONNX' });
    const exclusion = new MeasuredSoFar(table, parts).exclusionOf('gauge', 'tiny');
    assert.equal(exclusion?.code, 'MODEL_INVALID');
    assert.equal(exclusion?.pending, undefined);
  });
});
