import assert from 'node:assert/strict';
import { openNvidiaSmi, parseNvidiaSmi } from '../../../../src/power/meters/sensors/nvidia-smi';
import { PiPmicSensor, parsePmic } from '../../../../src/power/meters/sensors/pi-pmic';
import { ManualClock } from '../fakes';
import { MachineTree } from './machine-tree';

let tree: MachineTree;
beforeEach(() => {
  tree = new MachineTree();
});
afterEach(() => {
  tree.remove();
});

describe('nvidia-smi', () => {
  it('is understood, with names that hold commas and with power that is not told', () => {
    assert.deepEqual(parseNvidiaSmi('1, 0, 73.57, NVIDIA RTX, the big one'), {
      count: 1,
      rail: { name: 'GPU 0 (NVIDIA RTX, the big one)', inTotal: true, powerW: 73.57, problem: null },
    });
    for (const text of ['[N/A]', '[Not Supported]', '[Unknown Error]']) {
      const rail = parseNvidiaSmi(`1, 0, ${text}, NVIDIA GeForce`)?.rail;
      assert.equal(rail?.powerW, null);
      assert.ok(rail?.problem?.includes(text));
    }
    assert.equal(parseNvidiaSmi('1, 0, 99999.00, NVIDIA H100')?.rail.powerW, null);
    for (const line of ['', 'No devices were found', 'Unable to determine the device handle for GPU0: Unknown Error'])
      assert.equal(parseNvidiaSmi(line), null);
  });

  async function open(script: string) {
    tree.install('nvidia-smi', script);
    const sensor = openNvidiaSmi(tree.programs, new ManualClock());
    await sensor.settle();
    return sensor;
  }

  it('runs on in the background and gives the sum once all GPUs have spoken', async () => {
    const sensor = await open('echo "2, 0, 100.50, A"; echo "2, 1, 60.25, B"; echo "2, 0, 1.00, A"; exec sleep 60');
    assert.equal((await sensor.sample()).powerW, 160.75);
    assert.equal(sensor.method, 'nvidia-smi, sum of 2 GPUs');
    assert.equal(sensor.scope, 'package');
    await sensor.close();
  });

  it('has no total when one GPU does not tell', async () => {
    const sensor = await open('echo "2, 0, 100.50, A"; echo "2, 1, [N/A], B"; exec sleep 60');
    const { powerW, rails } = await sensor.sample();
    assert.equal(powerW, null);
    assert.deepEqual(
      rails.map((rail) => rail.powerW),
      [100.5, null],
    );
    await sensor.close();
  });

  it('says why it gives nothing', async () => {
    const sensor = await open(
      'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9',
    );
    assert.match(sensor.problem ?? '', /exit code 9.*driver/);
    await sensor.close();
  });
});

// A Raspberry Pi 5 at idle.
const pmicIdle = ` 3V7_WL_SW_A current(0)=0.07709848A
   3V3_SYS_A current(1)=0.04782057A
   1V8_SYS_A current(2)=0.11515970A
  DDR_VDD2_A current(3)=0.00780744A
  DDR_VDDQ_A current(4)=0.00000000A
   1V1_SYS_A current(5)=0.17664330A
    0V8_SW_A current(6)=0.33084030A
  VDD_CORE_A current(7)=0.94657990A
   3V3_DAC_A current(17)=0.00146520A
   3V3_ADC_A current(18)=0.00140415A
   0V8_AON_A current(16)=0.00494505A
      HDMI_A current(22)=0.01697190A
 3V7_WL_SW_V volt(8)=3.69049700V
   3V3_SYS_V volt(9)=3.29982600V
   1V8_SYS_V volt(10)=1.79633500V
  DDR_VDD2_V volt(11)=1.10805800V
  DDR_VDDQ_V volt(12)=0.60329610V
   1V1_SYS_V volt(13)=1.10146400V
    0V8_SW_V volt(14)=0.80219700V
  VDD_CORE_V volt(15)=0.72097620V
   3V3_DAC_V volt(20)=3.30402600V
   3V3_ADC_V volt(21)=3.29670000V
   0V8_AON_V volt(19)=0.79941320V
      HDMI_V volt(23)=5.11612000V
     EXT5V_V volt(24)=5.11478000V
      BATT_V volt(25)=0.01880340V`;

describe('the power management chip of a Raspberry Pi 5', () => {
  const clock = new ManualClock();

  function say(text: string): PiPmicSensor {
    tree.put('/pmic.txt', text);
    tree.install('vcgencmd', `test "$*" = pmic_read_adc && cat "${tree.root}/pmic.txt"`);
    return new PiPmicSensor(tree.programs, clock);
  }

  it('has twelve rails, whose sum gives the power at the input', async () => {
    const { powerW, rails } = await say(pmicIdle).sample();
    assert.equal(rails.length, 12);
    const core = rails.find(({ name }) => name === 'VDD_CORE')?.powerW ?? NaN;
    assert.ok(Math.abs(core - 0.9465799 * 0.7209762) < 1e-9);
    assert.ok(powerW !== null && Math.abs(powerW - 2.76) < 0.01, `${powerW}`);
  });

  for (const [text, change] of [
    ['a rail without its voltage', (line: string) => line.replace(/^.*VDD_CORE_V.*$/m, '')],
    ['a rail without its current', (line: string) => line.replace(/^.*VDD_CORE_A.*$/m, '')],
    ['a negative current', (line: string) => line.replace('=0.94657990A', '=-0.94657990A')],
    ['a current that is no number', (line: string) => line.replace('=0.94657990A', '=nanA')],
    ['an absurd current', (line: string) => line.replace('=0.94657990A', '=9465.0A')],
  ] as const) {
    it(`has no total with ${text}`, async () => {
      const sensor = say(pmicIdle);
      await sensor.sample();
      tree.put('/pmic.txt', change(pmicIdle));
      const { powerW, rails } = await sensor.sample();
      assert.equal(powerW, null);
      const core = rails.find(({ name }) => name === 'VDD_CORE');
      assert.equal(core?.powerW, null);
      assert.notEqual(core.problem, null);
    });
  }

  it('says what the tool said when it gave nothing', async () => {
    const sensor = say('VCHI initialization failed');
    assert.equal((await sensor.sample()).powerW, null);
    assert.match(sensor.lastWords, /VCHI/);
    assert.deepEqual(parsePmic('error=1 error_msg="Command not registered"'), []);
  });
});
