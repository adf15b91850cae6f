import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import deviceNode from '../../nodes/device/device';
import { defineNode } from '../../src/node-red/defineNode';
import type { LiveReading } from '../../nodes/device/live-reading';
import type { Device } from '../../src/power/device';
import { inspectionSchema } from '../../src/power/inspect/inspection';
import { reportText } from '../../src/power/inspect/report-text';
import type { DeviceReport } from '../../src/power/report';
import { createDeviceTree, SimulatedBoard } from '../../src/simulation/devices';
import { helper, startFlow, stopFlow, watchers } from '../support/node-helper';

/** Stands for a node that uses the device: answers every message with what it got. */
const user = defineNode({
  type: 'ecomap-test-user',
  config: z.object({ device: z.string() }),
  start(node) {
    const device = node.resource<Device>(node.config.device, 'device');
    return {
      async input(message, send) {
        const applied = await device.applyCap(Number(message.payload));
        send({
          ...message,
          payload: {
            applied,
            power: device.readPower(),
            components: device.components,
            points: device.operatingPoints.map(({ name }) => name),
          },
        });
      },
    };
  },
});

const flowWith = (settings: object) => [
  { id: 'device', type: 'ecomap-device', ...settings },
  { id: 'user', type: 'ecomap-test-user', z: 'tab', device: 'device', wires: [['out']] },
  { id: 'out', type: 'helper', z: 'tab', wires: [] },
  ...watchers(['user']),
];

interface Answer {
  applied: { enforced: string; operatingPoint: { name: string } };
  power: { source: string };
  components: { name: string; threads: number }[];
  points: string[];
}

const textsOf = (report: DeviceReport): string => report.findings.map(({ text }) => text).join('\n');

describe('device', () => {
  afterEach(stopFlow);

  it('takes the operating points of a device from a measured profile, and can be capped by them', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ecomap-profile-'));
    const file = join(directory, 'board.csv');
    const rows = ['parts,large,0.9,fast,10,30,8', 'parts,large,0.9,slow,20,14,6', 'parts,small,0.8,slow,5,12,6'];
    writeFileSync(file, ['family,variant,accuracy,operating_point,latency_ms,power_w,idle_w', ...rows].join('\n'));
    try {
      const flow = await startFlow([deviceNode, user], flowWith({ profileFile: file }));
      flow.send('user', { payload: 18 });
      const { payload } = await flow.waitFor('out');
      const answer = payload as Answer;
      assert.deepEqual(answer.points, ['fast', 'slow']);
      assert.equal(answer.applied.operatingPoint.name, 'slow');
      assert.equal(answer.power.source, 'simulated');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('offers a simulated device that can be capped', async () => {
    const flow = await startFlow([deviceNode, user], flowWith({ hardware: 'agx-xavier' }));
    flow.send('user', { payload: 18 });
    const { payload } = await flow.waitFor('out');
    const answer = payload as Answer;
    assert.equal(answer.applied.operatingPoint.name, 'MODE_30W_ALL');
    assert.equal(answer.applied.enforced, 'simulated');
    assert.equal(answer.power.source, 'simulated');
  });

  it('offers this machine, with the settings of an old flow that has none', async () => {
    const flow = await startFlow([deviceNode, user], flowWith({}));
    flow.send('user', { payload: 10_000 });
    const answer = (await flow.waitFor('out')).payload as Answer;
    assert.equal(answer.applied.enforced, 'software');
    assert.equal(answer.power.source, 'modelled');
    assert.equal(answer.points[0], 'full speed');
    assert.ok(answer.components.length >= 1);
  });

  it('takes plug readings and components by hand, numbers as text included', async () => {
    const components = '[{"name": "main", "threads": 2}]';
    const flow = await startFlow([deviceNode, user], flowWith({ idleW: '4.5', fullLoadW: '12', components }));
    flow.send('user', { payload: 9 });
    const answer = (await flow.waitFor('out')).payload as Answer;
    assert.deepEqual(
      answer.components.map(({ name, threads }) => [name, threads]),
      [['main', 2]],
    );
    assert.equal(answer.applied.operatingPoint.name, '60 % CPU quota');
  });

  it('leaves no control group behind', async function () {
    if (!existsSync('/sys/fs/cgroup/cpu')) {
      console.log('        skipped: no control groups v1 here');
      this.skip();
    }
    const flow = await startFlow([deviceNode, user], flowWith({ idleW: 4, fullLoadW: 12 }));
    flow.send('user', { payload: 8 });
    await flow.waitFor('out');
    await stopFlow();
    const left = readdirSync('/sys/fs/cgroup/cpu').filter((name) => name.startsWith(`ecomap-${process.pid}-`));
    assert.deepEqual(left, []);
  });

  for (const [what, settings, text] of [
    ['text for watts', { idleW: 'lots' }, /idleW/],
    ['negative watts', { fullLoadW: -4 }, /fullLoadW/],
    ['a full load below idle', { idleW: 20, fullLoadW: 10 }, /must be above/],
    ['an unknown hardware', { hardware: 'toaster' }, /hardware/],
    ['components that are not JSON', { components: 'cpu0' }, /not JSON/],
    ['a core that is not there', { components: [{ name: 'a', cores: [99_999] }] }, /core 99999/],
  ] as const) {
    it(`refuses ${what} and names it to whoever uses the device`, async () => {
      const flow = await startFlow([deviceNode, user], flowWith(settings));
      flow.send('user', { payload: 10 });
      const { error } = await flow.waitFor('caught');
      assert.equal(error?.code, 'INVALID_CONFIG');
      assert.match(error?.message ?? '', text);
    });
  }

  it('tells the editor what was found, deployed or not', async () => {
    await startFlow([deviceNode, user], flowWith({ hardware: 'laptop' }));
    const deployed = await helper.request().get('/ecomap/device/device/report');
    assert.equal(deployed.status, 200);
    const report = deployed.body as DeviceReport;
    assert.equal(report.now?.operatingPoint, 'clock 100 %');
    assert.match(textsOf(report), /core.* usable.*\n/);
    assert.match(textsOf(report), /Simulated device: laptop/);
    const detection = await helper.request().get('/ecomap/device-detection');
    assert.equal(detection.status, 200);
    const found = detection.body as DeviceReport;
    assert.equal(found.now, null);
    assert.equal(found.simulated, false);
    assert.match(textsOf(found), /CPU quota/);
    const missing = await helper.request().get('/ecomap/device/nobody/report');
    assert.equal(missing.status, 400);
    assert.equal((missing.body as { code: string }).code, 'INVALID_CONFIG');
    assert.equal((await helper.request().get('/ecomap/device-detection?hardware=toaster')).status, 400);
  });

  it('tells the editor what it draws, deployed or not, and never of a simulated device by sensors of this machine', async () => {
    await startFlow([deviceNode, user], flowWith({ hardware: 'laptop' }));
    const deployed = await helper.request().get('/ecomap/device-power?hardware=laptop&id=device');
    assert.equal(deployed.status, 200);
    const reading = deployed.body as LiveReading;
    assert.equal(reading.device?.source, 'simulated');
    assert.ok((reading.device?.powerW ?? 0) > 0);
    assert.deepEqual(reading.sensors, []);
    const not = (await helper.request().get('/ecomap/device-power')).body as LiveReading;
    assert.equal(not.device, null);
    assert.equal((await helper.request().get('/ecomap/device-power?hardware=toaster')).status, 400);
  });

  it('gives the editor an inspection and the same as text to paste', async function () {
    this.timeout(60_000);
    await startFlow([deviceNode, user], flowWith({}));
    const answers = await Promise.all([
      helper.request().get('/ecomap/device-inspection'),
      helper.request().get('/ecomap/device-doctor'),
    ]);
    const [inspected, doctor] = answers.map(({ status, body }) => ({ status, body: body as unknown }));
    assert.equal(inspected?.status, 200);
    const inspection = inspectionSchema.parse(inspected.body);
    assert.deepEqual(inspection.problems, []);
    const { text } = doctor?.body as { text: string };
    assert.equal(text, reportText(inspection)); // who asks at the same time shares one answer
  });

  it('shows the rails and modes of the board that stands for the machine', async function () {
    this.timeout(60_000);
    const root = mkdtempSync(join(tmpdir(), 'ecomap-board-'));
    try {
      const board = new SimulatedBoard(createDeviceTree(root, { board: 'agx-xavier', jetPack: 5 }), { noise: 0 });
      board.advance(1000);
      await startFlow([deviceNode, user], flowWith({}), { settings: { ecomap: { machineRoot: root } } });
      const { sensors } = (await helper.request().get('/ecomap/device-power?id=device')).body as LiveReading;
      assert.equal(sensors[0]?.rails.length, 6);
      assert.ok(Math.abs((sensors[0].powerW ?? 0) - board.now.powerW) < 0.05 * board.now.powerW);
      assert.equal(sensors[0].source, 'simulated');
      const inspection = inspectionSchema.parse((await helper.request().get('/ecomap/device-inspection')).body);
      assert.equal(inspection.board.id, 'jetson-agx-xavier');
      const modes = inspection.actuators.find(({ name }) => name === 'nvpmodel')?.states ?? [];
      assert.equal(modes.filter(({ inForce }) => inForce).length, 1);
      const report = (await helper.request().get('/ecomap/device/device/report')).body as DeviceReport;
      assert.match(textsOf(report), /Watts are simulated: INA3221, sum of 6 rails/);
    } finally {
      await stopFlow();
      rmSync(root, { recursive: true, force: true });
    }
  });
});
