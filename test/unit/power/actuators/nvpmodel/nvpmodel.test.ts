import assert from 'node:assert/strict';
import { findJetsonActuators } from '../../../../../src/power/actuators/find-jetson-actuators';
import type { HardwareActuator } from '../../../../../src/power/actuators/hardware-actuator';
import { nvpmodelSetting } from '../../../../../src/power/actuators/nvpmodel/nvpmodel-setting';
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

const reboot = `NVPM WARN: Golden image context is already created
NVPM WARN: Reboot required for changing to this power mode: 3
NVPM WARN: DO YOU WANT TO REBOOT NOW? enter YES/yes to confirm:
NVPM ERROR: optMask is 1, no request for power mode`;

describe('Power modes of a Jetson', () => {
  let tree: JetsonTree;
  let changes: RememberedChanges;
  afterEach(() => {
    tree.discard();
  });

  async function actuator(board: Board, modeName: string, dryRun = false): Promise<HardwareActuator> {
    tree = new JetsonTree(board, modeName);
    changes = new RememberedChanges(dryRun);
    const { actuators, findings } = await findJetsonActuators(tree.machine, changes);
    const found = actuators.find(({ name }) => name === 'nvpmodel');
    assert.ok(found, JSON.stringify(findings));
    return found;
  }

  it('of an AGX Xavier: all eight, highest power first, with clocks as the hardware rounds them', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    assert.match(nvpmodel.method, /8 modes in \/etc\/nvpmodel\/nvpmodel_t194.conf/);
    const states = await nvpmodel.states();
    assert.deepEqual(
      states.map(({ name }) => name),
      [
        'MAXN',
        'MODE_30W_4CORE',
        'MODE_30W_2CORE',
        'MODE_30W_6CORE',
        'MODE_15W_DESKTOP',
        'MODE_30W_ALL',
        'MODE_15W',
        'MODE_10W',
      ],
    );
    const { refusal, ...low } = states.at(-1) ?? assert.fail();
    assert.deepEqual(low, {
      name: 'MODE_10W',
      gpuMhz: 522.75,
      cpuMhz: 1190.4,
      emcMhz: 1065.6,
      cores: 2,
      gpuUnits: 2,
      dlaMhz: 550,
      powerLimitW: null,
    });
    assert.match(refusal ?? '', /MODE_10W needs a reboot: it sets tpc_pg_mask to 5, which is 0 now.*nvpmodel -m 1/);
    assert.deepEqual(
      states.filter((state) => state.refusal !== null).map(({ name }) => name),
      ['MODE_10W'],
    );
    assert.equal(states[0]?.gpuMhz, 1377);
    assert.equal(states[0]?.emcMhz, null);
  });

  it('are addressed by name where 0 is not the highest, and an Orin keeps its cores', async () => {
    const nvpmodel = await actuator(orinNanoSuper, '25W');
    const states = await nvpmodel.states();
    assert.deepEqual(
      states.map(({ name }) => name),
      ['MAXN_SUPER', '25W', '15W', '7W'],
    );
    assert.match(states[3]?.refusal ?? '', /7W needs a reboot: it sets tpc_pg_mask to 252/);
    assert.equal(states[0]?.gpuUnits, 4);
    const { inForce } = await nvpmodel.apply('MAXN_SUPER');
    assert.equal(inForce?.name, 'MAXN_SUPER');
    assert.deepEqual(tree.changeCalls, ['-m 2']);
    assert.equal(tree.gpuMaxMhz, 1020);
  });

  it('that switch cores of an Orin off are refused, even where no mask differs', async () => {
    const modes = orinNanoSuper.modes.map((mode) => ({ ...mode, tpcMask: 240 }));
    const nvpmodel = await actuator({ ...orinNanoSuper, modes }, '25W');
    await assert.rejects(nvpmodel.apply('7W'), failing('CAP_NOT_ENFORCEABLE', /it switches 2 cores off/));
    assert.deepEqual(tree.changeCalls, []);
  });

  it('of a board without MAXN', async () => {
    const nvpmodel = await actuator(xavierNx, 'MODE_20W_2CORE');
    assert.equal((await nvpmodel.states()).length, 9);
    const { inForce } = await nvpmodel.apply('MODE_10W_4CORE');
    assert.equal(inForce?.name, 'MODE_10W_4CORE');
    assert.equal(tree.gpuMaxMhz, 803.25);
  });

  it('are changed, proved and brought back; what is in force is not set again', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    const { inForce, changes: made } = await nvpmodel.apply('MODE_15W');
    assert.equal(inForce?.name, 'MODE_15W');
    assert.deepEqual(made, [{ key: 'nvpmodel', from: 'MAXN', to: 'MODE_15W', inForce: 'MODE_15W' }]);
    assert.equal(tree.gpuMaxMhz, 675.75);
    assert.deepEqual((await nvpmodel.apply('MODE_15W')).changes, []);
    await changes.restore();
    assert.equal((await nvpmodel.readBack())?.name, 'MAXN');
    assert.deepEqual(tree.changeCalls, ['-m 2', '-m 0']);
  });

  it('are only told in a dry run', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN', true);
    const { inForce, changes: made } = await nvpmodel.apply('MODE_30W_ALL');
    assert.equal(inForce?.name, 'MAXN');
    assert.deepEqual(made, [{ key: 'nvpmodel', from: 'MAXN', to: 'MODE_30W_ALL', inForce: null }]);
    assert.deepEqual(tree.changeCalls, []);
  });

  it('take their time between two changes', () => {
    tree = new JetsonTree(agxXavier, 'MAXN');
    assert.equal(nvpmodelSetting(tree.machine).leastIntervalMs, 60_000);
  });

  it('that need a reboot are never tried', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    await assert.rejects(nvpmodel.apply('MODE_10W'), failing('CAP_NOT_ENFORCEABLE', /needs a reboot/));
    await assert.rejects(
      nvpmodelSetting(tree.machine).write('MODE_10W'),
      failing('CAP_NOT_ENFORCEABLE', /needs a reboot/),
    );
    assert.deepEqual(tree.changeCalls, []);
  });

  it('whose need of a reboot cannot be told are refused', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    tree.remove(`${agxXavier.maskFolder}/tpc_pg_mask`);
    await assert.rejects(nvpmodel.apply('MODE_15W'), failing('CAP_NOT_ENFORCEABLE', /cannot be told: tpc_pg_mask/));
  });

  it('of an unknown name are refused with those there are', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    await assert.rejects(
      nvpmodel.apply('MODE_20W'),
      failing('INVALID_CONFIG', /"MODE_20W" is no power mode.*MODE_15W/),
    );
  });

  const liars: [string, Parameters<JetsonTree['nvpmodel']>[0], ErrorCode, RegExp][] = [
    [
      'asks for a reboot',
      { does: 'nothing', exitCode: 255, claims: false, says: reboot },
      'CAP_NOT_ENFORCEABLE',
      /would reboot the machine to set MODE_15W.*Nothing has changed/,
    ],
    [
      'asks for a reboot with exit code 0',
      { does: 'nothing', claims: false, says: reboot },
      'CAP_NOT_ENFORCEABLE',
      /would reboot/,
    ],
    [
      'exits 0 without changing anything',
      { does: 'nothing', claims: false },
      'CAP_NOT_ENFORCEABLE',
      /reported success, but MODE_15W is not in force: .*CORE_4 is 1 instead of 0/,
    ],
    [
      'says it has changed and has not',
      { does: 'nothing', claims: true },
      'CAP_NOT_ENFORCEABLE',
      /reported success, but/,
    ],
    [
      'may not open a file',
      {
        does: 'nothing',
        exitCode: 234,
        claims: false,
        says: 'NVPM ERROR: Error opening /sys/devices/system/cpu/cpu4/online: 13',
      },
      'POWER_DENIED',
      /needs root.*Error opening/,
    ],
    [
      'cannot write a mask',
      {
        does: 'nothing',
        exitCode: 255,
        claims: false,
        says: 'NVPM ERROR: Error writing 2 to /sys/devices/gpu.0/fbp_pg_mask: 19\nNVPM ERROR: failed to set power mode!',
      },
      'CAP_NOT_ENFORCEABLE',
      /exit code 255.*Error writing 2 to .*failed to set power mode/,
    ],
    [
      'cannot write a parameter',
      {
        does: 'nothing',
        exitCode: 255,
        claims: false,
        says: 'NVPM ERROR: failed to write PARAM GPU: ARG MAX_FREQ: PATH: /sys/x VAL: 1',
      },
      'CAP_NOT_ENFORCEABLE',
      /failed to write PARAM GPU/,
    ],
    [
      'has no request',
      { does: 'nothing', exitCode: 255, claims: false, says: 'NVPM ERROR: optMask is 3, no request for power mode' },
      'CAP_NOT_ENFORCEABLE',
      /optMask is 3/,
    ],
  ];
  for (const [what, behaviour, code, message] of liars) {
    it(`are not in force when nvpmodel ${what}`, async () => {
      const nvpmodel = await actuator(agxXavier, 'MAXN');
      tree.nvpmodel(behaviour);
      await assert.rejects(nvpmodel.apply('MODE_15W'), failing(code, message));
      assert.equal((await nvpmodel.readBack())?.name, 'MAXN');
      assert.deepEqual(tree.changeCalls, ['-m 2']);
    });
  }

  it('are in force when the hardware says so, though nvpmodel exits with 255', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    tree.nvpmodel({ exitCode: 255, claims: false, says: 'NVPM ERROR: failed to set power mode!' });
    assert.equal((await nvpmodel.apply('MODE_15W')).inForce?.name, 'MODE_15W');
  });

  it('are brought back when nvpmodel stops half-way', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    tree.nvpmodel({ does: 'cores', exitCode: 255, claims: false });
    await assert.rejects(
      nvpmodel.apply('MODE_15W'),
      failing('CAP_NOT_ENFORCEABLE', /stopped half-way, so MAXN was brought back/),
    );
    assert.deepEqual(tree.changeCalls, ['-m 2', '-m 0']);
    assert.equal(tree.read('/sys/devices/system/cpu/cpu7/online'), '1');
  });

  it('are proved although nvpmodel hangs after the change; it is stopped', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    tree.nvpmodel({ hangs: true });
    assert.equal((await nvpmodel.apply('MODE_15W')).inForce?.name, 'MODE_15W');
  });

  it('are told from the hardware, not from a status that lies', async () => {
    const nvpmodel = await actuator(agxXavier, 'MODE_15W');
    tree.write('/var/lib/nvpmodel/status', 'pmode:0000');
    assert.equal((await nvpmodel.readBack())?.name, 'MODE_15W');
  });

  it('stay known while clocks are capped further, even where that looks like another mode', async () => {
    const nvpmodel = await actuator(agxXavier, 'MODE_15W_DESKTOP');
    assert.equal((await nvpmodel.readBack())?.name, 'MODE_15W_DESKTOP');
    for (const cluster of [0, 2])
      tree.write(`/sys/devices/system/cpu/cpufreq/policy${cluster}/scaling_max_freq`, '1200000');
    assert.equal((await nvpmodel.readBack())?.name, 'MODE_15W_DESKTOP');
  });

  it('that cannot be named cannot be left, for nothing could be brought back', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    tree.write('/sys/devices/system/cpu/cpu7/online', '0');
    assert.equal(await nvpmodel.readBack(), null);
    await assert.rejects(nvpmodel.apply('MODE_15W'), failing('CAP_NOT_ENFORCEABLE', /none of its power modes/));
    assert.deepEqual(tree.changeCalls, []);
  });

  it('respect a lock by jetson_clocks', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    tree.write(`${agxXavier.gpuFolder}/min_freq`, tree.read(tree.gpuMaxPath));
    await assert.rejects(nvpmodel.apply('MODE_15W'), failing('CAP_NOT_ENFORCEABLE', /jetson_clocks --restore/));
  });

  it('are gone with their configuration, which is told', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    tree.remove('/etc/nvpmodel');
    await assert.rejects(nvpmodel.states(), failing('CAP_NOT_ENFORCEABLE', /is not there \(any more\)/));
    await assert.rejects(nvpmodel.apply('MODE_15W'), failing('CAP_NOT_ENFORCEABLE', /is not there/));
  });

  it('follow a configuration that an upgrade has overwritten', async () => {
    const nvpmodel = await actuator(agxXavier, 'MAXN');
    const path = `/etc/nvpmodel/${agxXavier.confName}`;
    tree.write(path, tree.read(path).replaceAll('MODE_15W_DESKTOP', 'MODE_15W_OFFICE'));
    assert.ok((await nvpmodel.states()).some(({ name }) => name === 'MODE_15W_OFFICE'));
  });
});
