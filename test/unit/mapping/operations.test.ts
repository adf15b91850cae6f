import assert from 'node:assert/strict';
import { VariantCosts } from '../../../src/mapping/costs';
import { LearnedEstimator } from '../../../src/mapping/estimator/learned/learned-estimator';
import type { NetworkRuns } from '../../../src/mapping/estimator/learned/network-runs';
import { ensureOperations, type DescribeModel } from '../../../src/mapping/profiles/counting';
import { countsOf, operationsOf, stageInputDims, transferSeconds } from '../../../src/mapping/profiles/operations';
import { ProfileTable } from '../../../src/mapping/profiles/table';
import { planningQuestionSchema } from '../../../src/mapping/rounds/question';
import type { ModelDescription } from '../../../src/models/description/model-description';
import type { OperatingPoint } from '../../../src/signals/device';
import { EcomapError } from '../../../src/signals/errors';
import { components, device, operatingPoint, profile, profiles, tenant } from '../../support/planning-fixtures';

/** 1 GFLOP and 10 MB, a quarter of the work before node 4 and the rest after it. */
const description: ModelDescription = {
  layout: 2,
  sha256: 'a'.repeat(64),
  fileBytes: 1,
  irVersion: 8,
  producer: '',
  opsets: [],
  inputs: [],
  outputs: [],
  batchOpen: true,
  operators: [],
  computingNodes: 9,
  parameters: 1,
  parameterBytes: 4,
  macs: 500_000_000,
  bytesMoved: 10_000_000,
  inputBytes: 36_864,
  runDims: { x: [1, 9] },
  cuts: [
    {
      firstNode: 4,
      label: '',
      crossing: [{ name: 't', type: 'float32', dims: [1, 100_000], bytes: 400_000 }],
      bytes: 400_000,
      macsBefore: 0.25,
      movedBefore: 4_000_000,
    },
    { firstNode: 6, label: '', crossing: [], bytes: null, macsBefore: 0.5, movedBefore: 5_000_000 },
    {
      firstNode: 7,
      label: '',
      crossing: [{ name: 'shape', type: 'int64', dims: [2], bytes: 16 }],
      bytes: 16,
      macsBefore: 0.5,
      movedBefore: 5_000_000,
    },
  ],
  cutsNotOffered: 0,
  externalFiles: [],
  warnings: [],
};
const counts = countsOf(description);

describe('operations of a variant', () => {
  it('are floating point operations and bytes of the whole, and of each stage', () => {
    assert.ok(counts);
    assert.deepEqual(operationsOf(counts, [0]), [{ gigaflop: 1, gigabytes: 0.01, transferS: transferSeconds(36_864) }]);
    assert.deepEqual(operationsOf(counts, [0, 4]), [
      { gigaflop: 0.25, gigabytes: 0.004, transferS: transferSeconds(36_864) },
      { gigaflop: 0.75, gigabytes: 0.006, transferS: transferSeconds(400_000) },
    ]);
  });

  it('come with the shapes that a stage is fed', () => {
    assert.ok(counts);
    assert.deepEqual(stageInputDims(counts, 4), { x: [1, 9], t: [1, 100_000] });
    assert.deepEqual(stageInputDims(counts, 0), { x: [1, 9] });
  });

  it('are not known of cuts that nobody counted, nor of models whose shapes are not known', () => {
    assert.ok(counts);
    assert.equal(operationsOf(counts, [0, 6]), null);
    assert.equal(operationsOf(counts, [0, 5]), null);
    // What is handed over at node 7 is a shape: nobody could measure that stage alone.
    assert.equal(operationsOf(counts, [0, 7]), null);
    for (const absent of ['macs', 'bytesMoved', 'inputBytes'] as const) {
      assert.equal(countsOf({ ...description, [absent]: null }), null);
    }
  });
});

describe('work of a variant', () => {
  const inspect = tenant('inspect');
  const parts = components(2, ['big', 'little']);
  const network: NetworkRuns = { run: () => Promise.reject(new Error('not asked')) };
  const contextOf = (table: ProfileTable, variant: string) => ({
    components: parts,
    operatingPoint: operatingPoint(parts),
    work: [
      {
        ...new VariantCosts(device(parts), table).workOf('inspect', variant),
        tenant: 'inspect',
        variant,
        ratePerS: 5,
        priority: 1,
      },
    ],
  });

  it('is one stage without operations until they were counted; then the learned estimator can judge it', () => {
    const table = profiles([inspect], undefined, { big: 1, little: 3 });
    const before = new VariantCosts(device(parts), table).workOf('inspect', 'full');
    const cost = (p50Ms: number) => ({ p50Ms, p95Ms: p50Ms * 1.1, cpuMs: p50Ms });
    assert.deepEqual(before, {
      costs: [[cost(30), cost(90)]],
      firstNodes: [0],
      whole: { costs: [cost(30), cost(90)] },
    });
    assert.equal(new LearnedEstimator(network).covers(contextOf(table, 'full')), false);

    assert.ok(counts);
    table.setCounts('inspect', 'full', counts);
    const [operations] = operationsOf(counts, [0]) ?? [];
    assert.deepEqual(new VariantCosts(device(parts), table).workOf('inspect', 'full'), {
      ...before,
      operations: [operations],
      whole: { costs: [cost(30), cost(90)], operations },
    });
    assert.equal(new LearnedEstimator(network).covers(contextOf(table, 'full')), true);
  });

  it('has the stages that were measured, and the whole beside them', () => {
    const table = profiles([inspect], undefined, { big: 1, little: 3 });
    assert.ok(counts);
    table.setCounts('inspect', 'full', counts);
    const [first, second] = [
      { firstNode: 0, endNode: 4 },
      { firstNode: 4, endNode: null },
    ];
    table.setStages('inspect', 'full', [first, second]);
    table.set('inspect', 'full', profile(8, { componentClass: 'big', stage: first }));
    table.set('inspect', 'full', profile(23, { componentClass: 'big', stage: second }));
    table.set('inspect', 'full', profile(60, { componentClass: 'little', stage: second }));
    const sensitivity = { besideMemory: 0.1, besideItself: 0.7, caused: 0.2 };
    table.setSensitivity('inspect', 'full', 'big', sensitivity);
    const costs = new VariantCosts(device(parts), table);
    const work = costs.workOf('inspect', 'full');
    assert.deepEqual(
      work.costs.map((stage) => stage.map((cost) => cost?.p50Ms ?? null)),
      [
        [8, null],
        [23, 60],
      ],
    );
    assert.deepEqual(
      [work.firstNodes, work.sensitivity],
      [
        [0, 4],
        [sensitivity, null],
      ],
    );
    assert.deepEqual(work.operations, operationsOf(counts, [0, 4]));
    assert.deepEqual(
      work.whole?.costs.map((cost) => cost?.p50Ms),
      [30, 90],
    );
    // 6 W per component: apart each stage costs its own, together they are the whole.
    const point = operatingPoint(parts);
    assert.equal(costs.energyJ('inspect', 'full', [0, 1], point), (6 * (8 + 60)) / 1000);
    assert.equal(costs.energyJ('inspect', 'full', [0, 0], point), (6 * 30) / 1000);
    assert.equal(costs.energyJ('inspect', 'full', [1, 0], point), null);
    assert.equal(costs.energyJ('inspect', 'full', [0, 1, 0], point), null);
  });

  it('stays whole in a plan under a quota, and may be cut where clocks are limited', () => {
    const table = profiles([inspect], undefined, { big: 1, little: 3 });
    table.setStages('inspect', 'full', [
      { firstNode: 0, endNode: 3 },
      { firstNode: 3, endNode: null },
    ]);
    const costs = new VariantCosts(device(parts), table);
    const slow = operatingPoint(parts, 0.5);
    const stagesAt = (point: OperatingPoint): number => costs.workToPlan('inspect', 'full', point).costs.length;
    assert.deepEqual([operatingPoint(parts), slow, { ...slow, limits: 'clock' as const }].map(stagesAt), [2, 1, 2]);
    assert.deepEqual(costs.workToPlan('inspect', 'full', slow).costs, [costs.onEachComponent('inspect', 'full')]);
  });

  it('is derived from the profile of the nearest clock speed', () => {
    const table = profiles([inspect], undefined, { big: 1, little: 3 });
    const slow = { operatingPoint: { name: 'half', clockSpeed: 0.5 } };
    table.set('inspect', 'full', profile(50, { componentClass: 'big', ...slow }));
    const costs = new VariantCosts(device(parts), table);
    const at = (speed: number) => {
      const point = { ...operatingPoint(parts, speed), limits: 'clock' as const };
      return costs.workOf('inspect', 'full', point).costs[0]?.[0]?.p50Ms;
    };
    // At full speed they would take half as long as measured at half speed.
    assert.deepEqual([at(1), at(0.8), at(0.6), at(0.4)], [30, 30, 25, 25]);
    assert.equal(costs.workOf('inspect', 'full', operatingPoint(parts, 0.5)).costs[0]?.[0]?.p50Ms, 30);
  });

  it('has the energy that was measured, at the clock that it was measured at', () => {
    const table = profiles([inspect], undefined, { big: 1 });
    const energy = { perInferenceJ: 0.5, source: 'measured' as const };
    table.set('inspect', 'full', profile(30, { componentClass: 'big', energy }));
    const costs = new VariantCosts(device(parts), table);
    const point = operatingPoint(parts);
    // As it reaches the planner's process.
    const asked = planningQuestionSchema.shape.tenants.element.shape.variants.element;
    const { work } = asked.parse({ name: 'full', accuracy: 1, work: costs.workOf('inspect', 'full') });
    assert.deepEqual(work.costs[0]?.[0]?.measured, { energyJ: 0.5, clockSpeed: 1 });
    assert.equal(costs.energyJ('inspect', 'full', [0], point), 0.5);
    assert.equal(costs.energyJ('inspect', 'tiny', [0], point), (6 * 2) / 1000);
    const slow = { ...operatingPoint(parts, 0.5), limits: 'clock' as const };
    assert.equal(costs.energyJ('inspect', 'full', [0], slow), (6 * 30 * 2) / 1000);
  });
});

describe('ensureOperations', () => {
  const hashFile = async (path: string) => Buffer.from(path).toString('hex').padEnd(64, '0').slice(-64);

  it('counts each model once, for all who use it, and goes on past one that cannot be described', async () => {
    const described: string[] = [];
    const warnings: string[] = [];
    const table = new ProfileTable();
    table.exclude({ tenant: 'inspect', variant: 'small', code: 'MODEL_INVALID', reason: 'not ONNX' });
    const describe: DescribeModel = async ({ path, dims }) => {
      described.push(path);
      assert.equal(dims, null);
      if (path.includes('tiny')) throw new EcomapError('HOST_CRASHED', 'it ended');
      return path.includes('medium') ? { ...description, macs: null } : description;
    };
    const inspect = tenant('inspect');
    const options = {
      tenants: [inspect, { ...inspect, name: 'twin' }],
      table,
      describe,
      hashFile,
      warn: (text: string) => warnings.push(text),
    };
    await ensureOperations(options);
    // The twin still uses the variant that the first may not.
    assert.equal(described.length, 4);
    assert.deepEqual(table.countsOf('inspect', 'full'), counts);
    assert.deepEqual(table.countsOf('twin', 'full'), counts);
    assert.deepEqual(table.countsOf('twin', 'small'), counts);
    assert.equal(table.countsOf('inspect', 'small'), null);
    assert.equal(table.countsOf('inspect', 'medium'), null);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /it ended/);
    described.length = 0;
    await ensureOperations(options);
    assert.deepEqual(described.map((path) => path.split('-')[1]).sort(), ['medium.onnx', 'tiny.onnx']);
  });

  it('stops when it is cancelled', async () => {
    const abort = new AbortController();
    const describe: DescribeModel = async () => {
      abort.abort();
      return description;
    };
    const options = { tenants: [tenant('inspect')], table: new ProfileTable(), describe, hashFile, warn: assert.fail };
    await assert.rejects(ensureOperations({ ...options, signal: abort.signal }), { name: 'AbortError' });
    const again = new AbortController();
    const cutShort: DescribeModel = async () => {
      again.abort();
      throw new EcomapError('NODE_CLOSED', 'it was stopped');
    };
    // Nothing is warned of.
    await assert.rejects(ensureOperations({ ...options, describe: cutShort, signal: again.signal }), {
      name: 'AbortError',
    });
  });
});
