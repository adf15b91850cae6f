import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describeMachine } from '../../../../src/power/describe-machine';
import { createDevice } from '../../../../src/power/device';
import { simulatedDevice, simulatedDeviceNames } from '../../../../src/simulation/devices';
import { fullLoadW, powerAt } from '../../../../src/signals/device';
import { FakeHost, ManualClock, twoCores } from '../../power/fakes';

const local = describeMachine(twoCores);

describe('simulated devices', () => {
  for (const name of simulatedDeviceNames) {
    describe(name, () => {
      const description = simulatedDevice(name, local);

      it('runs on the components of this machine, fastest mode first, each slower mode drawing less', () => {
        assert.equal(description.simulated, true);
        assert.equal(description.components, local.components);
        assert.equal(description.fingerprint, local.fingerprint);
        const points = description.operatingPoints;
        assert.equal(points[0]?.speed, 1);
        for (const [index, point] of points.entries()) {
          const next = points[index + 1];
          if (next === undefined) break;
          assert.ok(next.speed < point.speed);
          assert.ok(fullLoadW(next) < fullLoadW(point), `${next.name} and ${point.name}`);
        }
      });

      it('can be capped: hosts slow down, watts are simulated', async () => {
        const clock = new ManualClock();
        const device = createDevice(description, { clock });
        const host = new FakeHost('cpu0');
        await device.register(host);
        const slowest = description.operatingPoints.at(-1);
        assert.ok(slowest);
        const applied = await device.applyCap(fullLoadW(slowest));
        assert.deepEqual([applied.operatingPoint, applied.enforced], [slowest, 'simulated']);
        assert.equal(host.share, slowest.speed);
        device.readPower();
        clock.passS(10);
        host.cpuS += 10 * slowest.speed;
        const { powerW, source } = device.readPower();
        assert.equal(source, 'simulated');
        assert.ok(powerW !== null);
        assert.ok(Math.abs(powerW - powerAt(slowest, { cpu0: slowest.speed })) < 1e-9);
        await device.close();
        assert.equal(host.share, 1);
      });
    });
  }

  it('AGX Xavier follows the measured modes within 5 % of the power and 10 % of the speed of heavy networks', function () {
    const file = '../shared/data/agx-xavier-power-modes.csv';
    if (!existsSync(file)) {
      console.log(`        skipped: ${file} is not here`);
      this.skip();
    }
    const rows = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(','));
    const header = rows.shift() ?? [];
    const cell = (row: string[], column: string): string => row[header.indexOf(column)] ?? '';
    const heavy = rows.filter((row) => /r50|r101|resnet/.test(cell(row, 'model')));
    const latency = (mode: string, model: string): number =>
      Number(cell(heavy.find((row) => cell(row, 'mode') === mode && cell(row, 'model') === model) ?? [], 'latency_ms'));
    let checked = 0;
    for (const point of simulatedDevice('agx-xavier', local).operatingPoints) {
      for (const row of heavy.filter((candidate) => cell(candidate, 'mode') === point.name)) {
        const model = cell(row, 'model');
        assert.ok(Math.abs(fullLoadW(point) / Number(cell(row, 'run_w')) - 1) < 0.05, `${point.name} ${model} watts`);
        const speed = latency('MAXN', model) / Number(cell(row, 'latency_ms'));
        assert.ok(Math.abs(point.speed / speed - 1) < 0.1, `${point.name} ${model} speed`);
        checked += 1;
      }
    }
    assert.equal(checked, 12);
  });

  it('AGX Xavier costs the fewest joules per heavy inference at 30 W, not at its lowest point', () => {
    const points = simulatedDevice('agx-xavier', local).operatingPoints;
    // Energy of one inference, idle included, relative: full-load watts x time.
    const joules = new Map(points.map((point) => [point.name, fullLoadW(point) / point.speed]));
    const least = [...joules].sort((a, b) => a[1] - b[1])[0];
    assert.equal(least?.[0], 'MODE_30W_ALL');
  });
});
