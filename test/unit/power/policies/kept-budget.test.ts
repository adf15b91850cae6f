import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDevice } from '../../../../src/power/device';
import { KeptBudget } from '../../../../src/power/policies/kept-budget';
import { PowerCap } from '../../../../src/power/power-cap';
import { ManualClock, reading, twoCoreMachine, withoutGroups } from '../fakes';

const time = (hour: number): string => new Date(Date.UTC(2026, 0, 5) + hour * 3_600_000).toISOString();
const at = (hour: number) => reading(500, { validFrom: time(hour), validTo: time(hour + 0.5) });

describe('budget that is kept', () => {
  let directory: string;
  let warnings: string[];
  const keep = () => new KeptBudget(directory, 'node.1', (text) => warnings.push(text));
  /** As after a deploy or restart: all that it knows is on disk. */
  const deploy = (gramsPerDay = 120) => {
    const clock = new ManualClock();
    const device = createDevice(twoCoreMachine(), { clock, ...withoutGroups });
    const policy = { kind: 'budget', gramsPerDay } as const;
    return { clock, powerCap: new PowerCap({ device, policy, clock, leastDwellS: 0, keptBudget: keep() }) };
  };
  const leftG = (reason: string): number => Number(/(-?[\d.]+) g left/.exec(reason)?.[1] ?? Number.NaN);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-budget-'));
    warnings = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** At the lowest cap from midnight to 10:00 (14 W at 500 g/kWh: 70 g), and closed at 10:20. */
  async function spend(): Promise<void> {
    const { clock, powerCap } = deploy();
    await powerCap.onCarbon(at(0));
    clock.passS(36_000);
    const { reason } = await powerCap.onCarbon(at(10));
    assert.equal(leftG(reason), 50);
    clock.passS(1200);
    assert.ok(leftG((await powerCap.tick()).reason) < 48);
    await powerCap.release();
  }

  it('goes on after a restart, in the same interval of the grid and in a later one', async () => {
    await spend();
    // The reading of 10:00 again: the time that it tells is before that of the end.
    const second = deploy();
    assert.ok(Math.abs(leftG((await second.powerCap.onCarbon(at(10))).reason) - 47.7) < 0.1);
    await second.powerCap.release();
    const third = deploy();
    assert.match(
      (await third.powerCap.onCarbon(at(12))).reason,
      /47\.7 g left of 120 g a day \(2\.0 h were not counted\)/,
    );
    // The budget was raised.
    assert.ok(Math.abs(leftG((await deploy(150).powerCap.onCarbon(at(12))).reason) - 77.7) < 0.1);
    assert.deepEqual(warnings, []);
  });

  it('begins anew with a recording that does, and when the node was removed', async () => {
    await spend();
    assert.equal(leftG((await deploy().powerCap.onCarbon(at(2))).reason), 110);
    await keep().forget();
    assert.deepEqual(await readdir(join(directory, 'ecomap', 'budget')), []);
    assert.equal(leftG((await deploy().powerCap.onCarbon(at(12))).reason), 60);
  });

  it('says once what cannot be read, and caps all the same', async () => {
    await spend();
    await writeFile(join(directory, 'ecomap', 'budget', 'node.1.json'), '{"version":1,"leftG":"all"}');
    assert.equal(leftG((await deploy().powerCap.onCarbon(at(12))).reason), 60);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /cannot be read.*begins anew/s);
  });
});
