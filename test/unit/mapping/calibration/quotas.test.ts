import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planCoLocations } from '../../../../src/mapping/calibration/co-location-plan';
import { measurePlan } from '../../../../src/mapping/calibration/measuring';
import { leastBusyOf, quotaPoints, Quotas } from '../../../../src/mapping/calibration/quotas';
import { SampleLog } from '../../../../src/mapping/calibration/sample-log';
import { fullLoadW, mostBusy, type OperatingPoint } from '../../../../src/signals/device';
import { quotaOperatingPoints } from '../../../../src/power/operating-points';
import { FakeRunner, networksOf } from '../../../support/calibration-fixtures';
import { components } from '../../../support/planning-fixtures';

const parts = components(2);
const points = quotaOperatingPoints(parts, { idleW: 5, fullLoadW: 17 });
const [full] = points;

/** A device that does as its holders say: the strictest of their caps. */
class HeldDevice {
  readonly components = parts;
  readonly operatingPoints: readonly OperatingPoint[] = points;
  readonly caps = new Map<object, number>();

  operatingPointInForce(): OperatingPoint {
    const capW = Math.min(Infinity, ...this.caps.values());
    return points.find((point) => fullLoadW(point) <= capW) ?? points[points.length - 1] ?? assert.fail();
  }

  applyCap(capW: number, { holder }: { readonly holder: object }): Promise<void> {
    this.caps.set(holder, capW);
    return Promise.resolve();
  }

  releaseCap(holder: object): Promise<void> {
    this.caps.delete(holder);
    return Promise.resolve();
  }
}

describe('calibration under quotas', () => {
  const networks = networksOf(3, [20, 8, 3]);
  const quotas = quotaPoints(new HeldDevice()).map(({ name }) => name);
  const plan = planCoLocations(networks, 2, 60, 1, quotas);

  it('knows the points that limit the time, not those of slower clocks, and none where nobody can cap', () => {
    assert.equal(quotas.length, points.length - 1);
    assert.ok(full !== undefined && !quotas.includes(full.name));
    const clocks = points.map((point): OperatingPoint => ({ ...point, limits: 'clock' }));
    const slower = Object.assign(new HeldDevice(), { operatingPoints: clocks });
    assert.deepEqual(quotaPoints(slower), []);
    assert.deepEqual(quotaPoints({ operatingPoints: points }), []);
    assert.deepEqual(quotaPoints(Object.assign(slower, { mayChangeClocks: false })), []);
  });

  it('knows those of slower clocks, too, where these may be changed, but nowhere that of full speed', () => {
    const clocks = points.map((point): OperatingPoint => ({ ...point, limits: 'clock' }));
    const may = (operatingPoints: readonly OperatingPoint[]): string[] =>
      quotaPoints(Object.assign(new HeldDevice(), { operatingPoints, mayChangeClocks: true })).map(({ name }) => name);
    assert.deepEqual(may(clocks), quotas);
    assert.deepEqual(may(points), quotas);
    // A pace at full clocks limits the time, not the clocks.
    const paced = { ...clocks[0], name: 'paced', speed: 0.5, busyLimit: 0.5 } as OperatingPoint;
    assert.deepEqual(may([...clocks, paced]), quotas);
    assert.deepEqual(
      quotaPoints(
        Object.assign(new HeldDevice(), { operatingPoints: points, mayChangeClocks: true, releaseCap: undefined }),
      ),
      [],
    );
  });

  it('plans half of the measurements under quotas of all kinds, most sets with and without', () => {
    const limited = plan.filter(({ quota }) => quota !== null);
    assert.ok(limited.length >= 24 && limited.length <= 36, `${limited.length}`);
    assert.deepEqual(new Set(limited.map(({ quota }) => quota)), new Set(quotas));
    const kinds = new Map<number, Set<boolean>>();
    for (const { workload, quota } of plan) kinds.set(workload, (kinds.get(workload) ?? new Set()).add(quota !== null));
    assert.ok([...kinds.values()].every(({ size }) => size === 2));
    assert.ok(planCoLocations(networks, 2, 60, 1).every(({ quota }) => quota === null));
  });

  it('measures each under its quota, anchors without, and gives the cap back, also when it is interrupted', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ecomap-quotas-'));
    try {
      const device = new HeldDevice();
      const runner = new FakeRunner((name) => [20, 8, 3][Number(name.at(-1))] ?? 0);
      const inForce: string[] = [];
      runner.before = () => void inForce.push(device.operatingPointInForce().name);
      const log = await SampleLog.open(join(directory, 'samples.jsonl'), assert.fail);
      const stop = new AbortController();
      const options = {
        ...{ plan, networks, device, runner, log, records: () => log.records, signal: stop.signal },
        quotas: new Quotas(device),
        clock: () => 0,
        onProgress: () => undefined,
        warn: assert.fail,
      };
      const judged = await measurePlan(options);
      assert.equal(device.caps.size, 0);
      const samples = log.records.flatMap((record) => (record.kind === 'sample' ? [record] : []));
      assert.equal(samples.length, 60);
      for (const { planned, sample } of samples) {
        const point = points.find(({ name }) => name === plan[planned]?.quota) ?? full;
        assert.equal(sample?.device.units[0]?.speed, point?.speed);
      }
      const anchors = log.records.flatMap((record) => (record.kind === 'anchor' ? [record.point] : []));
      assert.deepEqual(new Set(anchors), new Set([full?.name]));
      assert.equal(leastBusyOf(plan, judged, points), Math.min(...points.map(mostBusy)));

      const again = await SampleLog.open(join(directory, 'again.jsonl'), assert.fail);
      runner.before = (call) => {
        inForce.push(device.operatingPointInForce().name);
        if (call === inForce.length && device.caps.size > 0) stop.abort(new Error('enough'));
      };
      await assert.rejects(measurePlan({ ...options, log: again, records: () => again.records }), /enough/);
      assert.equal(device.caps.size, 0);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('learns with what networks cost alone at the point that was in force, where that is known', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ecomap-quotas-'));
    try {
      const device = new HeldDevice();
      const strictest = points[points.length - 1] ?? assert.fail();
      // The calibration asks for less than somebody else allows: what is in force counts, not what is planned.
      await device.applyCap(fullLoadW(strictest), { holder: 'the cap node' as unknown as object });
      const costMs = (point: OperatingPoint): number => (point.name === strictest.name ? 100 : 1);
      const known = networks.map((network) => ({
        ...network,
        waysAt: (point: OperatingPoint) =>
          network.ways.map((way) => ({
            ...way,
            work: {
              ...way.work,
              costs: way.work.costs.map((stage) =>
                stage.map((cost) => cost && { ...cost, p50Ms: costMs(point), p95Ms: costMs(point) }),
              ),
            },
          })),
      }));
      const aloneOf = async (with_: typeof networks, file: string): Promise<Set<number>> => {
        const log = await SampleLog.open(join(directory, file), assert.fail);
        await measurePlan({
          ...{ plan: plan.slice(0, 12), networks: with_, device, log, records: () => log.records },
          runner: new FakeRunner(() => 5),
          quotas: new Quotas(device),
          clock: () => 0,
          signal: new AbortController().signal,
          onProgress: () => undefined,
          warn: assert.fail,
        });
        const samples = log.records.flatMap((record) =>
          record.kind === 'sample' && record.sample ? [record.sample] : [],
        );
        assert.equal(samples.length, 12);
        const stages = samples.flatMap((sample) => sample.networks.flatMap((network) => network.stages));
        return new Set(stages.map(({ alone: [first] }) => Math.round(1000 * (first?.latencyS ?? 0) * strictest.speed)));
      };
      assert.deepEqual(await aloneOf(known, 'known.jsonl'), new Set([100]));
      const unknown = await aloneOf(networks, 'unknown.jsonl');
      assert.ok(unknown.has(20) && !unknown.has(100), 'else with those of the beginning');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('keeps to a stricter cap of somebody else, and says what was in force', async () => {
    const device = new HeldDevice();
    const strictest = points[points.length - 1] ?? assert.fail();
    await device.applyCap(fullLoadW(strictest), { holder: 'the cap node' as unknown as object });
    const held = new Quotas(device);
    await held.take(quotas[0] ?? null);
    assert.equal(device.operatingPointInForce().name, strictest.name);
    await held.release();
    assert.equal(device.caps.size, 1);
  });

  it('says nothing of quotas under which too little was measured', () => {
    const sample = { device: { units: [] } };
    const good = (count: number) =>
      new Map(
        plan
          .flatMap(({ quota }, planned) => (quota === quotas[0] ? [planned] : []))
          .slice(0, count)
          .map((planned) => [planned, { sample }]),
      ) as unknown as Parameters<typeof leastBusyOf>[1]['good'];
    assert.equal(leastBusyOf(plan, { good: good(2) }, points), 1);
    assert.equal(leastBusyOf(plan, { good: good(3) }, points), 0.8);
  });
});
