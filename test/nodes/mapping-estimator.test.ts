import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { CalibrationOffers } from '../../nodes/shared/calibration-offers';
import mappingEstimator from '../../nodes/mapping-estimator/mapping-estimator';
import variantSelector from '../../nodes/variant-selector/variant-selector';
import { calibrationDirectory, saveCalibrated, sha256Of } from '../../src/mapping/calibration/calibrated-store';
import { RefreshedIntervals } from '../../src/mapping/calibration/refreshed-intervals';
import { ProfileStore } from '../../src/mapping/profiles/store';
import { packageRoot } from '../../src/models/package-root';
import { defineNode } from '../../src/node-red/defineNode';
import { calibrationStatusSchema } from '../../src/signals/calibration';
import type { ImportedTable } from '../../src/signals/imported-profile';
import type { Plan } from '../../src/signals/plan';
import type { Tenant } from '../../src/signals/tenant';
import type { Violated } from '../../src/signals/violated';
import { doublingModel, writeModel } from '../support/onnx-builder';
import { startFlow, stopFlow, watchers, type CaughtMessage, type TestFlow } from '../support/node-helper';
import { cap, components, device, fourVariants, operatingPoint, profile, tenant } from '../support/planning-fixtures';
import { calibrationSummary, ScriptedCalibration } from '../support/scripted-calibration';

const parts = components(2);

/** Stand-ins for the config nodes: they provide what a test puts here. */
const offered = { tenants: new Map<string, Tenant>(), imported: null as ImportedTable | null };
const deviceNode = defineNode({
  type: 'ecomap-device',
  config: z.object({}),
  start(node) {
    node.provide('device', device(parts));
    node.provide('calibrations', new CalibrationOffers());
    return {};
  },
});
const tenantNode = defineNode({
  type: 'ecomap-tenant',
  config: z.object({ tenantName: z.string() }),
  start(node) {
    const found = offered.tenants.get(node.config.tenantName);
    if (found === undefined) throw new Error('this tenant is broken');
    node.provide('tenant', { tenant: found, imported: offered.imported });
    return {};
  },
});
const modules = [deviceNode, tenantNode, mappingEstimator, variantSelector];

const planOf = (message: CaughtMessage): Plan => message.payload as Plan;
const violatedOf = (message: CaughtMessage): Violated => message.payload as Violated;

describe('mapping-estimator', function () {
  this.timeout(30_000);
  let directory: string;
  const userDirectory = () => join(directory, 'user');

  /** Model files with content, and their profiles in the store, so that nothing has to be measured. */
  async function prepare(names: readonly string[]): Promise<void> {
    const store = new ProfileStore({
      directory: join(userDirectory(), 'ecomap', 'profiles'),
      warn: (text) => assert.fail(text),
    });
    await mkdir(userDirectory(), { recursive: true });
    let width = 0;
    for (const name of names) {
      const variants = [];
      for (const [variant, accuracy, runMs] of fourVariants) {
        // Each of another width: no two have the same hash.
        const file = await writeModel(directory, `${name}-${variant}.onnx`, doublingModel([1, (width += 1)]));
        await store.save(profile(runMs, { modelSha256: file.sha256 }));
        variants.push({ name: variant, accuracy, path: file.path, sha256: null });
      }
      offered.tenants.set(name, tenant(name, fourVariants, { variants }));
    }
  }

  function flowOf(names: readonly string[], more: { violatedTo?: string[]; others?: object[] } = {}): object[] {
    const slots = Object.fromEntries(names.map((name, index) => [`tenant${index + 1}`, `id-${name}`]));
    return [
      { id: 'device', type: 'ecomap-device' },
      ...names.map((name) => ({ id: `id-${name}`, type: 'ecomap-tenant', tenantName: name })),
      {
        id: 'estimator',
        type: 'ecomap-mapping-estimator',
        z: 'tab',
        device: 'device',
        selectorWaitMs: '100',
        ...slots,
        wires: [['plans'], more.violatedTo ?? []],
      },
      { id: 'plans', type: 'helper', z: 'tab', wires: [] },
      { id: 'violated', type: 'helper', z: 'tab', wires: [] },
      ...(more.others ?? []),
      ...watchers(['estimator']),
    ];
  }

  const start = (flow: readonly object[]): Promise<TestFlow> =>
    startFlow(modules, flow, { settings: { userDir: userDirectory() } });

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-estimator-'));
    offered.tenants.clear();
    offered.imported = null;
  });
  afterEach(async () => {
    await stopFlow();
    await rm(directory, { recursive: true, force: true });
  });

  it('plans with what a file says instead of what was measured, and says so', async () => {
    await prepare(['inspect']);
    const row = { family: 'inspect', operatingPoint: 'fast', powerW: 20, component: 'device', idleW: null };
    offered.imported = {
      file: 'costs.csv',
      // Twice as long as the profiles in the store.
      profiles: fourVariants.map(([variant, accuracy, runMs]) => ({ ...row, variant, accuracy, latencyMs: 2 * runMs })),
    };
    const flow = await start(flowOf(['inspect']));
    const plan = planOf(await flow.waitFor('plans'));
    assert.ok(
      plan.why.includes('the costs of inspect are imported from costs.csv, not measured here'),
      plan.why.join(),
    );
    assert.ok((plan.tenants[0]?.latencyMs?.lower ?? 0) >= 60, JSON.stringify(plan.tenants[0]?.latencyMs));
  });

  it('plans with stored profiles: first without a cap, then each cap on its own message', async () => {
    await prepare(['inspect', 'gauge']);
    const flow = await start(flowOf(['inspect', 'gauge'], { violatedTo: ['violated'] }));
    const first = planOf(await flow.waitFor('plans'));
    assert.equal(first.capW, null);
    assert.equal(first.feasible, true);
    // Nothing has to be measured: nobody is put on a light variant meanwhile.
    assert.deepEqual(
      first.tenants.map(({ variant }) => variant),
      ['full', 'full'],
    );

    flow.send('estimator', { topic: 'ecomap/cap', payload: cap(14, operatingPoint(parts, 0.9)), shift: 'night' });
    const message = await flow.waitFor('plans', (plan) => planOf(plan).capW === 14);
    assert.equal(message.topic, 'ecomap/plan');
    assert.equal(message.shift, 'night');
    assert.equal(planOf(message).tenants.length, 2);
    await flow.waitFor('completed');
    const violated = await flow.waitFor('violated', (sent) => violatedOf(sent).capW === 14);
    assert.equal(violated.topic, 'ecomap/violated');
    assert.equal(violated.shift, 'night');
    assert.deepEqual(violatedOf(violated).violations, []);
    assert.equal(violatedOf(violated).planId, planOf(message).planId);
    // Statuses are throttled: the last one wins.
    await flow.waitFor('statuses', ({ status }) => status?.fill === 'green' && status.text === 'status.plan');
    assert.deepEqual(flow.received('caught'), []);
  });

  it('plans the latest cap that came while the profiles were not there yet', async () => {
    await prepare(['inspect']);
    const flow = await start(flowOf(['inspect']));
    for (const capW of [20, 18, 16]) {
      flow.send('estimator', { topic: 'ecomap/cap', payload: cap(capW, operatingPoint(parts)), capW });
    }
    const message = await flow.waitFor('plans', (plan) => planOf(plan).capW !== null);
    assert.equal(planOf(message).capW, 16);
    assert.equal(message.capW, 16);
  });

  it('sends the best effort when a limit breaks and nobody answers, or at once when nobody is asked', async () => {
    await prepare(['inspect']);
    const tight = { topic: 'ecomap/cap', payload: cap(1, operatingPoint(parts, 0.02), { capUnreachable: true }) };
    for (const violatedTo of [['violated'], []]) {
      const flow = await start(flowOf(['inspect'], { violatedTo }));
      flow.send('estimator', { ...tight });
      const plan = planOf(await flow.waitFor('plans', (sent) => planOf(sent).capW === 1));
      assert.equal(plan.feasible, false);
      assert.ok(plan.why.some((why) => why.startsWith('NO_FEASIBLE_PLAN')));
      await flow.waitFor('statuses', ({ status }) => status?.fill === 'yellow');
      assert.equal(flow.received('violated').length > 0, violatedTo.length > 0);
      await stopFlow();
    }
  });

  it('finds lighter variants together with a variant-selector: one plan, and it is feasible', async () => {
    await prepare(['inspect', 'gauge']);
    const selector = {
      id: 'selector',
      type: 'ecomap-variant-selector',
      z: 'tab',
      tenant1: 'id-inspect',
      tenant2: 'id-gauge',
      wires: [['estimator', 'variants']],
    };
    const flow = await start(
      flowOf(['inspect', 'gauge'], {
        violatedTo: ['selector'],
        others: [selector, { id: 'variants', type: 'helper', z: 'tab', wires: [] }],
      }),
    );
    await flow.waitFor('plans');
    flow.send('estimator', { topic: 'ecomap/cap', payload: cap(7, operatingPoint(parts, 0.2)) });
    const plan = planOf(await flow.waitFor('plans', (sent) => planOf(sent).capW === 7));
    assert.equal(plan.feasible, true);
    assert.ok(plan.tenants.every(({ variant }) => variant !== 'full'));
    assert.ok(flow.received('variants').length >= 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(flow.received('plans').filter((sent) => planOf(sent).capW === 7).length, 1);
  });

  it('goes on without a tenant that is broken, and without a variant whose file is missing', async () => {
    await prepare(['inspect', 'gauge']);
    const gauge = offered.tenants.get('gauge');
    assert.ok(gauge);
    gauge.variants = gauge.variants.map((variant, index) =>
      index === 0 ? { ...variant, path: join(directory, 'missing.onnx') } : variant,
    );
    const flow = await start(flowOf(['broken', 'inspect', 'gauge']));
    const plan = planOf(await flow.waitFor('plans'));
    assert.deepEqual(
      plan.tenants.map(({ tenant: name, variant }) => [name, variant]),
      [
        ['inspect', 'full'],
        ['gauge', 'medium'],
      ],
    );
    const missing = await flow.waitFor('caught', ({ error }) => error?.code === 'MODEL_NOT_FOUND');
    assert.match(missing.error?.message ?? '', /missing\.onnx/);
    await flow.waitFor('caught', ({ error }) => error?.code === 'INVALID_CONFIG');
  });

  it('reports messages that it does not understand, with the field that is wrong', async () => {
    await prepare(['inspect']);
    const flow = await start(flowOf(['inspect']));
    flow.send('estimator', { topic: 'ecomap/carbon', payload: {} });
    const unknown = await flow.waitFor('caught');
    assert.equal(unknown.error?.code, 'INVALID_MESSAGE');
    assert.match(unknown.error?.message ?? '', /ecomap\/cap or ecomap\/variants or ecomap\/telemetry/);
    flow.send('estimator', { topic: 'ecomap/cap', payload: { ...cap(10, operatingPoint(parts)), capW: 'much' } });
    const wrong = await flow.waitFor('caught', ({ error }) => error?.message.includes('capW') ?? false);
    assert.equal(wrong.error?.code, 'INVALID_MESSAGE');
    flow.send('estimator', { payload: 'x'.repeat(1_000_000) });
    await flow.waitFor('caught', ({ error }) => error?.message.includes('missing') ?? false);
  });

  it('begins to calibrate its device and stops, told by messages, and tells so on the third output', async () => {
    await prepare(['inspect']);
    const others = [{ id: 'told', type: 'helper', z: 'tab', wires: [] }];
    const flow = await start(
      flowOf(['inspect'], { others }).map((node) =>
        'id' in node && node.id === 'estimator' ? { ...node, wires: [['plans'], [], ['told']] } : node,
      ),
    );
    const phaseOf = ({ payload }: CaughtMessage) => calibrationStatusSchema.parse(payload).phase;
    flow.send('estimator', { topic: 'ecomap/calibrate', payload: { action: 'start', samples: 40 } });
    const first = await flow.waitFor('told');
    assert.deepEqual([first.topic, phaseOf(first)], ['ecomap/calibration', 'profiling']);
    assert.deepEqual(flow.received('completed'), []);
    flow.send('estimator', { topic: 'ecomap/calibrate', payload: { action: 'cancel' } });
    await flow.waitFor('told', (message) => phaseOf(message) === 'cancelled');
    await flow.waitFor('completed', () => flow.received('completed').length === 2);
    assert.deepEqual(flow.received('caught'), []);
  });

  /** All that deploys an estimator, and whatever calibrates its device. */
  const elsewhere = new ScriptedCalibration();
  const calibrator = defineNode({
    type: 'ecomap-calibrator',
    config: z.object({ device: z.string() }),
    start(node) {
      const offers = node.resource<CalibrationOffers>(node.config.device, 'calibrations');
      const close = offers.announce({ by: node.label, tenants: [], samples: 160, calibration: elsewhere });
      return { close };
    },
  });

  it('plans at once with what another node of its device has learned, without a redeploy', async () => {
    await prepare(['inspect', 'gauge']);
    const flow = await startFlow(
      [...modules, calibrator],
      flowOf(['inspect'], {
        others: [
          { id: 'plans2', type: 'helper', z: 'tab', wires: [] },
          {
            id: 'second',
            type: 'ecomap-mapping-estimator',
            z: 'tab',
            device: 'device',
            tenant1: 'id-gauge',
            wires: [['plans2'], []],
          },
          { id: 'id-gauge', type: 'ecomap-tenant', tenantName: 'gauge' },
          { id: 'elsewhere', type: 'ecomap-calibrator', z: 'tab', device: 'device', wires: [] },
        ],
      }),
      { settings: { userDir: userDirectory() } },
    );
    const plannedBy = (id: string, estimator: string): Promise<CaughtMessage> =>
      flow.waitFor(id, (sent) => planOf(sent).search.estimator === estimator);
    let caps = 0;
    // The first plans are made before anybody knows what the variants compute; one like the last is not sent again.
    const again = setInterval(() => {
      caps += 1;
      const payload = cap(17, { ...operatingPoint(parts), name: `full ${caps}` });
      for (const id of ['estimator', 'second']) flow.send(id, { topic: 'ecomap/cap', payload });
    }, 200);
    try {
      await Promise.all(['plans', 'plans2'].map((id) => plannedBy(id, 'learned (shipped)')));
      elsewhere.start();
      const shipped = await readFile(join(packageRoot(), 'models/estimator/estimator.onnx'));
      await saveCalibrated(userDirectory(), {
        estimator: shipped,
        basis: shipped,
        intervals: { latency: null, lnPowerMargin: null },
        summary: calibrationSummary(),
      });
      elsewhere.become({ phase: 'done' });
      await Promise.all(['plans', 'plans2'].map((id) => plannedBy(id, 'learned (calibrated)')));
    } finally {
      clearInterval(again);
    }
    assert.deepEqual(flow.received('caught'), []);
  });

  it('predicts after a redeploy with the intervals that were made anew before', async () => {
    await prepare(['inspect']);
    /** Of the first plan by the network, as a share of what is expected. */
    const leastLatency = async (): Promise<number> => {
      const flow = await start(flowOf(['inspect']));
      const { tenants } = planOf(
        await flow.waitFor('plans', (sent) => {
          const { search } = planOf(sent);
          if (search.estimator !== 'learned (shipped)') askAgain(flow);
          return search.estimator === 'learned (shipped)';
        }),
      );
      assert.deepEqual(flow.received('caught'), []);
      await stopFlow();
      const [latencyMs] = tenants.map((one) => one.latencyMs);
      return (latencyMs?.lower ?? 0) / (latencyMs?.expected ?? 0);
    };
    let points = 0;
    // One like the last plan is not sent again.
    const askAgain = (flow: TestFlow): void => {
      points += 1;
      const payload = cap(17, { ...operatingPoint(parts), name: `full ${points}` });
      flow.send('estimator', { topic: 'ecomap/cap', payload });
    };
    assert.ok((await leastLatency()) > 0.3);
    const shipped = await readFile(join(packageRoot(), 'models/estimator/estimator.onnx'));
    const directoryOfDevice = calibrationDirectory(userDirectory(), 'test-device');
    const kept = new RefreshedIntervals(directoryOfDevice, (text) => assert.fail(text));
    await kept.save(
      { estimatorSha256: sha256Of(shipped), calibratedAt: null },
      { latency: { alpha: 0.1, cuts: [], halfWidths: [Math.log(50)], counts: [30] }, lnPowerMargin: null },
    );
    assert.ok((await leastLatency()) < 0.05);
  });

  it('stays deployed without tenants or device, and says what to choose', async () => {
    const flow = await start(flowOf([]));
    flow.send('estimator', { topic: 'ecomap/cap', payload: cap(10, operatingPoint(parts)) });
    const caught = await flow.waitFor('caught');
    assert.equal(caught.error?.code, 'INVALID_CONFIG');
    assert.match(caught.error?.message ?? '', /choose at least one/);
  });

  it('measures what it does not know, keeps it, and stops measuring when it is closed', async () => {
    const variants = await Promise.all(
      [8, 4].map(async (size, index) => ({
        ...(await writeModel(directory, `own-${size}.onnx`, doublingModel([1, size]))),
        name: `v${size}`,
        accuracy: 0.9 - index / 10,
      })),
    );
    offered.tenants.set('own', tenant('own', fourVariants, { variants }));
    await mkdir(userDirectory(), { recursive: true });
    const flow = await start(flowOf(['own']));
    // Until the heavier one is measured, the lightest stands in.
    const early = planOf(await flow.waitFor('plans', () => true, 25_000));
    assert.equal(early.tenants[0]?.variant, 'v4');
    const plan = planOf(await flow.waitFor('plans', (sent) => planOf(sent).tenants[0]?.variant === 'v8', 25_000));
    assert.ok((plan.tenants[0]?.latencyMs?.expected ?? 0) > 0);
    assert.ok((plan.tenants[0]?.energyJ ?? 0) > 0);
    assert.ok(flow.received('statuses').some(({ status }) => status?.text === 'status.profiling'));
    const profiles = join(userDirectory(), 'ecomap', 'profiles');
    assert.deepEqual(await readdir(profiles), ['test-device.json']);
    await stopFlow();

    // Closed in the middle of a measurement: the next deploy starts over without a complaint.
    await rm(profiles, { recursive: true });
    await writeFile(variants[0]?.path ?? '', doublingModel([1, 9]));
    offered.tenants.set(
      'own',
      tenant('own', fourVariants, { variants: variants.map((one) => ({ ...one, sha256: null })) }),
    );
    const interrupted = await start(flowOf(['own']));
    await interrupted.waitFor('statuses', ({ status }) => status?.text === 'status.profiling');
    await stopFlow();
    assert.deepEqual(interrupted.received('plans'), []);
    assert.deepEqual(interrupted.received('caught'), []);
  });
});
