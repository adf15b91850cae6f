import assert from 'node:assert/strict';
import sharp from 'sharp';
import { InferenceExecutor } from '../../../../src/inference/executor';
import { isEcomapError } from '../../../../src/signals/errors';
import type { Tenant } from '../../../../src/signals/tenant';
import { identityModel, writeModel } from '../../../support/onnx-builder';
import { codeOf, component, temporaryDirectory, tenantOf, TestDevice } from '../support';

describe('a tenant that takes images', function () {
  this.timeout(60_000);
  let models: { path: string; remove: () => Promise<void> };
  let executor: InferenceExecutor | null = null;

  before(async () => {
    models = await temporaryDirectory();
  });
  after(() => models.remove());
  afterEach(async () => {
    await executor?.close();
  });

  const serve = async (more: object): Promise<InferenceExecutor> => {
    const { path } = await writeModel(models.path, 'identity.onnx', identityModel(['batch', 1, 2, 2]));
    const tenant: Tenant = tenantOf('camera', [{ name: 'only', path, accuracy: 0.9 }], more);
    executor = new InferenceExecutor({ device: new TestDevice([component(0)]), tenants: [tenant] });
    await executor.start();
    return executor;
  };
  const image = { width: 2, height: 2, channels: 'grey', scale: 1 };
  const shot = (level: number) =>
    sharp({ create: { width: 64, height: 48, channels: 3, background: { r: level, g: level, b: level } } })
      .png()
      .toBuffer();

  it('answers those that come together, each with its own, and refuses the broken one alone', async () => {
    const serving = await serve({ input: { image }, serving: { largestBatch: 4, batchDelayMs: 200 } });
    const whole = await shot(99);
    const payloads = [await shot(10), await shot(20), whole.subarray(0, 90), await shot(30)];
    const outcomes = await Promise.allSettled(payloads.map((payload) => serving.infer({ tenant: 'camera', payload })));
    const values = outcomes.map((outcome) => {
      if (outcome.status === 'rejected') return isEcomapError(outcome.reason) ? outcome.reason.code : 'wrong';
      const { payload, account } = outcome.value;
      assert.equal(account.nonFiniteInput, false);
      return payload;
    });
    const answer = (level: number) => ({
      y: { type: 'float32', dims: [1, 1, 2, 2], data: new Float32Array(4).fill(level) },
    });
    assert.deepEqual(values, [answer(10), answer(20), 'INPUT_MISMATCH', answer(30)]);
    const { account } = await serving.infer({ tenant: 'camera', payload: whole });
    assert.ok(account.latencyMs >= account.runMs);
  });

  it('without declaring any is told how to', async () => {
    const serving = await serve({});
    await assert.rejects(serving.infer({ tenant: 'camera', payload: await shot(1) }), {
      code: 'INPUT_MISMATCH',
      message: /holds a PNG image, and the tenant declares none: let its input have an image \(width, height, channels/,
    });
  });

  it('does not serve a model that its declaration contradicts', async () => {
    const serving = await serve({ input: { image: { ...image, channels: 'rgb' } } });
    const asked = serving.infer({ tenant: 'camera', payload: new Float32Array(4) });
    assert.equal(await codeOf(asked), 'INPUT_MISMATCH');
    await assert.rejects(serving.infer({ tenant: 'camera', payload: new Float32Array(4) }), {
      message: /declares an image of 2 x 2 with 3 channels.*takes float32 \[batch, 1, 2, 2\]/,
    });
  });
});
