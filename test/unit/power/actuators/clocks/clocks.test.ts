import assert from 'node:assert/strict';
import { expectedPowerW } from '../../../../../src/power/actuators/expected-power';
import { findJetsonActuators } from '../../../../../src/power/actuators/find-jetson-actuators';
import type { HardwareActuator } from '../../../../../src/power/actuators/hardware-actuator';
import { isEcomapError, type ErrorCode } from '../../../../../src/signals/errors';
import { RememberedChanges } from '../../fakes';
import { agxXavier, orinNanoSuper, xavierNx, type Board } from '../jetson-boards';
import { JetsonTree } from '../jetson-tree';

const failing =
  (code: ErrorCode, text: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(isEcomapError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  };

describe('Clock caps of a Jetson', () => {
  let tree: JetsonTree;
  let changes: RememberedChanges;
  let clocks: HardwareActuator;
  let nvpmodel: HardwareActuator;
  afterEach(() => {
    tree.discard();
  });

  async function board(kind: Board, modeName: string, dryRun = false): Promise<void> {
    tree = new JetsonTree(kind, modeName);
    changes = new RememberedChanges(dryRun);
    const { actuators, findings } = await findJetsonActuators(tree.machine, changes);
    clocks = actuators.find(({ name }) => name === 'clocks') ?? assert.fail(JSON.stringify(findings));
    nvpmodel = actuators.find(({ name }) => name === 'nvpmodel') ?? assert.fail(JSON.stringify(findings));
  }

  const boards: [string, Board, string][] = [
    ['an AGX Xavier', agxXavier, 'MAXN'],
    ['an AGX Xavier at 30 W', agxXavier, 'MODE_30W_ALL'],
    ['an AGX Xavier whose CPU limit lies between two clocks', agxXavier, 'MODE_30W_4CORE'],
    ['an Orin Nano Super', orinNanoSuper, 'MAXN_SUPER'],
    ['a Xavier NX', xavierNx, 'MODE_20W_6CORE'],
  ];
  for (const [what, kind, modeName] of boards) {
    it(`of ${what}: a ladder from the mode's own caps to the lowest, each rung saving power`, async () => {
      await board(kind, modeName);
      const states = await clocks.states();
      const mode = await nvpmodel.readBack();
      assert.ok(states.length >= 8 && states.length <= 25, String(states.length));
      assert.equal(new Set(states.map(({ name }) => name)).size, states.length);
      assert.equal(states[0]?.gpuMhz, mode?.gpuMhz);
      assert.equal(states[0]?.cpuMhz, mode?.cpuMhz);
      assert.equal(states.at(-1)?.gpuMhz, kind.gpuTableMhz[0]);
      for (const [index, state] of states.entries()) {
        const before = states[index - 1];
        assert.ok(state.gpuMhz !== null && kind.gpuTableMhz.includes(state.gpuMhz), state.name);
        assert.ok(before === undefined || expectedPowerW(state) < expectedPowerW(before), state.name);
        assert.equal(state.refusal, null);
      }
      assert.deepEqual(await clocks.readBack(), states[0]);
    });
  }

  it('are written to upper limits only, proved, and taken back', async () => {
    await board(agxXavier, 'MAXN');
    const before = new Map(['min_freq', 'max_freq'].map((file) => [file, tree.read(`${agxXavier.gpuFolder}/${file}`)]));
    const states = await clocks.states();
    for (const state of states) {
      const { inForce, changes: made } = await clocks.apply(state.name);
      assert.deepEqual(inForce, state);
      assert.equal(tree.gpuMaxMhz, state.gpuMhz);
      for (const cluster of [0, 2, 4, 6]) {
        const khz = tree.cpuMaxKhz(cluster);
        assert.equal(khz / 1000, state.cpuMhz);
        assert.ok(khz >= agxXavier.cpuMinKhz, 'never below the lower limit');
      }
      for (const { key, to, inForce: found } of made) {
        assert.match(key, /^file:.*\/(max_freq|scaling_max_freq|emc_iso_cap)$/);
        assert.equal(found, to);
      }
    }
    assert.equal(tree.read(`${agxXavier.gpuFolder}/min_freq`), before.get('min_freq'));
    // All the way up again.
    assert.deepEqual((await clocks.apply(states[0]?.name ?? '')).inForce, states[0]);
    assert.deepEqual(await clocks.states(), states);
    await clocks.apply(states.at(-1)?.name ?? '');
    await changes.restore();
    assert.equal(tree.read(`${agxXavier.gpuFolder}/max_freq`), before.get('max_freq'));
    assert.equal(tree.cpuMaxKhz(6), 2_265_600);
    assert.equal(tree.read(agxXavier.emcPath), '0');
  });

  it('pair the memory clock as the power modes do', async () => {
    await board(agxXavier, 'MAXN');
    for (const { gpuMhz, emcMhz, name } of await clocks.states()) {
      const expected = (gpuMhz ?? 0) > 906 ? null : (gpuMhz ?? 0) > 676 ? 1600 : (gpuMhz ?? 0) > 523 ? 1331.2 : 1065.6;
      assert.equal(emcMhz, expected, name);
    }
    const low = (await clocks.states()).at(-1);
    await clocks.apply(low?.name ?? '');
    assert.equal(tree.read(agxXavier.emcPath), '1065600000');
  });

  it('never lift what a power mode has capped, nor what a user has', async () => {
    await board(agxXavier, 'MAXN');
    const low = (await clocks.states()).find(({ gpuMhz }) => gpuMhz === 905.25);
    await clocks.apply(low?.name ?? '');
    await nvpmodel.apply('MODE_30W_ALL');
    const inMode = await clocks.states();
    assert.equal(inMode[0]?.gpuMhz, 905.25);
    assert.equal(inMode[0]?.cpuMhz, 1190.4);
    assert.ok(
      inMode.every(({ cpuMhz }) => cpuMhz === 1190.4),
      'the mode fixes the CPU at its lower limit',
    );
    tree.write(tree.gpuMaxPath, '522750000');
    assert.equal((await clocks.states())[0]?.gpuMhz, 522.75);
    await assert.rejects(
      clocks.apply(low?.name ?? ''),
      failing(
        'CAP_NOT_ENFORCEABLE',
        /is not offered in the power mode.*from GPU 523 MHz, CPU 1.19 GHz down to GPU 115 MHz/,
      ),
    );
  });

  it('never lift the cap of a mode that happens to be what was written from here', async () => {
    await board(agxXavier, 'MODE_30W_2CORE');
    const second = (await clocks.states()).find(({ gpuMhz }) => gpuMhz === 675.75);
    await clocks.apply(second?.name ?? '');
    await nvpmodel.apply('MODE_15W');
    assert.equal((await clocks.states())[0]?.gpuMhz, 675.75);
  });

  it('take a value that the hardware rounds to its table, and no other', async () => {
    await board(agxXavier, 'MAXN');
    const [, state] = await clocks.states();
    await clocks.apply(state?.name ?? '');
    const raw = Number(tree.read(tree.gpuMaxPath));
    tree.write(tree.gpuMaxPath, String(raw - 250_000));
    assert.equal((await clocks.readBack())?.name, state?.name);
    tree.write(tree.gpuMaxPath, '318750000');
    assert.notEqual((await clocks.readBack())?.gpuMhz, state?.gpuMhz);
  });

  it('are only told in a dry run', async () => {
    await board(agxXavier, 'MAXN', true);
    const states = await clocks.states();
    const { inForce, changes: made } = await clocks.apply(states.at(-1)?.name ?? '');
    assert.deepEqual(inForce, states[0]);
    assert.equal(made.length, 6);
    assert.ok(made.every((change) => change.inForce === null));
    assert.equal(tree.gpuMaxMhz, 1377);
  });

  it('respect a lock by jetson_clocks', async () => {
    await board(agxXavier, 'MAXN');
    tree.write(`${agxXavier.gpuFolder}/min_freq`, tree.read(tree.gpuMaxPath));
    const states = await clocks.states();
    assert.match(states[0]?.refusal ?? '', /fixed at 1377 MHz.*jetson_clocks --restore/);
    await assert.rejects(clocks.apply(states.at(-1)?.name ?? ''), failing('CAP_NOT_ENFORCEABLE', /jetson_clocks/));
  });

  it('do not go below a lower limit that somebody has set', async () => {
    await board(agxXavier, 'MAXN');
    tree.write(`${agxXavier.gpuFolder}/min_freq`, '675750000');
    assert.equal((await clocks.states()).at(-1)?.gpuMhz, 675.75);
    await assert.rejects(
      clocks.apply('GPU 115 MHz, CPU 1.27 GHz'),
      failing('CAP_NOT_ENFORCEABLE', /under the lower limits in force/),
    );
  });

  it('of a name that is none are refused', async () => {
    await board(agxXavier, 'MAXN');
    await assert.rejects(clocks.apply('fast'), failing('INVALID_CONFIG', /"fast" is no state/));
    await assert.rejects(clocks.apply(''), failing('INVALID_CONFIG', /"" is no state/));
  });

  it('say so when the clocks are gone', async () => {
    await board(agxXavier, 'MAXN');
    tree.remove('/sys');
    assert.deepEqual(await clocks.states(), []);
    assert.equal(await clocks.readBack(), null);
    await assert.rejects(
      clocks.apply('GPU 905 MHz'),
      failing('CAP_NOT_ENFORCEABLE', /No clock of this machine can be read/),
    );
  });
});
