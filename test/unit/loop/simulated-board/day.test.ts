import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alwaysMax, ecomap, type DayPolicy } from '../../../../src/loop/day-policy';
import type { DayFigures } from '../../../../src/loop/day-watch';
import { LoopBoard, tenantsOf } from '../../../../src/loop/simulated-board/board';
import { playBoardDay } from '../../../../src/loop/simulated-board/day';
import { boardProfiles } from '../../../../src/loop/simulated-board/profiles';
import { seededMixes } from '../../../../src/simulation/devices/workloads/mixes';
import { Random } from '../../../../src/simulation/random';

const quality: DayPolicy = { name: 'quality', cap: () => ({ kind: 'quality' }), swaps: true };

describe('a day of the loop on a simulated board', function () {
  this.timeout(120_000);
  const board = new LoopBoard('agx-xavier');
  const [mix = assert.fail()] = seededMixes(board.model, 1, 1);
  const tenants = tenantsOf(mix);
  const profiles = boardProfiles(board, tenants, board.describe().operatingPoints, new Random(1));
  const hours = 3;
  const said: string[] = [];
  let directory: string;

  const play = (policy: DayPolicy, hoursPlayed = hours): Promise<DayFigures> =>
    playBoardDay(policy, {
      ...{ board, mix, tenants, profiles, hours: hoursPlayed, stateDirectory: directory },
      estimator: { kind: 'analytic' },
      say: (line) => said.push(line),
    });
  /** How long decisions took is of this machine. */
  const simulated = ({ decisions: { decisions }, ...figures }: DayFigures) => ({ ...figures, decisions });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-board-day-'));
  });
  after(() => rm(directory, { recursive: true }));

  it('has the same requests under every policy; the cap saves energy, and the whole can be repeated', async () => {
    const most = await play(alwaysMax);
    const capped = await play(ecomap);
    assert.deepEqual(said, []);
    assert.equal(most.seconds, 3600 * hours);
    assert.deepEqual(most.requests, capped.requests);
    assert.deepEqual(most.intensityRangeGPerKwh, capped.intensityRangeGPerKwh);
    for (const { name, arrivalRatePerS } of tenants)
      assert.ok(Math.abs((most.requests[name] ?? 0) / most.seconds / arrivalRatePerS - 1) < 0.05);
    assert.deepEqual([most.energySource, capped.energySource], ['simulated', 'simulated']);
    assert.ok((capped.energyJ ?? NaN) < 0.95 * (most.energyJ ?? NaN), `${capped.energyJ} of ${most.energyJ} J`);
    assert.ok((capped.carbonG ?? NaN) < (most.carbonG ?? NaN));
    assert.ok((most.attainmentPct ?? 0) > 98 && (capped.attainmentPct ?? 0) > 95);
    assert.deepEqual([most.swaps, most.observedAccuracyPct, most.loopDelayP99Ms], [0, null, null]);
    assert.equal(most.capRangeW?.lowest, most.capRangeW?.highest);
    assert.ok((capped.capRangeW?.lowest ?? 0) < (capped.capRangeW?.highest ?? 0));
    // Windows of ten minutes, a decision every half an hour.
    assert.deepEqual([capped.capPeriods.periods, capped.capPeriods.above], [6 * hours, 0]);
    assert.equal(capped.decisions.decisions, 2 * hours);
    assert.deepEqual(simulated(await play(ecomap)), simulated(capped));
  });

  it('with idle and dynamic energy that come to the whole, all of which the tenants bear', async () => {
    const { energyJ, idleEnergyJ, dynamicEnergyJ, servingEnergyJ } = await play(quality, 1);
    assert.ok(energyJ !== null && idleEnergyJ !== null && dynamicEnergyJ !== null && servingEnergyJ !== null);
    assert.ok(idleEnergyJ > 0 && dynamicEnergyJ > 0);
    assert.equal(energyJ, idleEnergyJ + dynamicEnergyJ);
    assert.ok(Math.abs(servingEnergyJ / dynamicEnergyJ - 1) < 1e-9);
  });

  it('ends with the failure of a step, for it could not be compared', async () => {
    const strangers = new LoopBoard('agx-xavier');
    Object.defineProperty(strangers, 'networkOf', { value: () => null });
    await assert.rejects(
      playBoardDay(ecomap, {
        ...{ board: strangers, mix, tenants, profiles, hours, stateDirectory: directory },
        estimator: { kind: 'analytic' },
        say: () => undefined,
      }),
      { code: 'INTERNAL_ERROR', message: /The day of ecomap failed: window: .* does not run on/ },
    );
  });
});
