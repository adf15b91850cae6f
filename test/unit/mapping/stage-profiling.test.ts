import assert from 'node:assert/strict';
import { ProfileStore } from '../../../src/mapping/profiles/store';
import {
  ensureStageProfiles,
  recallStageProfiles,
  type StageProfilingOptions,
} from '../../../src/mapping/profiles/stage-profiling';
import { ProfileTable } from '../../../src/mapping/profiles/table';
import type { ModelDescription } from '../../../src/models/description/model-description';
import { EcomapError } from '../../../src/signals/errors';
import type { Profile, ProfileRequest } from '../../../src/signals/profile';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { components, device, operatingPoint, profile, tenant, type VariantRow } from '../../support/planning-fixtures';

const hashFile = async (path: string) => Buffer.from(path).toString('hex').padEnd(64, '0').slice(-64);

/** A model that can be cut in its middle. */
const description = {
  macs: 1_000_000,
  bytesMoved: 1000,
  inputBytes: 100,
  runDims: { x: [1, 3] },
  cuts: [
    {
      firstNode: 5,
      label: '',
      crossing: [{ name: 't', type: 'float32', dims: [1, 7], bytes: 28 }],
      bytes: 100,
      macsBefore: 0.5,
      movedBefore: 500,
    },
  ],
} as unknown as ModelDescription;

/** One that is worth cutting, and one that is not. */
const rows: readonly VariantRow[] = [
  ['full', 0.98, 30],
  ['tiny', 0.85, 1],
];
const runMs: Readonly<Record<string, number>> = { full: 30, tiny: 1 };

describe('ensureStageProfiles', () => {
  let directory: string;
  let table: ProfileTable;
  let warnings: string[];
  /** What was measured, in order. */
  let measured: string[];
  /** Milliseconds of the anchor on each class. */
  let anchorMs: Record<string, number>;
  let anchors: number;
  /** Called before each measurement. */
  let before: (what: string) => void;
  const parts = components(2, ['big', 'little']);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-stages-'));
    warnings = [];
    measured = [];
    anchorMs = { big: 1, little: 2 };
    anchors = 0;
    before = () => undefined;
    forget();
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** As after a start: each variant has its quick profile. */
  function forget(): void {
    table = new ProfileTable();
    for (const [variant, , ms] of rows) {
      for (const componentClass of ['big', 'little']) table.set('inspect', variant, profile(ms, { componentClass }));
    }
  }

  const measure = async ({
    path,
    component,
    stage,
    inputDims,
    sha256,
    dims,
    operatingPoint: point,
    thorough,
    signal,
  }: ProfileRequest) => {
    const variant = path.includes('full') ? 'full' : 'tiny';
    const what = `${variant}${stage === undefined ? '' : `@${stage.firstNode}`} ${component.componentClass}`;
    before(what);
    signal?.throwIfAborted();
    measured.push(what);
    const fed = stage === undefined ? undefined : { x: [1, 3], ...(stage.firstNode === 5 && { t: [1, 7] }) };
    assert.deepEqual(inputDims, fed);
    const ms = (runMs[variant] ?? 0) * (stage === undefined ? 1 : 0.5);
    const found: Profile = profile(ms, {
      modelSha256: sha256 ?? '',
      componentClass: component.componentClass,
      dims: dims && [...dims],
      anchorLatencyMs: anchorMs[component.componentClass],
      ...(stage && { stage }),
      ...(point && { operatingPoint: point }),
      ...(thorough === true && { thorough }),
    });
    return found;
  };
  const optionsWith = (more: Partial<StageProfilingOptions> = {}): StageProfilingOptions => ({
    device: device(parts),
    tenants: [tenant('inspect', rows)],
    // A new one each time, as after a restart.
    store: new ProfileStore({ directory, warn: (text) => warnings.push(text) }),
    runner: {
      measure,
      anchorLatencyMs: async ({ componentClass }) => {
        anchors += 1;
        const ms = anchorMs[componentClass];
        if (ms === undefined) throw new EcomapError('RUNTIME_UNAVAILABLE', 'there is no such thing');
        return ms;
      },
    },
    describe: async () => description,
    table,
    warn: (text) => warnings.push(text),
    hashFile,
    ...more,
  });
  const everything = [
    ...['tiny big', 'tiny little'],
    ...['full big', 'full little', 'full@0 big', 'full@0 little', 'full@5 big', 'full@5 little'],
  ];

  it('measures each variant and each stage of those worth cutting once, whatever comes in between', async () => {
    const steps: string[] = [];
    await ensureStageProfiles(optionsWith({ onProgress: ({ done, total }) => steps.push(`${done}/${total}`) }));
    assert.deepEqual(measured, everything);
    assert.equal(steps.at(-1), '8/8');
    assert.deepEqual(table.stagesOf('inspect', 'full'), [
      { firstNode: 0, endNode: 5 },
      { firstNode: 5, endNode: null },
    ]);
    assert.deepEqual(table.stagesOf('inspect', 'tiny'), []);
    assert.equal(table.stageProfileOf('inspect', 'full', { firstNode: 5, endNode: null }, 'little')?.latencyMs.p50, 15);
    await ensureStageProfiles(optionsWith());
    forget();
    await ensureStageProfiles(optionsWith());
    assert.deepEqual(measured, everything);
    assert.equal(table.stagesOf('inspect', 'full').length, 2);
    assert.deepEqual(warnings, []);
  });

  it('recalls after a restart what was measured, and measures nothing', async () => {
    await ensureStageProfiles(optionsWith());
    measured = [];
    forget();
    await recallStageProfiles(optionsWith());
    assert.deepEqual([measured, anchors], [[], 2]);
    assert.equal(table.stagesOf('inspect', 'full').length, 2);
    assert.equal(table.profileOf('inspect', 'full', 'big')?.thorough, true);
  });

  for (const stopAt of everything) {
    it(`goes on after it was cancelled during "${stopAt}", without measuring anything twice`, async () => {
      const abort = new AbortController();
      before = (what) => {
        if (what === stopAt) abort.abort();
      };
      await assert.rejects(ensureStageProfiles(optionsWith({ signal: abort.signal })), { name: 'AbortError' });
      assert.deepEqual(measured, everything.slice(0, everything.indexOf(stopAt)));
      assert.equal(table.stagesOf('inspect', 'full').length, 0);
      before = () => undefined;
      await ensureStageProfiles(optionsWith());
      assert.deepEqual(measured, everything);
      assert.equal(table.stagesOf('inspect', 'full').length, 2);
    });
  }

  it('measures again at other clocks, and not under a quota', async () => {
    await ensureStageProfiles(optionsWith());
    measured = [];
    const atPoint = (more: object) => {
      const point = { ...operatingPoint(parts, 0.5), ...more };
      return { ...device(parts), operatingPointInForce: () => point };
    };
    await ensureStageProfiles(optionsWith({ device: atPoint({ limits: 'time' }) }));
    assert.deepEqual(measured, []);
    anchorMs = { big: 2, little: 4 };
    await ensureStageProfiles(optionsWith({ device: atPoint({ limits: 'clock' }) }));
    assert.deepEqual(measured, everything);
    assert.deepEqual(table.profileOf('inspect', 'full', 'big', 0.5)?.operatingPoint, {
      name: 'speed-50',
      clockSpeed: 0.5,
    });
    assert.equal(table.profileOf('inspect', 'full', 'big')?.operatingPoint?.clockSpeed, 1);
  });

  it('measures again when the clocks change meanwhile, stores it under those that were in force, and marks what never held', async () => {
    let speed = 1;
    const changing = {
      ...device(parts),
      operatingPointInForce: () => ({ ...operatingPoint(parts, speed), limits: 'clock' as const }),
    };
    const options = () => optionsWith({ device: changing, tenants: [tenant('inspect', rows.slice(1))] });
    before = () => {
      if (measured.length === 0) speed = 0.5;
    };
    await ensureStageProfiles(options());
    assert.deepEqual(measured, ['tiny big', 'tiny big', 'tiny little']);
    for (const componentClass of ['big', 'little']) {
      const found = table.profileOf('inspect', 'tiny', componentClass, 0.5);
      assert.deepEqual(found?.operatingPoint, { name: 'speed-50', clockSpeed: 0.5 });
      assert.equal(found.suspect, undefined);
    }
    // Up and down all the time: at most three times, and again the next time.
    speed = 1;
    measured = [];
    before = () => (speed = speed === 1 ? 0.5 : 1);
    await ensureStageProfiles(options());
    assert.deepEqual(measured.slice(0, 3), ['tiny big', 'tiny big', 'tiny big']);
    assert.equal(measured.length, 6);
    assert.equal(table.profileOf('inspect', 'tiny', 'big', 1)?.suspect, true);
    speed = 1;
    measured = [];
    before = () => undefined;
    await ensureStageProfiles(options());
    assert.equal(measured[0], 'tiny big');
    assert.equal(table.profileOf('inspect', 'tiny', 'big', 1)?.suspect, undefined);
  });

  it('marks what was measured while the device was slower, and measures it once more at the end', async () => {
    before = (what) => {
      anchorMs['big'] = what === 'full big' || what === 'full@0 big' ? 1.2 : 1.05;
    };
    await ensureStageProfiles(optionsWith());
    assert.deepEqual(measured, [...everything, 'full big', 'full@0 big']);
    // Still as slow: it stays marked, and is measured again the next time, at which the device has recovered.
    assert.equal(table.profileOf('inspect', 'full', 'big')?.suspect, true);
    assert.equal(table.profileOf('inspect', 'tiny', 'big')?.suspect, undefined);
    anchorMs['big'] = 1;
    before = () => undefined;
    measured = [];
    await ensureStageProfiles(optionsWith());
    assert.deepEqual(measured, ['full big', 'full@0 big']);
    assert.equal(table.profileOf('inspect', 'full', 'big')?.suspect, undefined);
    measured = [];
    await ensureStageProfiles(optionsWith());
    assert.deepEqual(measured, []);
  });

  it('measures again what was measured on a device that has another speed now, also when it is interrupted', async () => {
    await ensureStageProfiles(optionsWith());
    anchorMs['little'] = 3;
    measured = [];
    const abort = new AbortController();
    before = (what) => {
      if (what === 'full little') abort.abort();
    };
    await assert.rejects(ensureStageProfiles(optionsWith({ signal: abort.signal })), { name: 'AbortError' });
    assert.deepEqual(measured, ['tiny little']);
    // The device is as fast as before: what was marked is measured again all the same.
    anchorMs['little'] = 2;
    before = () => undefined;
    await ensureStageProfiles(optionsWith());
    assert.deepEqual(measured.slice(1), ['tiny little', 'full little']);
  });

  it('takes the fastest that it sees for the speed of the device: what competes for it only makes it slower', async () => {
    anchorMs['big'] = 1.2;
    before = (what) => {
      if (what === 'full big') anchorMs['big'] = 1;
    };
    await ensureStageProfiles(optionsWith());
    assert.deepEqual(measured, [...everything, 'tiny big']);
    assert.equal(table.profileOf('inspect', 'tiny', 'big')?.suspect, undefined);
  });

  it('leaves a variant in one piece when a stage of it ends its process, says so, and goes on', async () => {
    before = (what) => {
      if (what === 'full@0 little') throw new EcomapError('HOST_CRASHED', 'it was killed');
    };
    await ensureStageProfiles(optionsWith());
    assert.deepEqual(measured, ['tiny big', 'tiny little', 'full big', 'full little', 'full@0 big']);
    assert.deepEqual(table.stagesOf('inspect', 'full'), []);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /inspect full stays in one piece.*it was killed/);
  });

  it('goes on without a component that vanishes', async () => {
    before = (what) => {
      if (what !== 'full little') return;
      delete anchorMs['little'];
      throw new EcomapError('HOST_CRASHED', 'it does not start');
    };
    await ensureStageProfiles(optionsWith());
    assert.deepEqual(measured, ['tiny big', 'tiny little', 'full big', 'full@0 big', 'full@5 big']);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /Nothing more is measured on little/);
    assert.equal(table.stagesOf('inspect', 'full').length, 2);
  });

  it('fails when nothing runs anywhere', async () => {
    anchorMs = {};
    await assert.rejects(ensureStageProfiles(optionsWith()), { code: 'RUNTIME_UNAVAILABLE' });
    assert.deepEqual(measured, []);
  });

  it('does not offer a cut that turns out to split badly, and does not measure it again', async () => {
    const lopsided = async (request: ProfileRequest) => {
      const found = await measure(request);
      const ms = request.stage?.firstNode === 0 ? 27 : 5;
      return request.stage === undefined ? found : { ...found, latencyMs: { p50: ms, p95: ms } };
    };
    const { runner } = optionsWith();
    assert.ok(runner);
    await ensureStageProfiles(optionsWith({ runner: { ...runner, measure: lopsided } }));
    assert.deepEqual(table.stagesOf('inspect', 'full'), []);
    await ensureStageProfiles(optionsWith());
    assert.deepEqual(measured, everything);
    assert.deepEqual(table.stagesOf('inspect', 'full'), []);
  });

  it('cuts nothing on a device of one component, nor what is left out', async () => {
    table.exclude({ tenant: 'inspect', variant: 'tiny', code: 'HOST_CRASHED', reason: 'it crashes' });
    await ensureStageProfiles(optionsWith({ device: device(components(1, ['big'])) }));
    assert.deepEqual(measured, ['full big']);
  });

  it('uses profiles that cannot be saved, and says so', async () => {
    const options = optionsWith();
    const store = {
      find: options.store.find.bind(options.store),
      save: () => Promise.reject(new Error('disk full')),
    };
    await ensureStageProfiles({ ...options, store });
    assert.equal(table.stagesOf('inspect', 'full').length, 2);
    assert.equal(warnings.length, everything.length);
    assert.match(warnings[0] ?? '', /disk full/);
  });
});
