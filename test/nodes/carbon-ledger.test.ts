import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import carbonLedger from '../../nodes/carbon-ledger/carbon-ledger';
import { defineNode } from '../../src/node-red/defineNode';
import { receiptSchema, type Receipt } from '../../src/signals/receipt';
import { helper, startFlow, stopFlow, watchers, type CaughtMessage, type TestFlow } from '../support/node-helper';
import { reading, telemetryWindow, tenantWindow } from '../unit/carbon/ledger-inputs';

const receiptOf = (message: CaughtMessage): Receipt => receiptSchema.parse(message.payload);
const isReceipt = (message: CaughtMessage): boolean => message.topic === 'ecomap/receipt';

describe('carbon-ledger node', () => {
  afterEach(async () => {
    // A node that is removed leaves nothing to its successor in the next test; one that is only stopped does.
    await helper.setFlows([], 'full');
    await stopFlow();
  });

  const flowOf = (config: object): object[] =>
    [
      { id: 'ledger', type: 'ecomap-carbon-ledger', z: 'tab', ...config, wires: [['receipts'], ['numbers']] },
      { id: 'receipts', type: 'helper', z: 'tab', wires: [] },
      { id: 'numbers', type: 'helper', z: 'tab', wires: [] },
      ...watchers(['ledger']),
    ].map((node) => ({ x: 100, y: 100, ...node }));
  const flowWith = (config: object = {}): Promise<TestFlow> => startFlow([carbonLedger], flowOf(config));
  /** A window a minute ahead: whatever reading was sent before it is in force in all of it. */
  const telemetry = (more: Parameters<typeof tenantWindow>[1] = {}): Record<string, unknown> => ({
    topic: 'ecomap/telemetry',
    payload: telemetryWindow(Date.now() + 60_000, 10, [tenantWindow('inspect', more)]),
  });

  it('answers telemetry with a receipt and with numbers for charts', async () => {
    const flow = await flowWith();
    flow.send('ledger', { topic: 'ecomap/carbon', payload: reading(360) });
    flow.send('ledger', { ...telemetry(), other: 'kept' });
    const message = await flow.waitFor('receipts');
    const receipt = receiptOf(message);
    assert.equal(message.topic, 'ecomap/receipt');
    assert.equal(message.other, 'kept');
    assert.equal(receipt.total.energyJ, 50);
    assert.ok(Math.abs((receipt.total.carbonG ?? 0) - 0.005) < 1e-12);
    await flow.waitFor('numbers', ({ topic }) => topic === 'requests/inspect');
    assert.deepEqual(
      flow.received('numbers').flatMap(({ topic }) => (/^(tenant-carbon|readings)/.test(String(topic)) ? [topic] : [])),
      ['tenant-carbon/inspect', 'readings/measured'],
    );
    const numbers = new Map(flow.received('numbers').map(({ topic, payload }) => [topic, payload]));
    assert.equal(numbers.get('intensity/carbon intensity'), 360);
    assert.equal(numbers.get('power/power'), 5);
    assert.equal(numbers.get('energy/energy'), 50);
    assert.equal(numbers.get('latency/inspect'), 30);
    assert.equal(numbers.get('latency/inspect limit'), 50);
    assert.equal(numbers.get('accuracy/inspect'), 90);
    assert.equal(numbers.get('attainment/inspect'), 100);
    assert.equal(numbers.get('requests/inspect'), 1);
    assert.equal(numbers.get('tenant-carbon/inspect'), receipt.tenants[0]?.carbonG);
    assert.equal(numbers.get('carbon/idle'), receipt.idle.carbonG);
    assert.equal(numbers.get('readings/measured'), 100);
    assert.ok(!numbers.has('power/cap'), 'there is no cap, so there is no number for it');
    for (const one of flow.received('numbers')) {
      assert.equal(typeof one.payload, 'number');
      assert.equal(typeof one.timestamp, 'number');
    }
    const status = await flow.waitFor('statuses', ({ status }) => status?.text === 'status.milligrams');
    assert.equal(status.status?.fill, 'green');
    await flow.waitFor('completed', () => flow.received('completed').length === 2);
  });

  it('shows that grams are unknown rather than zero', async () => {
    const flow = await flowWith();
    flow.send('ledger', telemetry());
    const receipt = receiptOf(await flow.waitFor('receipts'));
    assert.equal(receipt.total.carbonG, null);
    assert.equal(receipt.coverage.unaccountedEnergyJ, 50);
    assert.ok(!flow.received('numbers').some(({ topic }) => /^(carbon|tenant-carbon)\//.test(String(topic))));
    const status = await flow.waitFor('statuses', ({ status }) => status?.text === 'status.carbonUnknown');
    assert.equal(status.status?.fill, 'yellow');
  });

  const bad: [name: string, message: Record<string, unknown>, says: RegExp][] = [
    ['no topic', { payload: 1 }, /msg\.topic is missing: this node takes ecomap\/carbon or ecomap\/telemetry/],
    ['another topic', { topic: 'ecomap/plan', payload: {} }, /ecomap\/plan/],
    ['a payload that is text', { topic: 'ecomap/telemetry', payload: 'x'.repeat(1_000_000) }, /ecomap\/telemetry/],
    ['a null intensity left out', { topic: 'ecomap/carbon', payload: {} }, /intensityGPerKwh/],
    [
      'NaN joules',
      { ...{ topic: 'ecomap/telemetry' }, payload: telemetryWindow(0, 10, [], { totalJ: Number.NaN }) },
      /energy\.totalJ/,
    ],
  ];
  for (const [name, message, says] of bad) {
    it(`refuses ${name} with INVALID_MESSAGE and goes on`, async () => {
      const flow = await flowWith();
      flow.send('ledger', message);
      const caught = await flow.waitFor('caught');
      assert.equal(caught.error?.code, 'INVALID_MESSAGE');
      assert.match(caught.error?.message ?? '', says);
      assert.ok((caught.error?.message ?? '').length < 1000);
      flow.send('ledger', telemetry());
      assert.equal(receiptOf(await flow.waitFor('receipts')).total.served, 10);
    });
  }

  it('begins a new account on ecomap/reset', async () => {
    const flow = await flowWith();
    flow.send('ledger', telemetry());
    await flow.waitFor('receipts');
    flow.send('ledger', { topic: 'ecomap/reset', mine: 'kept' });
    const reset = await flow.waitFor('receipts', (message) => message.mine === 'kept');
    assert.equal(receiptOf(reset).total.served, 0);
    flow.send('ledger', telemetry());
    const after = await flow.waitFor('receipts', () => flow.received('receipts').length === 3);
    assert.ok(isReceipt(after));
    assert.equal(receiptOf(flow.received('receipts')[2] ?? {}).total.served, 10);
  });

  describe('exports its account', () => {
    const starts: [format: string, begins: RegExp, type: RegExp][] = [
      ['csv', /^hour,account,tenant,/, /^text\/csv/],
      ['json', /^\{\n {2}"format": "ecomap-ledger"/, /^application\/json/],
      ['impact-framework', /^"name": "west line"\n/, /^application\/yaml/],
      ['prometheus', /^# HELP ecomap_energy_joules_total/, /^text\/plain;.* version=0\.0\.4/],
    ];
    async function accounted(): Promise<TestFlow> {
      const flow = await flowWith({ name: 'west line' });
      flow.send('ledger', { topic: 'ecomap/carbon', payload: reading(360) });
      flow.send('ledger', telemetry());
      await flow.waitFor('receipts');
      return flow;
    }

    it('on a message, as text with a file name', async () => {
      const flow = await accounted();
      for (const [format, begins, type] of starts) {
        flow.send('ledger', { topic: 'ecomap/export', payload: { format }, mine: format });
        const answer = await flow.waitFor('receipts', ({ mine }) => mine === format);
        assert.match(String(answer.payload), begins);
        assert.match(String(answer.contentType), type);
        assert.match(String(answer.filename), /^ecomap-ledger-.*\.(csv|json|yaml|prom)$/);
        assert.deepEqual([answer.topic, answer.format], ['ecomap/export', format]);
      }
      flow.send('ledger', { topic: 'ecomap/export', payload: 'csv', filename: 'mine.csv', mine: 'short' });
      const named = await flow.waitFor('receipts', ({ mine }) => mine === 'short');
      assert.equal(named.filename, 'mine.csv');
    });

    for (const payload of [undefined, 'xlsx', {}, { format: 'toString' }]) {
      it(`refuses the format ${JSON.stringify(payload)}`, async () => {
        const flow = await flowWith();
        flow.send('ledger', { topic: 'ecomap/export', payload });
        assert.equal((await flow.waitFor('caught')).error?.code, 'INVALID_MESSAGE');
      });
    }

    it('says CARBON_UNKNOWN rather than score nothing', async () => {
      const flow = await flowWith();
      flow.send('ledger', { topic: 'ecomap/export', payload: 'impact-framework' });
      assert.equal((await flow.waitFor('caught')).error?.code, 'CARBON_UNKNOWN');
    });

    it('over the admin interface, where it asks for a permission', async () => {
      await accounted();
      for (const [format, begins, type] of starts) {
        const answer = (await helper.request().get(`/ecomap/carbon-ledger/ledger/export/${format}`)) as unknown as {
          status: number;
          text?: string;
          body: unknown;
          headers: Record<string, string>;
        };
        assert.equal(answer.status, 200);
        assert.match(answer.headers['content-type'] ?? '', type);
        assert.match(answer.headers['content-disposition'] ?? '', /^attachment; filename="ecomap-ledger-/);
        assert.equal(answer.headers['x-content-type-options'], 'nosniff');
        if (answer.text !== undefined) assert.match(answer.text, begins);
      }
      assert.equal((await helper.request().get('/ecomap/carbon-ledger/ledger/metrics')).status, 200);
      const missing = await helper.request().get('/ecomap/carbon-ledger/nobody/export/csv');
      assert.equal(missing.status, 400);
      assert.match(JSON.stringify(missing.body), /INVALID_CONFIG.*deploy the flow/);
      assert.equal((await helper.request().get('/ecomap/carbon-ledger/ledger/export/xlsx')).status, 400);
    });
  });

  it('adds embodied carbon to the SCI only where it is set', async () => {
    const plain = await flowWith();
    plain.send('ledger', { topic: 'ecomap/carbon', payload: reading(360) });
    plain.send('ledger', telemetry());
    assert.equal(receiptOf(await plain.waitFor('receipts')).sci?.covers, 'operational only');
    await stopFlow();
    const flow = await flowWith({ embodiedKg: '50', lifetimeYears: '5', reservedPct: '20' });
    flow.send('ledger', { topic: 'ecomap/carbon', payload: reading(360) });
    flow.send('ledger', telemetry());
    const { sci } = receiptOf(await flow.waitFor('receipts'));
    assert.equal(sci?.covers, 'operational and embodied');
    assert.ok(Math.abs((sci.embodiedG ?? 0) - (50_000 * 10 * 0.2) / (5 * 365.25 * 86_400)) < 1e-12);
  });

  for (const config of [
    { embodiedKg: '50' },
    { lifetimeYears: '5' },
    { embodiedKg: '-1', lifetimeYears: '5' },
    { retentionDays: '0' },
    { reservedPct: '0' },
  ]) {
    it(`does not start with ${JSON.stringify(config)}`, async () => {
      const flow = await flowWith(config);
      flow.send('ledger', telemetry());
      assert.equal((await flow.waitFor('caught')).error?.code, 'INVALID_CONFIG');
    });
  }

  it('shows a sum over several signals or bases in yellow', async () => {
    const flow = await flowWith();
    flow.send('ledger', { topic: 'ecomap/carbon', payload: reading(360) });
    flow.send('ledger', telemetry());
    await flow.waitFor('receipts');
    flow.send('ledger', { topic: 'ecomap/carbon', payload: reading(360, { basis: 'direct' }) });
    flow.send('ledger', telemetry());
    const status = await flow.waitFor('statuses', ({ status }) => status?.text === 'status.mixed');
    assert.equal(status.status?.fill, 'yellow');
  });

  it('writes a line about the loop into the log', async () => {
    const flow = await flowWith({ logEveryS: '0.2' });
    flow.send('ledger', { topic: 'ecomap/carbon', payload: reading(312) });
    flow.send('ledger', telemetry());
    await flow.waitFor('receipts');
    const deadline = Date.now() + 3000;
    const line = (): string | undefined =>
      helper
        .log()
        .args.map(([entry]) => JSON.stringify(entry))
        .find((text) => text.includes('grid 312'));
    while (line() === undefined && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.match(
      line() ?? '',
      /grid 312 g\/kWh \(measured\) \| no cap, 5\.0 W modelled at full \| inspect: large 30\/50 ms \| 10 served, 50\.0 J modelled, 4\.33 mg/,
    );
  });

  describe('that keeps its account', () => {
    let folder = '';
    /** Tells where the user directory of the running flow is. */
    const probe = defineNode({
      type: 'ecomap-probe',
      config: z.object({}),
      start(node) {
        folder = join(node.stateDirectory, 'ecomap');
        return {};
      },
    });
    const keeping = [
      ...flowOf({ persist: true }),
      { id: 'probe', type: 'ecomap-probe', z: 'tab', x: 100, y: 100, wires: [] },
    ];
    const redeploy = (): Promise<void> =>
      helper.setFlows([{ id: 'tab', type: 'tab', label: 'test' }, ...keeping], 'full');
    const ledgerFiles = async (): Promise<string[]> =>
      (await readdir(folder)).filter((file) => file.startsWith('ledger-'));
    async function receiptAfterTelemetry(flow: TestFlow): Promise<Receipt> {
      const next = new Promise<CaughtMessage>((resolve) => flow.node('receipts').on('input', resolve));
      flow.send('ledger', telemetry());
      return receiptOf(await next);
    }

    it('goes on with it after a redeploy', async () => {
      const flow = await startFlow([carbonLedger, probe], keeping);
      await receiptAfterTelemetry(flow);
      await helper.setFlows([], 'full');
      assert.deepEqual(await ledgerFiles(), ['ledger-ledger.jsonl']);
      assert.match(await readFile(join(folder, 'ledger-ledger.jsonl'), 'utf8'), /^2 [0-9a-f]{8} \{"kind":"/);
      await redeploy();
      assert.equal((await receiptAfterTelemetry(flow)).total.served, 20);
    });

    it('keeps it under a name that outlives the node', async () => {
      const named = keeping.map((node) => ('persist' in node ? { ...node, file: 'west' } : node));
      const flow = await startFlow([carbonLedger, probe], named);
      await receiptAfterTelemetry(flow);
      await helper.setFlows([], 'full');
      assert.deepEqual(await ledgerFiles(), ['ledger-west.jsonl']);
    });

    it('does not let two ledgers write one file', async () => {
      const flow = await startFlow(
        [carbonLedger, probe],
        [
          ...keeping.map((node) => ('persist' in node ? { ...node, file: 'west' } : node)),
          {
            id: 'second',
            type: 'ecomap-carbon-ledger',
            z: 'tab',
            x: 1,
            y: 1,
            persist: true,
            file: 'west',
            wires: [[], []],
          },
        ],
      );
      flow.send('second', telemetry());
      const caught = await flow.waitFor('caught');
      assert.equal(caught.error?.code, 'INVALID_CONFIG');
      assert.match(caught.error?.message ?? '', /Another ledger keeps its account/);
      await receiptAfterTelemetry(flow);
    });

    it('knows the intensity in force after it alone was deployed anew', async () => {
      const flow = await startFlow([carbonLedger, probe], keeping);
      flow.send('ledger', { topic: 'ecomap/carbon', payload: reading(321) });
      await receiptAfterTelemetry(flow);
      await redeploy();
      assert.equal((await receiptAfterTelemetry(flow)).carbon.intensityGPerKwh, 321);
    });

    it('starts afresh when the file is damaged, with a warning, and keeps the damaged one', async () => {
      const flow = await startFlow([carbonLedger, probe], keeping);
      await helper.setFlows([], 'full');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'ledger-ledger.json'), '{"version":1,"fro');
      await redeploy();
      assert.equal((await receiptAfterTelemetry(flow)).total.served, 10);
      assert.ok((await ledgerFiles()).some((file) => file.includes('.unreadable-')));
      assert.ok(helper.log().args.some(([entry]) => JSON.stringify(entry).includes('starts afresh')));
    });

    it('does not keep one that a message reset', async () => {
      const flow = await startFlow([carbonLedger, probe], keeping);
      await receiptAfterTelemetry(flow);
      flow.send('ledger', { topic: 'ecomap/reset' });
      await flow.waitFor('receipts', () => flow.received('receipts').length === 2);
      await redeploy();
      assert.equal((await receiptAfterTelemetry(flow)).total.served, 10);
    });
  });
});
