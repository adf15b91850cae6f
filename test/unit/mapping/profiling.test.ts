import assert from 'node:assert/strict';
import { ensureProfiles, type ProfilingOptions, type ProfilingProgress } from '../../../src/mapping/profiles/profiling';
import { ProfileTable } from '../../../src/mapping/profiles/table';
import { EcomapError } from '../../../src/signals/errors';
import type { Profile } from '../../../src/signals/profile';
import { components, device, profile, tenant } from '../../support/planning-fixtures';

/** Every path hashes to 64 letters of its own. */
const hashes = new Map<string, string>();
const hashFile = async (path: string): Promise<string> => {
  const known = hashes.get(path) ?? hashes.size.toString(16).padStart(64, '0');
  hashes.set(path, known);
  return known;
};

function setUp(more: Partial<ProfilingOptions> = {}) {
  const saved = new Map<string, Profile>();
  const measured: string[] = [];
  const progress: ProfilingProgress[] = [];
  const excluded: string[] = [];
  const options: ProfilingOptions = {
    device: device(components(3, ['big', 'little', 'big'])),
    tenants: [tenant('inspect'), tenant('gauge')],
    store: {
      find: async (sha256, componentClass) => saved.get(`${sha256} ${componentClass}`) ?? null,
      save: async (found) => void saved.set(`${found.modelSha256} ${found.componentClass}`, found),
    },
    runner: {
      measure: async ({ path, sha256, component }) => {
        measured.push(`${path} ${component.componentClass}`);
        return profile(7, { modelSha256: sha256 ?? '', componentClass: component.componentClass });
      },
    },
    warn: () => undefined,
    onProgress: (step) => progress.push(step),
    onExcluded: (error, name, variant) => excluded.push(`${name} ${variant} ${error.code}`),
    hashFile,
    ...more,
  };
  return { options, saved, measured, progress, excluded };
}

describe('ensureProfiles', () => {
  it('measures each variant once per component class, reports progress, and never measures it again', async () => {
    const { options, measured, progress } = setUp();
    const table = await ensureProfiles(options);
    assert.equal(measured.length, 2 * 4 * 2);
    assert.equal(new Set(measured).size, measured.length);
    assert.equal(table.profileOf('gauge', 'tiny', 'little')?.latencyMs.p50, 7);
    assert.equal(table.profileOf('gauge', 'tiny', 'gpu'), null);
    assert.deepEqual(progress.at(-1), { done: 16, total: 16, what: 'gauge full on little' });
    // Every tenant's lightest first: planning can begin after the first few.
    assert.deepEqual(
      progress.filter(({ done }) => done === 4).map(({ what }) => what),
      ['gauge tiny on little', 'inspect small on big'],
    );
    assert.ok(progress.every((step, index) => index === 0 || step.done >= (progress[index - 1]?.done ?? 0)));

    await ensureProfiles(options);
    assert.equal(measured.length, 16);
  });

  it('announces each measurement, and none where the store knows the profile', async () => {
    let announced = 0;
    const { options, saved } = setUp({ onMeasure: () => (announced += 1) });
    await ensureProfiles(options);
    assert.equal(announced, 16);
    const [known] = saved.keys();
    saved.delete(known ?? '');
    await ensureProfiles(options);
    assert.equal(announced, 17);
  });

  it('measures a file that two tenants share once, for both', async () => {
    const shared = tenant('inspect');
    const { options, measured } = setUp({ tenants: [shared, { ...shared, name: 'inspect-line-2' }] });
    const table = await ensureProfiles(options);
    assert.equal(measured.length, 8);
    assert.ok(table.profileOf('inspect', 'full', 'big'));
    assert.ok(table.profileOf('inspect-line-2', 'full', 'big'));
  });

  it('leaves out what cannot be measured, with its reason, and goes on with the rest', async () => {
    const pinned = tenant('gauge');
    pinned.variants = pinned.variants.map((variant, index) =>
      index === 0 ? { ...variant, sha256: 'f'.repeat(64) } : variant,
    );
    const { options, measured, progress, excluded } = setUp({
      tenants: [tenant('inspect'), pinned],
      hashFile: async (path) => {
        if (path.includes('inspect-small')) throw new Error('ENOENT');
        return hashFile(path);
      },
    });
    const { measure } = options.runner;
    const runner: ProfilingOptions['runner'] = {
      measure: async (request) => {
        if (request.path.includes('inspect-tiny')) throw new EcomapError('MODEL_INVALID', 'not ONNX');
        if (request.path.includes('gauge-tiny')) throw new EcomapError('HOST_CRASHED', 'died');
        return measure(request);
      },
    };
    const table = await ensureProfiles({ ...options, runner });
    assert.deepEqual(excluded.sort(), [
      'gauge full MODEL_HASH_MISMATCH',
      'gauge tiny HOST_CRASHED',
      'inspect small MODEL_NOT_FOUND',
      'inspect tiny MODEL_INVALID',
    ]);
    assert.equal(measured.length, 4 * 2);
    assert.equal(table.exclusionOf('inspect', 'tiny')?.reason, 'not ONNX');
    assert.match(table.exclusionOf('gauge', 'full')?.reason ?? '', /f{64}/);
    assert.equal(table.exclusionOf('inspect', 'full'), null);
    assert.equal(progress.at(-1)?.done, progress.at(-1)?.total);
  });

  it('gives up when nothing can be measured at all, keeping what is known', async () => {
    const table = new ProfileTable();
    let calls = 0;
    const { options } = setUp({ table });
    const { measure } = options.runner;
    const runner: ProfilingOptions['runner'] = {
      measure: async (request) => {
        calls += 1;
        if (calls > 3) throw new EcomapError('RUNTIME_UNAVAILABLE', 'no runtime');
        return measure(request);
      },
    };
    await assert.rejects(ensureProfiles({ ...options, runner }), { code: 'RUNTIME_UNAVAILABLE' });
    assert.equal(calls, 4);
    assert.ok(table.profileOf('inspect', 'tiny', 'big'));
    assert.equal(table.exclusions.length, 0);
  });

  it('stops before the next measurement when it is cancelled, and goes on from there next time', async () => {
    const abort = new AbortController();
    const { options, measured } = setUp({ signal: abort.signal });
    const { measure } = options.runner;
    const runner: ProfilingOptions['runner'] = {
      measure: async (request) => {
        if (measured.length === 4) abort.abort();
        return measure(request);
      },
    };
    await assert.rejects(ensureProfiles({ ...options, runner }), { name: 'AbortError' });
    assert.equal(measured.length, 5);
    await ensureProfiles({ ...options, signal: undefined });
    assert.equal(measured.length, 16);
    assert.equal(new Set(measured).size, 16);
  });

  it('uses a profile that cannot be saved, and says so', async () => {
    const warnings: string[] = [];
    const { options } = setUp({ warn: (text) => warnings.push(text), tenants: [tenant('inspect')] });
    const store: ProfilingOptions['store'] = { ...options.store, save: () => Promise.reject(new Error('disk full')) };
    const table = await ensureProfiles({ ...options, store });
    assert.ok(table.profileOf('inspect', 'full', 'big'));
    assert.equal(warnings.length, 8);
    assert.match(warnings[0] ?? '', /disk full/);
  });
});
