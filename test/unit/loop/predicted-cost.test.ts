import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureOperatorCosts } from '../../../src/loop/operator-costs';
import { inspect } from '../../../src/loop/inspect';
import { predictionText, predictOnThisMachine, predictVariantCost } from '../../../src/loop/predicted-cost';
import { CostPredictor } from '../../../src/loop/prediction/cost-predictor';
import { CostModelStore } from '../../../src/mapping/operators/cost-model-store';
import type { ChildProgram } from '../../../src/models/child-program';
import { demonstrationFamily } from '../../../src/models/family-card';
import { describeMachine } from '../../../src/power/describe-machine';
import { detectMachine } from '../../../src/power/detect';
import { reportText } from '../../../src/power/inspect/report-text';
import { isEcomapError } from '../../../src/signals/errors';

/** The lines of one section of the report. */
const sectionOf = (report: string, title: string): string => report.split(`## ${title}`)[1]?.split('## ')[0] ?? '';

describe('cost of models on this machine', function () {
  this.timeout(180_000);
  let directory: string;
  let store: CostModelStore;
  const device = describeMachine(detectMachine());
  const { card, directory: family } = demonstrationFamily('inspect');
  const path = join(family, card.variants[0]?.file ?? '');

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-predicted-'));
    store = new CostModelStore(directory, (text) => assert.fail(text));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('is unknown before operators were measured, and the report says how to', async () => {
    assert.deepEqual(await predictVariantCost({ path, sha256: null, dims: null }, device.fingerprint, store), []);
    await assert.rejects(
      predictOnThisMachine(path, directory, () => undefined),
      (error) => isEcomapError(error) && error.code === 'INVALID_CONFIG' && /--measure-operators/.test(error.message),
    );
    assert.match(
      sectionOf(reportText(await inspect({ stateDirectory: directory })), 'Cost of models'),
      /--measure-operators/,
    );
  });

  it('costs no process where nothing was measured', async () => {
    const predictor = new CostPredictor({
      stateDirectory: directory,
      deviceFingerprint: device.fingerprint,
      program: () => assert.fail('a process is started'),
    });
    assert.deepEqual(await predictor.predict({ path, sha256: null, dims: null }), { costs: [], warnings: [] });
    await assert.rejects(predictor.predict({ path: `${path}x`, sha256: null, dims: null }), {
      code: 'MODEL_NOT_FOUND',
    });
    await assert.rejects(predictor.predict({ path, sha256: '0'.repeat(64), dims: null }), {
      code: 'MODEL_HASH_MISMATCH',
    });
  });

  it('is predicted once they were, by operators, and never said to be measured', async () => {
    const [component] = device.components;
    assert.ok(component !== undefined);
    const done: number[] = [];
    const found = await measureOperatorCosts({
      device,
      component,
      networks: 2,
      onProgress: (count, total) => done.push(count / total),
    });
    assert.equal(done.at(-1), 1);
    assert.equal(found.referenceRuns.length, 12);
    await store.put(found);

    const costs = await predictVariantCost({ path, sha256: null, dims: null }, device.fingerprint, store);
    assert.equal(costs.length, 1);
    const [cost] = costs;
    assert.ok(cost !== undefined);
    assert.deepEqual([cost.predicted, cost.source, cost.unknownOperators], [true, 'modelled', 0]);
    assert.equal(cost.componentClass, component.componentClass);
    assert.ok(cost.latencyMs > 0 && cost.energyJ > 0 && cost.coveredShare > 0.5);
    const text = predictionText(costs);
    assert.match(text, /predicted, not measured/);

    // The same in a process of its own.
    const where = { stateDirectory: directory, deviceFingerprint: device.fingerprint };
    const predictor = new CostPredictor(where);
    const [first, second] = await Promise.all([
      predictor.predict({ path, sha256: null, dims: null }),
      predictor.predict({ path, sha256: null, dims: [3] }).catch((error: unknown) => error),
    ]);
    const { componentClass, source, latencyMs, energyJ, coveredShare, unknownOperators } = cost;
    assert.deepEqual(first, {
      costs: [{ componentClass, source, latencyMs, energyJ, coveredShare, unknownOperators }],
      warnings: [],
    });
    assert.ok(isEcomapError(second) && ['INPUT_MISMATCH', 'MODEL_INVALID'].includes(second.code), String(second));
    const scripted = async (name: string, code: string): Promise<ChildProgram> => {
      const script = join(directory, name);
      await writeFile(script, code);
      return { script, execArgv: [] };
    };
    for (const [code, says] of [
      ['process.exit(3)', /ended with exit code 3/],
      ["process.once('message', () => process.send({ kind: 'nonsense' }))", /answered what is no answer/],
      ['setInterval(() => {}, 1000)', /did not answer within 0\.3 s/],
    ] as const) {
      const program = await scripted(`${String(says).length}.cjs`, code);
      const limited = new CostPredictor({
        ...where,
        program: () => program,
        limitMs: says.source.includes('0') ? 300 : 60_000,
      });
      await assert.rejects(
        limited.predict({ path, sha256: null, dims: null }),
        (error) => isEcomapError(error) && error.code === 'HOST_CRASHED' && says.test(error.message),
      );
    }

    const report = sectionOf(reportText(await inspect({ stateDirectory: directory })), 'Cost of models');
    assert.match(report, /learned from 14 models/);
    assert.match(report, /inference energy score \d+\.\d, power score \d+\.\d \(modelled, 12 models/);
  });
});
