import assert from 'node:assert/strict';
import { CarbonLedger, type LedgerOptions } from '../../../src/carbon/accounting/ledger';
import { exportLedger, type ExportFormat } from '../../../src/carbon/accounting/exports';
import { fieldOf } from '../../../src/carbon/accounting/exports/csv';
import { impactManifestOf } from '../../../src/carbon/accounting/exports/impact-manifest';
import { yamlOf } from '../../../src/carbon/accounting/exports/yaml';
import { receiptSchema } from '../../../src/signals/receipt';
import { iso, reading, telemetryWindow, tenantWindow } from './ledger-inputs';
import { FakeClock } from './provider-server';

const hourMs = 3_600_000;
const start = Date.parse('2026-11-20T12:00:00Z');
const formula = '=HYPERLINK("http://x","a")';

describe('exports of the carbon ledger', () => {
  const clock = new FakeClock(start);
  function ledgerWith(more: Partial<LedgerOptions> = {}): CarbonLedger {
    clock.set(start);
    const ledger = new CarbonLedger({ now: clock.now, ...more });
    for (let hour = 0; hour < 3; hour += 1) {
      const atMs = start + hour * hourMs;
      clock.set(atMs);
      const valid = { validFrom: iso(atMs), validTo: iso(atMs + hourMs), fetchedAt: iso(atMs) };
      // The last hour is unknown.
      ledger.onCarbon(reading(hour < 2 ? 300 + 100 * hour : null, valid));
      const byVariant = [
        { variant: 'large', accuracy: 0.95, served: 6, inTime: 6, energyJ: 7 },
        { variant: 'small', accuracy: 0.9, served: 4, inTime: 3, energyJ: 3 },
      ];
      const tenants = [tenantWindow('inspect', { byVariant }), tenantWindow(formula, { late: 2 })];
      ledger.onTelemetry(telemetryWindow(atMs, 3600, tenants, { totalJ: 3_600_000, idleJ: 3_599_980 }));
    }
    return ledger;
  }
  const exported = async (format: ExportFormat, ledger: CarbonLedger): Promise<string> => {
    const { text } = await exportLedger(format, {
      name: 'line 1 "west"',
      ledger,
      reading: reading(400, { fetchedAt: iso(start) }),
      telemetry: telemetryWindow(start, 10, []),
      nowMs: start + 60_000,
    });
    return text;
  };

  it('as CSV: a line per hour and account, nothing unknown as zero', async () => {
    const lines = (await exported('csv', ledgerWith())).split('\r\n');
    assert.equal(
      lines[0],
      'hour,account,tenant,variant,energyJ,carbonG,unknownCarbonJ,served,durationS,intensityGPerKwh,signal,basis,quality,provisional',
    );
    assert.equal(lines.at(-1), '');
    assert.ok(
      lines.includes('2026-11-20T12:00:00.000Z,total,,,3600000,300,0,20,3600,300,average,lifecycle,measured,false'),
    );
    const unknown = lines.find((line) => line.startsWith('2026-11-20T14:00:00.000Z,total'));
    assert.equal(unknown, '2026-11-20T14:00:00.000Z,total,,,3600000,,3600000,20,3600,,,,unknown,true');
    assert.equal(lines.filter((line) => line.includes(',variant,inspect,small,')).length, 3);
    assert.equal(lines.filter((line) => line.includes('always-max') || line.includes('against')).length, 0);
    assert.ok(lines.some((line) => line.includes(`,tenant,"'=HYPERLINK(""http://x"",""a"")",,`)));
  });

  const fields: [value: string | number | null, field: string][] = [
    ['plain', 'plain'],
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@sum', "'@sum"],
    ['\t=1', `"'\t=1"`],
    ['\r=1', `"'\r=1"`],
    ['  =1', "'  =1"],
    ['\uff1d1', "'\uff1d1"],
    ['\ufeff=1', "'\ufeff=1"],
    ['|calc', "'|calc"],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\nb', '"a\nb"'],
    ['a=b', 'a=b'],
    [-1.5, '-1.5'],
    [null, ''],
  ];
  for (const [value, field] of fields) {
    it(`writes ${JSON.stringify(value)} so that no spreadsheet computes it`, () => {
      assert.equal(fieldOf(value), field);
    });
  }

  it('as JSON: the receipt and the hours', async () => {
    const ledger = ledgerWith();
    const { receipt, hours, ledger: name } = JSON.parse(await exported('json', ledger)) as Record<string, unknown>;
    assert.equal(name, 'line 1 "west"');
    assert.deepEqual(receiptSchema.parse(receipt), ledger.receipt());
    const records = hours as { account: string; carbonG: number | null; hour: string }[];
    const totals = records.filter(({ account }) => account === 'total');
    assert.deepEqual(
      totals.map(({ hour, carbonG }) => [hour.slice(11, 13), carbonG]),
      [
        ['12', 300],
        ['13', 400],
        ['14', null],
      ],
    );
  });

  it('tells the audit whose numbers these are, and how good', async () => {
    const { audit, tenants } = ledgerWith().receipt();
    assert.deepEqual(audit?.grids, [
      {
        provider: 'test',
        zone: 'X',
        signal: 'average',
        basis: 'lifecycle',
        attribution: 'a test',
        version: null,
        datasetYear: null,
      },
    ]);
    assert.deepEqual(audit?.timeByQuality, { measured: 2 / 3, unknown: 1 / 3 });
    assert.deepEqual(audit?.energyBySource, { modelled: 1 });
    const [small] = tenants[0]?.variants.filter(({ variant }) => variant === 'small') ?? [];
    assert.deepEqual([small?.served, small?.inTime, small?.energyJ], [12, 9, 9]);
    assert.ok(Math.abs((small?.carbonPerInferenceG ?? 0) - ((3 / 3_600_000) * 700) / 8) < 1e-15);
  });

  it('as a manifest of the Impact Framework: one observation, whose product is the grams', async () => {
    const ledger = ledgerWith({ embodied: { totalKg: 50, lifetimeYears: 5, reservedShare: 1 } });
    const receipt = ledger.receipt();
    const manifest = impactManifestOf({ name: 'x', receipt, rows: ledger.rows() });
    const child = manifest.tree.children['average, lifecycle'];
    assert.deepEqual(child?.pipeline.compute, ['operational-carbon', 'carbon-with-embodied', 'sci']);
    const [input] = child.inputs;
    assert.equal(child.inputs.length, 1);
    assert.ok(input !== undefined);
    assert.deepEqual([input.timestamp, input.duration, input.energy, input.inferences], [iso(start), 7200, 2, 40]);
    assert.ok(Math.abs(input.energy * input['grid/carbon-intensity'] - 700) < 1e-9);
    const expected = (50_000 / (5 * 365.25 * 24)) * 2;
    assert.ok(Math.abs((input['carbon-embodied'] ?? 0) - expected) < 1e-9);
    assert.deepEqual(Object.keys(manifest.initialize.plugins), child.pipeline.compute);
    const text = await exported('impact-framework', ledger);
    assert.match(text, /^"name": "line 1 \\"west\\""\n/);
    assert.match(text, /\n {6}"inputs":\n {8}- "timestamp": "2026-11-20T12:00:00.000Z"\n {10}"duration": 7200\n/);
  });

  it('leaves the embodied term and the functional unit out of a manifest rather than write 0', async () => {
    clock.set(start);
    const ledger = new CarbonLedger({ now: clock.now });
    ledger.onCarbon(reading(300));
    ledger.onTelemetry(telemetryWindow(start, 60, [], { totalJ: 50, idleJ: 50 }));
    const { tree, initialize } = impactManifestOf({ name: 'x', receipt: ledger.receipt(), rows: ledger.rows() });
    const child = tree.children['average, lifecycle'];
    assert.deepEqual(child?.pipeline.compute, ['operational-carbon']);
    assert.equal('inferences' in (child.inputs[0] ?? {}), false);
    assert.equal('carbon-embodied' in (child.inputs[0] ?? {}), false);
    assert.equal(initialize.plugins['operational-carbon']?.config['output-parameter'], 'carbon');
  });

  it('makes no manifest while no grams are known', async () => {
    const ledger = new CarbonLedger({ now: clock.now });
    await assert.rejects(exported('impact-framework', ledger), { code: 'CARBON_UNKNOWN' });
  });

  it('for Prometheus: base units, labels escaped, nothing for what is unknown', async () => {
    const text = await exported('prometheus', ledgerWith());
    const sample = (start: string): string | undefined =>
      text.split('\n').find((line) => line.startsWith(start.replace('{', '{ledger="line 1 \\"west\\"",')));
    assert.equal(sample('ecomap_energy_joules_total{tenant="inspect"}')?.split(' ').at(-1), '30');
    assert.ok(sample('ecomap_energy_joules_total{tenant="=HYPERLINK(\\"http://x\\",\\"a\\")"}'));
    assert.match(text, /# TYPE ecomap_energy_joules_total counter\n/);
    assert.match(text, /# TYPE ecomap_carbon_grams_total gauge\n/);
    assert.match(text, /ecomap_device_carbon_grams_total\{ledger="line 1 \\"west\\""\} 700\n/);
    assert.match(text, /ecomap_carbon_intensity_grams_per_kilowatt_hour\{[^}]*zone="X"[^}]*\} 400\n/);
    assert.match(text, /ecomap_carbon_data_age_seconds\{[^}]*\} 60\n/);
    assert.match(text, /ecomap_power_watts\{[^}]*method="modelled"\} 5\n/);
    assert.match(text, /ecomap_slo_missed_total\{[^}]*HYPERLINK[^}]*\} 6\n/);
    assert.doesNotMatch(text, /ecomap_power_limit_watts/, 'there is no cap');
    assert.doesNotMatch(text, /NaN|null|undefined/);
    for (const line of text
      .trim()
      .split('\n')
      .filter((one) => !one.startsWith('#'))) {
      assert.match(line, /^ecomap_[a-z_]+\{([a-z]+="(\\.|[^"\\])*",?)*\} -?[0-9.e+-]+$/);
    }
    const empty = await exported('prometheus', new CarbonLedger({ now: clock.now }));
    assert.doesNotMatch(empty, /carbon_grams/);
  });

  it('writes YAML that says what it means', async () => {
    const text = yamlOf({ a: 'x: #y', b: [1, { c: null, d: [] }], e: {}, f: ['- z'], g: true, h: { i: { j: 1e-9 } } });
    assert.equal(
      text,
      [
        '"a": "x: #y"',
        '"b":',
        '  - 1',
        '  - "c": null',
        '    "d": []',
        '"e": {}',
        '"f":',
        '  - "- z"',
        '"g": true',
        '"h":',
        '  "i":',
        '    "j": 1e-9',
        '',
      ].join('\n'),
    );
  });
});
