import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Trees, type SimulatedMachine } from './trees';

/** The first line; the program goes on until it is ended. */
function line({ tree }: SimulatedMachine): Promise<string> {
  const child = spawn(join(tree.programFolder, 'tegrastats'), ['--interval', '60000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    let text = '';
    child.on('error', reject);
    child.on('close', () => {
      resolve(text.split('\n')[0] ?? '');
    });
    child.stdout.on('data', (part: Buffer) => {
      text += part.toString();
      if (text.includes('\n')) child.kill();
    });
  });
}

describe('the tegrastats of a simulated device', () => {
  const trees = new Trees();
  afterEach(() => {
    trees.remove();
  });

  it('JetPack 4: no date, no units, cores that are off', async () => {
    const machine = trees.make({ board: 'agx-xavier', jetPack: 4 });
    machine.board.setWorkload({ gpu: 1 });
    machine.board.advance(1000);
    assert.match(
      await line(machine),
      /^RAM \d+\/31919MB \(lfb \d+x4MB\) SWAP 0\/\d+MB \(cached 0MB\) CPU \[0%@1190,0%@1190,0%@1190,0%@1190,off,off,off,off\] EMC_FREQ \d+% GR3D_FREQ 100% CPU@\S+C .*GPU (\d+)\/\1 CPU (\d+)\/\2 SOC \d+\/\d+ CV 0\/0 VDDRQ \d+\/\d+ SYS5V \d+\/\d+$/,
    );
  });

  it('JetPack 5: date, units, clocks', async () => {
    const xavier = trees.make({ board: 'agx-xavier', jetPack: 5 });
    assert.match(await line(xavier), /^\d\d-\d\d-\d{4} \d\d:\d\d:\d\d RAM .* GR3D_FREQ 0%@114 .* SYS5V \d+mW\/\d+mW$/);
    const orin = trees.make({ board: 'agx-orin', jetPack: 5 });
    assert.match(
      await line(orin),
      /GR3D_FREQ 0%@\[306,306\] .* VIN_SYS_5V0 \d+mW\/\d+mW VDDQ_VDD2_1V8AO \d+mW\/\d+mW$/,
    );
  });

  it('JetPack 6: units that are off, small letters, only the rails that count', async () => {
    const orin = trees.make({ board: 'agx-orin', jetPack: 6 });
    assert.match(
      await line(orin),
      /NVDEC off .* NVDLA1 off .* tj@\S+C VDD_GPU_SOC \d+mW\/\d+mW VDD_CPU_CV \d+mW\/\d+mW VIN_SYS_5V0 \d+mW\/\d+mW$/,
    );
    const nano = trees.make({ board: 'orin-nano-8gb', jetPack: 6 });
    nano.board.faults.breakRail('VDD_SOC');
    assert.match(await line(nano), /GR3D_FREQ 0%@\[306\] .* VDD_IN \d+mW\/\d+mW VDD_CPU_GPU_CV \d+mW\/\d+mW$/);
  });
});
