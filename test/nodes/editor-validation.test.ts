import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

type Fields = Readonly<Record<string, unknown>>;
interface Definition {
  readonly defaults: Readonly<Record<string, { readonly validate?: (this: Fields, value: unknown) => boolean }>>;
}

const require = createRequire(__filename);

/** What an editor script registers; the form is closed, so a choice is what was deployed. */
function definitionOf(node: string): Definition {
  let registered: Definition | undefined;
  const editor = {
    RED: {
      nodes: { registerType: (_type: string, definition: Definition) => (registered = definition) },
      validators: { number: () => () => true },
    },
    $: () => ({ val: () => undefined }),
  };
  Object.assign(globalThis, editor);
  const path = require.resolve(`../../nodes/${node}/editor`);
  delete require.cache[path];
  require(path);
  assert.ok(registered);
  return registered;
}

describe('what a form needs depends on what was chosen in it', () => {
  after(() => {
    for (const name of ['RED', '$']) Reflect.deleteProperty(globalThis, name);
  });

  const linear = { policy: 'linear', bounds: 'auto' };
  const byHand = { policy: 'linear', bounds: 'manual' };
  const fixed = { policy: 'fixed', bounds: 'manual' };
  const pinned = { overrideMode: 'pin' };
  const cases: [node: string, field: string, value: string, chosen: Fields, valid: boolean][] = [
    ['power-cap', 'fixedW', '', linear, true],
    ['power-cap', 'fixedW', '', fixed, false],
    ['power-cap', 'fixedW', '12.5', fixed, true],
    ['power-cap', 'fixedW', 'twelve', linear, false],
    ['power-cap', 'fixedW', '-3', fixed, false],
    ['power-cap', 'cleanGPerKwh', '', linear, true],
    ['power-cap', 'cleanGPerKwh', '', byHand, false],
    ['power-cap', 'cleanGPerKwh', '', fixed, true],
    ['power-cap', 'dirtyGPerKwh', '400', byHand, true],
    ['power-cap', 'cleanGPerKwh', '', { policy: 'two-level', bounds: 'manual' }, false],
    ['power-cap', 'gramsPerDay', '', linear, true],
    ['power-cap', 'gramsPerDay', '', { policy: 'budget' }, false],
    ['power-cap', 'gramsPerDay', '0', { policy: 'budget' }, false],
    ['power-cap', 'gramsPerDay', '250', { policy: 'budget' }, true],
    ['power-cap', 'allowancePt', '', { policy: 'quality' }, true],
    ['power-cap', 'allowancePt', '101', { policy: 'quality' }, false],
    ['power-cap', 'guardBandPct', '', linear, true],
    ['power-cap', 'guardBandPct', '7.5', linear, true],
    ['power-cap', 'guardBandPct', '41', linear, false],
    ['power-cap', 'guardBandPct', 'wide', linear, false],
    ['mapping-estimator', 'calibrationSamples', '', {}, true],
    ['mapping-estimator', 'calibrationSamples', '200', {}, true],
    ['mapping-estimator', 'calibrationSamples', '39', {}, false],
    ['mapping-estimator', 'calibrationSamples', '99.5', {}, false],
    ['grid', 'zone', '', { provider: 'simulated' }, true],
    ['grid', 'zone', '', { provider: 'static' }, false],
    ['grid', 'zone', 'DE', { provider: 'static' }, true],
    ['grid', 'country', '', { provider: 'energy-charts' }, false],
    ['grid', 'path', ' ', { provider: 'trace' }, false],
    ['carbon-ledger', 'embodiedKg', '', {}, true],
    ['carbon-ledger', 'embodiedKg', '', { lifetimeYears: '5' }, false],
    ['carbon-ledger', 'embodiedKg', '-2', { lifetimeYears: '5' }, false],
    ['carbon-ledger', 'lifetimeYears', '', {}, true],
    ['carbon-ledger', 'lifetimeYears', '', { embodiedKg: '50' }, false],
    ['carbon-ledger', 'lifetimeYears', '5', { embodiedKg: '50' }, true],
    ['carbon-ledger', 'lifetimeYears', 'five', { embodiedKg: '50' }, false],
    ['carbon-ledger', 'reservedPct', '', {}, true],
    ['carbon-ledger', 'reservedPct', '120', {}, false],
    ['carbon-ledger', 'retentionDays', '0', {}, false],
    ['carbon-ledger', 'retentionDays', '90', {}, true],
    ['tenant', 'pinnedVariant', '', { overrideMode: 'auto' }, true],
    ['tenant', 'pinnedVariant', ' ', pinned, false],
    ['tenant', 'pinnedVariant', 'small', pinned, true],
    ['inference-executor', 'hostMemoryLimitMb', '', {}, true],
    ['inference-executor', 'hostMemoryLimitMb', '512', {}, true],
    ['inference-executor', 'hostMemoryLimitMb', '12', {}, false],
    ['inference-executor', 'hostMemoryLimitMb', 'a lot', {}, false],
    ['tenant', 'labels', '', { source: 'own', outputKind: 'label' }, false],
    ['tenant', 'labels', 'good\nbad', { source: 'own', outputKind: 'label' }, true],
    ['tenant', 'labels', '', { source: 'gauge', outputKind: 'label' }, true],
    ['tenant', 'imageMean', '0.485 0.456 0.406', {}, true],
    ['tenant', 'imageMean', 'dark', {}, false],
    ['tenant', 'imageDeviation', '0.2, 0, 0.2', {}, false],
    ['tenant', 'imageScale', '1/255', {}, true],
    ['tenant', 'imageScale', '1/', {}, false],
    ['tenant', 'imageWidth', '', {}, true],
    ['tenant', 'imageWidth', '22.5', {}, false],
    ['tenant', 'queueLength', '0', {}, false],
    ['tenant', 'largestBatch', '257', {}, false],
    ['tenant', 'weight', '-1', {}, false],
    ['tenant', 'batchDelayMs', '2.5', {}, true],
  ];
  it('takes a tenant of a flow from before its newer fields', () => {
    const { defaults } = definitionOf('tenant');
    const old = { source: 'inspect', overrideMode: 'auto', pinnedVariant: '' };
    const marked = Object.entries(defaults).filter(
      ([name, { validate }]) => validate?.call(old, old[name as keyof typeof old]) === false,
    );
    assert.deepEqual(
      marked.map(([name]) => name),
      [],
    );
  });

  for (const [node, field, value, chosen, valid] of cases) {
    it(`${valid ? 'takes' : 'marks'} ${JSON.stringify(value)} as ${field} of ${node} with ${JSON.stringify(chosen)}`, () => {
      const validate = definitionOf(node).defaults[field]?.validate;
      assert.ok(validate);
      assert.equal(validate.call(chosen, value), valid);
    });
  }
});
