import assert from 'node:assert/strict';
import { findJetsonActuators } from '../../../../src/power/actuators/find-jetson-actuators';
import { nvpmodelSetting } from '../../../../src/power/actuators/nvpmodel/nvpmodel-setting';
import { MachineFileError, type FileProblem } from '../../../../src/power/machine/files';
import type { Machine } from '../../../../src/power/machine/machine';
import { isEcomapError, type ErrorCode } from '../../../../src/signals/errors';
import { RememberedChanges } from '../fakes';
import { agxXavier } from './jetson-boards';
import { JetsonTree } from './jetson-tree';

const failing =
  (code: ErrorCode, text: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(isEcomapError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  };

/** A machine whose files may be read only; `claim` that they look writable all the same. */
function readOnly({ files, programs }: Machine, problem: FileProblem, claim = false): Machine {
  return {
    programs,
    files: {
      ...files,
      isWritable: () => Promise.resolve(claim),
      write: (path) => Promise.reject(new MachineFileError(path, problem, new Error(problem))),
    },
  };
}

/** A machine where sudo permits some modes, and nothing else may be changed. */
function withSudo(machine: Machine, permitted: readonly number[], ran: string[]): Machine {
  const { files, programs } = readOnly(machine, 'denied');
  return {
    files: { ...files, root: '/' },
    programs: {
      ...programs,
      async run(program, args, options) {
        if (program !== 'sudo') return programs.run(program, args, options);
        ran.push(args.join(' '));
        const [, asks] = args;
        const command = args.slice(asks === '-l' ? 2 : 1);
        assert.deepEqual(command.slice(0, 2), ['/usr/sbin/nvpmodel', '-m']);
        if (!permitted.includes(Number(command[2])))
          return { exitCode: 1, text: 'sudo: a password is required', timedOut: false, missing: false };
        if (asks === '-l') return { exitCode: 0, text: command.join(' '), timedOut: false, missing: false };
        return programs.run('nvpmodel', command.slice(1), options);
      },
    },
  };
}

describe('Finding the actuators of a Jetson', () => {
  let tree: JetsonTree;
  beforeEach(() => {
    tree = new JetsonTree(agxXavier, 'MAXN');
  });
  afterEach(() => {
    tree.discard();
  });

  async function find(
    machine: Machine,
    dryRun = false,
  ): Promise<{ names: string[]; levels: string[]; texts: string[] }> {
    const { actuators, findings } = await findJetsonActuators(machine, new RememberedChanges(dryRun));
    assert.deepEqual(
      findings.map(({ name }) => name),
      ['nvpmodel', 'clocks'],
    );
    return {
      names: actuators.map(({ name }) => name),
      levels: findings.map(({ level }) => level),
      texts: findings.map(({ text }) => text),
    };
  }

  it('with all rights: both, with what they offer', async () => {
    const { names, levels, texts } = await find(tree.machine);
    assert.deepEqual(names, ['nvpmodel', 'clocks']);
    assert.deepEqual(levels, ['usable', 'usable']);
    assert.match(texts[1] ?? '', /GPU 115 to 1377 MHz, CPU 1200 to 2266 MHz/);
  });

  it('without rights: none, with what would help; in a dry run both', async () => {
    const machine = readOnly(tree.machine, 'denied');
    const { names, levels, texts } = await find(machine);
    assert.deepEqual(names, []);
    assert.deepEqual(levels, ['denied', 'denied']);
    assert.match(texts[0] ?? '', /only root may change the mode.*sudo rules/);
    assert.match(texts[1] ?? '', /max_freq.*may not be written.*permission rules/);
    assert.deepEqual((await find(machine, true)).names, ['nvpmodel', 'clocks']);
  });

  it('with rights for the GPU clock only: the CPU stays as it is', async () => {
    const { files, programs } = tree.machine;
    const machine: Machine = {
      programs,
      files: { ...files, isWritable: (path) => Promise.resolve(path.endsWith('/max_freq')) },
    };
    const { actuators, findings } = await findJetsonActuators(machine, new RememberedChanges());
    const [clocks] = actuators;
    assert.ok(clocks?.name === 'clocks' && actuators.length === 1);
    assert.match(findings[1]?.text ?? '', /But .*scaling_max_freq may not be written/);
    const states = await clocks.states();
    assert.deepEqual(new Set(states.map(({ cpuMhz }) => cpuMhz)), new Set([2265.6]));
    assert.equal((await clocks.apply(states.at(-1)?.name ?? '')).inForce?.gpuMhz, 114.75);
    assert.equal(tree.cpuMaxKhz(0), 2_265_600);
  });

  for (const [problem, code, text] of [
    ['read-only', 'POWER_DENIED', /is read-only here, as \/sys is in a container/],
    ['denied', 'POWER_DENIED', /may not be written by this user/],
    ['failed', 'CAP_NOT_ENFORCEABLE', /cannot be written/],
  ] as const) {
    it(`where writing turns out to be ${problem}, applying says so`, async () => {
      const { actuators } = await findJetsonActuators(readOnly(tree.machine, problem, true), new RememberedChanges());
      const clocks = actuators.find(({ name }) => name === 'clocks') ?? assert.fail();
      const before = await clocks.readBack();
      await assert.rejects(clocks.apply((await clocks.states()).at(-1)?.name ?? ''), failing(code, text));
      assert.deepEqual(await clocks.readBack(), before);
    });
  }

  it('where the configuration is broken: told with the line, and the clocks work without it', async () => {
    tree.write('/etc/nvpmodel.conf', '< POWER_MODEL ID=x NAME=A >');
    const { names, levels, texts } = await find(tree.machine);
    assert.deepEqual(names, ['clocks']);
    assert.deepEqual(levels, ['denied', 'usable']);
    assert.match(texts[0] ?? '', /nvpmodel_t194.conf, line 1: .*not a whole number/);
  });

  it('where there is no configuration, or no program', async () => {
    tree.removeNvpmodel();
    assert.match((await find(tree.machine)).texts[0] ?? '', /the program nvpmodel is not there/);
    tree.remove('/etc/nvpmodel.conf');
    const { levels, texts } = await find(tree.machine);
    assert.deepEqual(levels, ['missing', 'usable']);
    assert.match(texts[0] ?? '', /there is no \/etc\/nvpmodel.conf/);
  });

  it('where the clocks are not there yet', async () => {
    tree.remove('/sys');
    const { levels, texts } = await find(tree.machine);
    assert.equal(levels[1], 'missing');
    assert.match(texts[1] ?? '', /may come late after a boot/);
  });

  it('on a machine that is no Jetson, though its CPU has clock limits', async () => {
    tree.remove('/proc');
    tree.remove('/etc');
    tree.remove('/sys/class');
    tree.remove('/sys/devices/17000000.gv11b');
    const { names, levels } = await find(tree.machine);
    assert.deepEqual(names, []);
    assert.deepEqual(levels, ['missing', 'missing']);
  });

  it('with sudo for some modes: those are set by exactly the permitted command, others are refused', async () => {
    const ran: string[] = [];
    const machine = withSudo(tree.machine, [0, 2], ran);
    const { actuators, findings } = await findJetsonActuators(machine, new RememberedChanges());
    const nvpmodel = actuators.find(({ name }) => name === 'nvpmodel') ?? assert.fail();
    assert.match(findings[0]?.text ?? '', /by sudo: MAXN, MODE_15W$/);
    const refused = (await nvpmodel.states()).find(({ name }) => name === 'MODE_30W_ALL');
    assert.match(refused?.refusal ?? '', /permit "nvpmodel -m 3" in the sudo rules/);
    await assert.rejects(nvpmodel.apply('MODE_30W_ALL'), failing('CAP_NOT_ENFORCEABLE', /permit "nvpmodel -m 3"/));
    ran.length = 0;
    assert.equal((await nvpmodel.apply('MODE_15W')).inForce?.name, 'MODE_15W');
    assert.deepEqual(
      ran.filter((command) => !command.includes('-l')),
      ['-n /usr/sbin/nvpmodel -m 2'],
    );
  });

  it('with sudo for a mode but not for the way back: not even tried', async () => {
    const ran: string[] = [];
    const setting = nvpmodelSetting(withSudo(tree.machine, [2], ran));
    await assert.rejects(setting.write('MODE_15W'), failing('POWER_DENIED', /permits MODE_15W, but not MAXN/));
    assert.ok(ran.every((command) => command.includes('-l')));
  });

  it('never asks sudo about a folder that stands for the machine', async () => {
    const ran: string[] = [];
    const { files, programs } = withSudo(tree.machine, [0, 2], ran);
    await findJetsonActuators({ files: { ...files, root: tree.root }, programs }, new RememberedChanges());
    assert.deepEqual(ran, []);
  });
});
