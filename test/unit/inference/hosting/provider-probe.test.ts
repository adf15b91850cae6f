import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceExecutor } from '../../../../src/inference/executor';
import { ProviderProbe } from '../../../../src/inference/hosting/provider-probe';
import type { Component } from '../../../../src/signals/device';
import { doublingModel, writeModel } from '../../../support/onnx-builder';
import { hostEntryWith } from './misbehaving-host';
import { codeOf, component, planOf, temporaryDirectory, tenantOf, TestDevice, type TestVariant } from '../support';

const gpu = (provider: string, more: Partial<Component> = {}): Component => ({
  name: `gpu-${provider}`,
  kind: 'gpu',
  cores: [],
  threads: 1,
  provider,
  componentClass: 'gpu',
  ...more,
});

describe('execution providers', function () {
  this.timeout(60_000);
  let folder: { path: string; remove: () => Promise<void> };
  let model: TestVariant;

  before(async () => {
    folder = await temporaryDirectory();
    model = { name: 'v', accuracy: 1, ...(await writeModel(folder.path, 'v.onnx', doublingModel([1, 3]))) };
  });
  after(() => folder.remove());

  it('that nobody has heard of do not run, and the words of the runtime say so', async () => {
    const probe = new ProviderProbe();
    assert.match((await probe.problemOf(gpu('abacus'))) ?? '', /"abacus" does not run here/);
    assert.equal(await probe.problemOf(component(0)), null);
    assert.equal(await probe.problemOf(gpu('cpu')), null);
    assert.equal(probe.probes, 1, 'the CPU is not probed');
  });

  it('are asked once, whatever number of components has them, and once more with other options', async () => {
    const probe = new ProviderProbe();
    const [one, two] = await Promise.all([
      probe.problemOf(gpu('abacus')),
      probe.problemOf(gpu('abacus', { name: 'b' })),
    ]);
    assert.equal(one, two);
    await probe.problemOf(gpu('abacus', { providerOptions: { beads: 10 } }));
    assert.equal(probe.probes, 2);
  });

  it('are remembered on disk, a failure for an hour', async () => {
    const stateDirectory = join(folder.path, 'state');
    let nowMs = 1e12;
    const open = () => new ProviderProbe({ stateDirectory, nowMs: () => nowMs });
    const first = await open().problemOf(gpu('abacus'));
    const [file] = await readdir(join(stateDirectory, 'ecomap', 'execution-providers'));
    assert.ok(file !== undefined);
    const second = open();
    assert.equal(await second.problemOf(gpu('abacus')), first);
    assert.equal(second.probes, 0);
    nowMs += 61 * 60_000;
    const later = open();
    await later.problemOf(gpu('abacus'));
    assert.equal(later.probes, 1);
    await writeFile(join(stateDirectory, 'ecomap', 'execution-providers', file), '{"works":');
    const damaged = open();
    assert.equal(await damaged.problemOf(gpu('abacus')), first);
    assert.equal(damaged.probes, 1);
  });

  it('that end the process which tries them do not run either', async () => {
    const death = `onCommand(({ kind }) => { if (kind === 'probe') process.kill(process.pid, 'SIGKILL'); });`;
    const probe = new ProviderProbe({ hostEntry: await hostEntryWith(folder.path, 'dies', death) });
    assert.match((await probe.problemOf(gpu('abacus'))) ?? '', /ended unexpectedly \(signal SIGKILL\)/);
  });

  it('a component whose provider does not run is left out and says why; others serve, also without cores', async () => {
    const device = new TestDevice([gpu('abacus'), gpu('cpu', { name: 'dla0', kind: 'dla' })]);
    const warnings: string[] = [];
    const log = { info: () => undefined, warn: (text: string) => void warnings.push(text) };
    const executor = new InferenceExecutor({ device, tenants: [tenantOf('one', [model])], log });
    try {
      await executor.start();
      const { unused, hosts } = executor.state();
      assert.deepEqual(
        unused.map(({ component: name }) => name),
        ['gpu-abacus'],
      );
      assert.match(unused[0]?.why ?? '', /"abacus" does not run here/);
      assert.match(warnings.join(), /gpu-abacus is not used/);
      assert.deepEqual(
        hosts.map(({ component: name, pinned }) => [name, pinned]),
        [['dla0', false]],
      );
      const { account } = await executor.infer({ tenant: 'one', payload: [1, 2, 3] });
      assert.deepEqual(account.components, ['dla0']);
      await assert.rejects(executor.applyPlan(planOf({ one: ['v', 'gpu-abacus'] })), {
        code: 'INVALID_MESSAGE',
        message: /which has no inference host here: .*"abacus" does not run here/,
      });
    } finally {
      await executor.close();
    }
  });

  it('a component that is left out is told to whoever listens, else to the log', async () => {
    const device = new TestDevice([gpu('abacus'), gpu('cpu')]);
    const warnings: string[] = [];
    const log = { info: () => undefined, warn: (text: string) => void warnings.push(text) };
    const executor = new InferenceExecutor({ device, tenants: [tenantOf('one', [model])], log });
    const told: string[] = [];
    executor.on('unused', ({ code, message }, name) => told.push(`${name} ${code} ${message}`));
    try {
      await executor.start();
      assert.equal(told.length, 1);
      assert.match(told[0] ?? '', /^gpu-abacus RUNTIME_UNAVAILABLE .*"abacus" does not run here.*take it out/);
      assert.deepEqual(warnings, []);
    } finally {
      await executor.close();
    }
  });

  it('close ends a probe that stands still, and nothing of it is remembered', async () => {
    const standstill = `onCommand(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));`;
    const hostEntry = await hostEntryWith(folder.path, 'silent', standstill);
    const stateDirectory = join(folder.path, 'closed');
    const device = new TestDevice([gpu('abacus')]);
    const tenants = [tenantOf('one', [model])];
    const executor = new InferenceExecutor({ device, tenants, stateDirectory, hostEntry });
    const started = codeOf(executor.start());
    await new Promise((resolve) => setTimeout(resolve, 300));
    await executor.close();
    assert.notEqual(await started, 'none: it resolved');
    await assert.rejects(readdir(join(stateDirectory, 'ecomap', 'execution-providers')), { code: 'ENOENT' });
  });

  it('a device on which nothing runs says so to everybody, instead of computing elsewhere', async () => {
    const device = new TestDevice([gpu('abacus')]);
    const executor = new InferenceExecutor({ device, tenants: [tenantOf('one', [model])] });
    try {
      assert.equal(await codeOf(executor.start()), 'RUNTIME_UNAVAILABLE');
      assert.equal(await codeOf(executor.infer({ tenant: 'one', payload: [1, 2, 3] })), 'RUNTIME_UNAVAILABLE');
    } finally {
      await executor.close();
    }
  });
});
