import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ensureSensitivities,
  recallSensitivities,
  type SensitivityOptions,
} from '../../../src/mapping/profiles/sensitivities';
import { ProfileStore } from '../../../src/mapping/profiles/store';
import { ProfileTable } from '../../../src/mapping/profiles/table';
import { EcomapError } from '../../../src/signals/errors';
import { components, device, tenant, type VariantRow } from '../../support/planning-fixtures';

const hashFile = async (path: string) => Buffer.from(path).toString('hex').padEnd(64, '0').slice(-64);
const rows: readonly VariantRow[] = [
  ['full', 0.98, 30],
  ['tiny', 0.85, 1],
];
const everything = [
  'tiny big beside cpu1',
  'tiny little beside cpu0',
  'full big beside cpu1',
  'full little beside cpu0',
];

describe('ensureSensitivities', () => {
  let directory: string;
  let table: ProfileTable;
  let warnings: string[];
  let measured: string[];
  /** Called before each measurement. */
  let before: (what: string) => void;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ecomap-sensitivities-'));
    table = new ProfileTable();
    warnings = [];
    measured = [];
    before = () => undefined;
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const optionsWith = (more: Partial<SensitivityOptions> = {}): SensitivityOptions => ({
    device: device(components(2, ['big', 'little'])),
    tenants: [tenant('inspect', rows)],
    // A new one each time, as after a restart.
    store: new ProfileStore({ directory, warn: (text) => warnings.push(text) }),
    runner: {
      measureSensitivity: async ({ path, component, beside, signal }) => {
        const variant = path.includes('full') ? 'full' : 'tiny';
        const what = `${variant} ${component.componentClass} beside ${beside.name}`;
        before(what);
        signal?.throwIfAborted();
        measured.push(what);
        return { besideMemory: component.cores[0] ?? 0, besideItself: 0.7, caused: 0.1 };
      },
    },
    table,
    warn: (text) => warnings.push(text),
    now: () => 0,
    hashFile,
    ...more,
  });

  it('measures each variant on each class once, beside cores that the class does not have', async () => {
    const steps: string[] = [];
    await ensureSensitivities(
      optionsWith({ onProgress: ({ done, total, what }) => steps.push(`${done}/${total} ${what}`) }),
    );
    assert.deepEqual(measured, everything);
    assert.equal(steps.at(-1), '4/4 inspect full in company on little');
    assert.deepEqual(table.sensitivityOf('inspect', 'full', 'little'), {
      besideMemory: 1,
      besideItself: 0.7,
      caused: 0.1,
    });
    await ensureSensitivities(optionsWith());
    table = new ProfileTable();
    await recallSensitivities(optionsWith());
    assert.deepEqual(measured, everything);
    assert.equal(table.sensitivityOf('inspect', 'full', 'little')?.besideMemory, 1);
    assert.deepEqual(warnings, []);
  });

  it('recalls nothing where nothing was measured', async () => {
    await recallSensitivities(optionsWith());
    assert.deepEqual(measured, []);
    assert.equal(table.sensitivityOf('inspect', 'full', 'little'), null);
  });

  for (const stopAt of everything) {
    it(`goes on after it was cancelled during "${stopAt}", without measuring anything twice`, async () => {
      const abort = new AbortController();
      before = (what) => {
        if (what === stopAt) abort.abort();
      };
      await assert.rejects(ensureSensitivities(optionsWith({ signal: abort.signal })), { name: 'AbortError' });
      assert.deepEqual(measured, everything.slice(0, everything.indexOf(stopAt)));
      before = () => undefined;
      await ensureSensitivities(optionsWith());
      assert.deepEqual(measured, everything);
    });
  }

  it('leaves out classes that leave no core to the stressor, and variants that are left out', async () => {
    table.exclude({ tenant: 'inspect', variant: 'tiny', code: 'MODEL_INVALID', reason: 'broken' });
    const [one, other] = components(2, ['big', 'all']);
    assert.ok(one && other);
    await ensureSensitivities(optionsWith({ device: device([one, { ...other, cores: [0, 1] }]) }));
    assert.deepEqual(measured, []);
    const gpu = { ...other, kind: 'gpu' as const, name: 'gpu', cores: [], componentClass: 'gpu' };
    await ensureSensitivities(optionsWith({ device: device([one, gpu]) }));
    assert.deepEqual(measured, ['full gpu beside cpu0']);
  });

  it('goes on past a model that ends its process, and tries it again the next time', async () => {
    before = (what) => {
      if (what.startsWith('tiny big')) throw new EcomapError('HOST_CRASHED', 'it was killed');
    };
    await ensureSensitivities(optionsWith());
    assert.deepEqual(measured, everything.slice(1));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /inspect tiny.*big.*it was killed/);
    assert.equal(table.sensitivityOf('inspect', 'tiny', 'big'), null);
    before = () => undefined;
    await ensureSensitivities(optionsWith());
    assert.deepEqual(measured.slice(3), ['tiny big beside cpu1']);
  });

  it('ends when the node is closed, and uses what cannot be saved', async () => {
    const { store } = optionsWith();
    const full = {
      findSensitivity: store.findSensitivity.bind(store),
      saveSensitivity: () => Promise.reject(new Error('disk full')),
    };
    before = (what) => {
      if (what.startsWith('full little')) throw new EcomapError('NODE_CLOSED', 'stopped');
    };
    await assert.rejects(ensureSensitivities(optionsWith({ store: full })), { code: 'NODE_CLOSED' });
    assert.equal(table.sensitivityOf('inspect', 'full', 'big')?.besideMemory, 0);
    assert.equal(warnings.length, 3);
    assert.match(warnings[0] ?? '', /disk full/);
  });
});
