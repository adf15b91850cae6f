import assert from 'node:assert/strict';
import { NodeRedRuntime, nodeRedVersion } from '../support/node-red-runtime';
import { chromiumPath, type Scheme } from './browser-page';
import { EditorPage } from './editor-page';
import { formFacts } from './form-facts';

const schemes: readonly Scheme[] = nodeRedVersion().startsWith('4.') ? ['light'] : ['light', 'dark'];
const nothingWrong = { untranslated: [], unlabelled: [], faint: [], cut: [] };

const always = ['name', 'device', 'policy', 'minimumW', 'maximumW', 'actuator', 'leastDwellS', 'leastChangeW'];
const ofHardware = ['apply', 'guardBandPct'];

interface Case {
  readonly policy: string;
  /** Other choices of the form, by field. */
  readonly choices?: Readonly<Record<string, string>>;
  /** Fields that only this policy has. */
  readonly own: readonly string[];
  /** Of them, those that must not stay empty. */
  readonly required?: readonly string[];
}

/** What the form shows of each policy. */
const cases: Readonly<Record<string, Case>> = {
  linear: { policy: 'linear', own: ['bounds', 'holdUnknownS'] },
  'linear-by-hand': {
    policy: 'linear',
    choices: { bounds: 'manual' },
    own: ['bounds', 'cleanGPerKwh', 'dirtyGPerKwh', 'holdUnknownS'],
    required: ['cleanGPerKwh', 'dirtyGPerKwh'],
  },
  'two-level': { policy: 'two-level', own: ['bounds', 'holdUnknownS'] },
  'two-level-by-hand': {
    policy: 'two-level',
    choices: { bounds: 'manual' },
    own: ['bounds', 'cleanGPerKwh', 'dirtyGPerKwh', 'holdUnknownS'],
    required: ['cleanGPerKwh', 'dirtyGPerKwh'],
  },
  budget: { policy: 'budget', own: ['gramsPerDay'], required: ['gramsPerDay'] },
  quality: { policy: 'quality', own: ['allowancePt', 'within'] },
  'quality-within-linear': {
    policy: 'quality',
    choices: { within: 'linear' },
    own: ['allowancePt', 'within', 'holdUnknownS'],
  },
  external: { policy: 'external', own: ['staleAfterS'] },
  fixed: { policy: 'fixed', own: ['fixedW'], required: ['fixedW'] },
};

for (const scheme of schemes) {
  describe(`the form of a power cap, ${scheme}`, function () {
    this.timeout(120_000);
    let runtime: NodeRedRuntime | undefined;
    let editor: EditorPage;

    before(async function () {
      if (chromiumPath() === null) {
        console.log('      skipped: no Chromium: set CHROMIUM or install it at /usr/bin/chromium');
        return this.skip();
      }
      runtime = await NodeRedRuntime.start();
      await runtime.deploy([
        { id: 'tab', type: 'tab', label: 'caps' },
        { id: 'device', type: 'ecomap-device', hardware: 'laptop' },
        // As a flow from before most of the fields has it.
        { id: 'cap', type: 'ecomap-power-cap', z: 'tab', x: 200, y: 80, device: 'device', wires: [[]] },
      ]);
      editor = await EditorPage.open(runtime.url, scheme, nodeRedVersion());
    });
    after(async () => {
      await editor?.close();
      await runtime?.stop();
    });

    const choose = (field: string, value: string) => editor.page.selectOption(`#node-input-${field}`, value);
    const fieldsWith = (state: 'visible' | 'wrong'): Promise<string[]> =>
      editor.page.evaluate(
        (wanted) =>
          [...document.querySelectorAll<HTMLElement>('.red-ui-tray:last-child [id^=node-input-]')]
            .filter((field) => field.offsetParent !== null && !/lookup|btn/.test(field.id))
            .filter((field) => wanted === 'visible' || field.classList.contains('input-error'))
            .map(({ id }) => id.replace('node-input-', '')),
        state,
      );
    /** Rows whose text goes on under the label. The checkbox has a label of two lines. */
    const wrapped = (): Promise<string[]> =>
      editor.page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('.red-ui-tray:last-child .form-row')]
          .filter((row) => row.offsetHeight > 45 && row.querySelector('#node-input-apply') === null)
          .map((row) => row.innerText.trim()),
      );
    const sorted = (fields: readonly string[]): string[] => [...new Set(fields)].sort();

    for (const [name, { policy, choices = {}, own, required = [] }] of Object.entries(cases)) {
      it(`has for ${name} what that policy goes by, and nothing else: translated, labelled, readable`, async () => {
        await editor.openDialog('cap');
        await choose('policy', policy);
        for (const [field, value] of Object.entries(choices)) await choose(field, value);
        const [visible, wrong, overflowing, { untranslated, unlabelled, faint, cut }] = [
          await fieldsWith('visible'),
          await fieldsWith('wrong'),
          await wrapped(),
          await editor.page.evaluate(formFacts),
        ];
        await editor.screenshot(`power-cap-${name}`);
        await editor.closeDialog();
        assert.deepEqual(sorted(visible), sorted([...always, ...ofHardware, ...own]));
        assert.deepEqual(sorted(wrong), sorted(required));
        assert.deepEqual(overflowing, []);
        assert.deepEqual({ untranslated, unlabelled, faint, cut }, nothingWrong);
      });
    }

    it('shows the defaults of fields that the flow does not have', async () => {
      await editor.openDialog('cap');
      const shown: Record<string, string> = {};
      for (const field of ['policy', 'allowancePt', 'within', 'staleAfterS', 'bounds', 'leastDwellS', 'holdUnknownS'])
        shown[field] = await editor.page.inputValue(`#node-input-${field}`);
      for (const field of ['actuator', 'guardBandPct', 'fixedW', 'minimumW'])
        shown[field] = await editor.page.inputValue(`#node-input-${field}`);
      const applies = await editor.page.isChecked('#node-input-apply');
      await editor.closeDialog();
      assert.deepEqual(shown, {
        ...{ policy: 'linear', allowancePt: '1', within: 'highest', staleAfterS: '900', bounds: 'auto' },
        ...{ leastDwellS: '60', holdUnknownS: '900', actuator: 'auto', guardBandPct: '5', fixedW: '', minimumW: '' },
      });
      assert.equal(applies, false);
    });

    it('follows the policy to and fro, and hides what concerns hardware where none is set', async () => {
      await editor.openDialog('cap');
      for (const name of ['quality-within-linear', 'linear-by-hand', 'fixed', 'budget', 'external', 'two-level']) {
        const { policy, own } = cases[name] ?? assert.fail(name);
        await choose('policy', policy);
        if (name === 'quality-within-linear') await choose('within', 'linear');
        if (name === 'linear-by-hand') await choose('bounds', 'manual');
        if (name === 'two-level') await choose('bounds', 'auto');
        assert.deepEqual(sorted(await fieldsWith('visible')), sorted([...always, ...ofHardware, ...own]), name);
      }
      for (const actuator of ['software', 'simulated', 'none']) {
        await choose('actuator', actuator);
        assert.deepEqual(sorted(await fieldsWith('visible')), sorted([...always, 'bounds', 'holdUnknownS']), actuator);
      }
      await choose('actuator', 'clocks');
      await editor.page.check('#node-input-apply');
      assert.ok(await editor.page.isVisible('.ecomap-power-cap-apply-tip'));
      await editor.screenshot('power-cap-hardware');
      await editor.closeDialog();
    });
  });
}
