import assert from 'node:assert/strict';
import { importedCost } from '../../../../src/mapping/imported-profiles/imported-costs';
import { importedModes } from '../../../../src/mapping/imported-profiles/imported-modes';
import { parseProfileFile } from '../../../../src/mapping/imported-profiles/profile-file';
import { admit } from '../../../../src/mapping/admission';
import { ensureProfiles } from '../../../../src/mapping/profiles/profiling';
import { ProfileTable } from '../../../../src/mapping/profiles/table';
import { components, device, tenant } from '../../../support/planning-fixtures';

const header = 'family,variant,accuracy,operating_point,latency_ms,power_w,component,idle_w';
const tableOf = (...rows: string[]) => ({
  file: 'table.csv',
  profiles: parseProfileFile([header, ...rows].join('\n'), 'table.csv').profiles,
});
const at = '2026-11-02T10:00:00Z';

describe('costs from a measured profile', () => {
  const [cpu] = components(1);
  assert.ok(cpu !== undefined);
  const parts = tenant('parts', [
    ['full', 0.98, 30],
    ['small', 0.93, 5],
  ]);
  const full = parts.variants[0];
  assert.ok(full !== undefined);

  it('are those of the fastest point, of the component that they name, or of any', () => {
    const table = tableOf(
      'parts,full,0.98,fast,30,20,,5',
      'parts,full,0.98,slow,60,10,,5',
      'parts,small,0.93,fast,4,20,cpu0,5',
    );
    const cost = importedCost(table, parts, full, cpu, at);
    assert.equal(cost?.latencyMs.p50, 30);
    assert.equal(cost?.imported, 'table.csv');
    const small = parts.variants[1];
    assert.ok(small !== undefined);
    assert.equal(importedCost(table, parts, small, cpu, at)?.latencyMs.p50, 4);
    assert.equal(importedCost(table, parts, small, { ...cpu, name: 'gpu', componentClass: 'gpu' }, at), null);
  });

  it('are none where the table knows several families and not this one', () => {
    const table = tableOf('others,full,0.98,fast,30,20,,5', 'more,full,0.9,fast,3,20,,5');
    assert.equal(importedCost(table, parts, full, cpu, at), null);
  });

  it('take the place of a measurement, and the plan says so', async () => {
    const imported = tableOf('parts,full,0.98,fast,30,20,,5', 'parts,small,0.93,fast,4,20,,5');
    const measured: string[] = [];
    const table = new ProfileTable();
    const runner = {
      measure: (request: { path: string }) => {
        measured.push(request.path);
        return Promise.reject(new Error('nothing is measured here'));
      },
    };
    await ensureProfiles({
      device: device(),
      tenants: [parts],
      table,
      store: { find: () => Promise.resolve(null), save: () => Promise.resolve() },
      runner,
      warn: () => undefined,
      hashFile: (path) => Promise.resolve(path.length.toString(16).padStart(64, '0')),
      imported: (of, variant, component) => importedCost(imported, of, variant, component, at),
    });
    assert.deepEqual(measured, []);
    assert.equal(table.profileOf('parts', 'small', cpu.componentClass)?.latencyMs.p50, 4);
    assert.deepEqual(admit([parts], table).remarks, [
      'the costs of parts are imported from table.csv, not measured here',
    ]);
  });
});

describe('operating points from a measured profile', () => {
  it('are ordered by speed, by what was measured at both points', () => {
    const modes = importedModes(
      tableOf('a,x,0.9,slow,40,12,,6', 'a,x,0.9,fast,10,30,,8', 'a,y,0.8,fast,2,20,,8', 'a,y,0.8,slow,4,9,,6'),
    );
    assert.deepEqual(
      modes.map(({ name, idleW, busyW }) => [name, idleW, busyW]),
      [
        ['fast', 8, 17],
        ['slow', 6, 4.5],
      ],
    );
    // A quarter and a half as fast: the geometric mean.
    assert.ok(Math.abs((modes[1]?.speed ?? 0) - Math.sqrt(1 / 8)) < 1e-9);
    assert.equal(modes[0]?.speed, 1);
  });

  it('need to know what idle costs', () => {
    assert.throws(() => importedModes(tableOf('a,x,0.9,slow,40,12,,')), /idle_w/);
  });
});
