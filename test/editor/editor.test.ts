import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/models/package-root';
import { NodeRedRuntime, nodeRedVersion, type Flow } from '../support/node-red-runtime';
import { chromiumPath, type Scheme } from './browser-page';
import { EditorPage, type EditorApi } from './editor-page';
import { formFacts } from './form-facts';
import { xavierInspection, xavierPower } from './xavier-answers';

const manifest = JSON.parse(readFileSync(join(packageRoot(__dirname), 'package.json'), 'utf8')) as {
  'node-red': { nodes: Record<string, string> };
};
const types = Object.keys(manifest['node-red'].nodes).map((name) => `ecomap-${name}`);

interface TypeFacts {
  readonly type: string;
  readonly isConfig: boolean;
  /** Default values; a reference to a config node names its type. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly references: Readonly<Record<string, string>>;
  readonly help: string;
}

/** Runs in the page. */
function typeFacts(names: string[]): TypeFacts[] {
  const { RED } = globalThis as unknown as {
    RED: { nodes: EditorApi['nodes'] & { getNodeHelp(type: string): string | undefined } };
  };
  return names.map((type) => {
    const definition = RED.nodes.getType(type);
    if (!definition) throw new Error(`the editor does not know ${type}`);
    const { category, defaults } = definition;
    const entries = Object.entries(defaults) as [string, { value?: unknown; type?: string; required?: boolean }][];
    return {
      type,
      isConfig: category === 'config',
      values: Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
      references: Object.fromEntries(
        entries.flatMap(([key, { type: config, required }]) => (config && required !== false ? [[key, config]] : [])),
      ),
      help: RED.nodes.getNodeHelp(type) ?? '',
    };
  });
}

/** One node of each type as the palette would drop it, wired to config nodes of their own defaults. */
function flowOf(facts: readonly TypeFacts[]): Flow {
  const node = ({ type, values, references, isConfig }: TypeFacts, index: number) => ({
    id: `a-${type}`,
    type,
    ...values,
    ...Object.fromEntries(Object.entries(references).map(([key, config]) => [key, `a-${config}`])),
    ...(isConfig ? {} : { z: 'tab', x: 200, y: 60 + 60 * index, wires: [[], []] }),
  });
  return [{ id: 'tab', type: 'tab', label: 'one of each' }, ...facts.map(node)];
}

/** Checked for being there, not for being a number. */
const textFields = new Set(['ecomap-grid.zone']);

const ownErrors = (errors: readonly string[]): string[] => errors.filter((text) => !/favicon/.test(text));

/** Node-RED 4.1 is light only; the dark scheme is looked at where the tests run on Node-RED 5. */
const schemes: readonly Scheme[] = nodeRedVersion().startsWith('4.') ? ['light'] : ['light', 'dark'];

for (const scheme of schemes) {
  describe(`the editor, ${scheme}`, function () {
    this.timeout(120_000);
    let runtime: NodeRedRuntime | undefined;
    let editor: EditorPage;
    let facts: readonly TypeFacts[];

    before(async function () {
      if (chromiumPath() === null) {
        console.log('      skipped: no Chromium: set CHROMIUM or install it at /usr/bin/chromium');
        return this.skip();
      }
      const version = nodeRedVersion();
      runtime = await NodeRedRuntime.start();
      editor = await EditorPage.open(runtime.url, scheme, version);
      facts = await editor.page.evaluate(typeFacts, types);
      await runtime.deploy(flowOf(facts));
      await editor.reload();
    });
    after(async () => {
      await editor?.close();
      await runtime?.stop();
    });
    beforeEach(() => {
      editor.errors.length = 0;
    });

    it('is in the scheme under test', async () => {
      const isDark = await editor.page.evaluate(() => document.documentElement.classList.contains('nr-theme-dark'));
      assert.equal(isDark, scheme === 'dark');
    });

    it('shows the category with every node, each with an icon that loads', async () => {
      const palette = await editor.page.evaluate(async () => {
        const nodes = [...document.querySelectorAll<HTMLElement>('.red-ui-palette-node[data-palette-type^="ecomap-"]')];
        return Promise.all(
          nodes.map(async (node) => {
            const icon = node.querySelector<HTMLElement>('.red-ui-palette-icon');
            const url = /url\("?([^")]+)"?\)/.exec(icon?.style.backgroundImage ?? '')?.[1] ?? '';
            const image = new Image();
            image.src = url;
            const loads = await image.decode().then(
              () => image.naturalWidth > 0,
              () => false,
            );
            const category = node
              .closest('.red-ui-palette-category')
              ?.querySelector('.red-ui-palette-header')?.textContent;
            return { type: node.dataset.paletteType, url, loads, category: category?.trim() };
          }),
        );
      });
      const expected = facts.filter(({ isConfig }) => !isConfig).map(({ type }) => type);
      assert.deepEqual(palette.map(({ type }) => type).sort(), [...expected].sort());
      for (const { type, url, loads, category } of palette) {
        assert.match(url, new RegExp(`/${type}\\.svg$`));
        assert.ok(loads, `${url} does not load`);
        assert.equal(category, 'ecomap');
      }
      await editor.page.evaluate(() => document.querySelector('[data-palette-type^="ecomap-"]')?.scrollIntoView());
      await editor.screenshot('palette');
      assert.deepEqual(ownErrors(editor.errors), []);
    });

    it('has help for every node', () => {
      assert.deepEqual(
        facts.filter(({ help }) => help.length < 200).map(({ type }) => type),
        [],
      );
    });

    for (const type of types) {
      it(`opens the dialog of ${type}: translated, labelled, readable, without an error`, async () => {
        await editor.openDialog(`a-${type}`);
        let fields = 0;
        await editor.eachPart(async (part) => {
          const form = await editor.page.evaluate(formFacts);
          await editor.screenshot(`${type}${part}`);
          fields += form.fields;
          assert.deepEqual([form.untranslated, form.unlabelled, form.faint, form.cut], [[], [], [], []]);
        });
        await editor.closeDialog();
        assert.ok(fields > 0);
        assert.deepEqual(ownErrors(editor.errors), []);
      });
    }

    it('describes every model of a tenant in its form, with the places where it can be cut', async () => {
      const { page } = editor;
      await editor.openDialog('a-ecomap-tenant');
      await page.click('.red-ui-tab-label[href="#ecomap-tenant-model-info"]');
      const tables = page.locator('#ecomap-tenant-descriptions > section > div > table');
      await tables.nth(3).waitFor({ timeout: 60_000 });
      const texts = await tables.allInnerTexts();
      assert.equal(texts.length, 4);
      assert.match(texts[2] ?? '', /image float32 \[batch, 1, 96, 96\]/);
      assert.match(texts[2] ?? '', /8\.73 M multiply-accumulates per inference of \[1, 1, 96, 96\]/);
      assert.match(texts[2] ?? '', /8\u00a0Conv · 7\u00a0Relu/);
      const cuts = page.locator('#ecomap-tenant-descriptions details').first();
      assert.equal(await cuts.locator('tbody tr').count(), 0);
      await cuts.locator('summary').click();
      await cuts.locator('tbody tr').first().waitFor();
      assert.match(
        (await cuts.locator('tbody tr').allInnerTexts()).join('\n'),
        /float32 \[[\d, ]+\]\s+[\d.]+ .?B\s+\d+ %/,
      );
      await editor.screenshot('model-info');
      const form = await page.evaluate(formFacts);
      await editor.closeDialog();
      assert.deepEqual([form.untranslated, form.faint], [[], []]);
      assert.deepEqual(ownErrors(editor.errors), []);
    });

    it('says what each model should cost on this machine, as modelled, or how to find out', async () => {
      const { page } = editor;
      await editor.openDialog('a-ecomap-tenant');
      await page.click('.red-ui-tab-label[href="#ecomap-tenant-model-info"]');
      const costs = page.locator('#ecomap-tenant-descriptions .ecomap-model-cost');
      await costs.nth(3).locator('code').waitFor({ timeout: 60_000 });
      for (const text of await costs.allInnerTexts()) {
        assert.match(text, /was not measured yet.*npx ecomap-doctor --measure-operators/s);
      }
      await editor.screenshot('model-info-cost-unknown');
      const known = { componentClass: 'cpu-2t', source: 'modelled', coveredShare: 0.984, unknownOperators: 0 };
      const cost = { ...known, latencyMs: 3.2149, energyJ: 0.04521 };
      const other = { ...cost, componentClass: 'cpu-1t', latencyMs: 12.3, unknownOperators: 2 };
      await page.route('**/ecomap/tenant/predict', (route) =>
        route.fulfill({ json: { costs: [cost, other], warnings: ['a file of costs is damaged'] } }),
      );
      try {
        await page.click('#ecomap-tenant-describe');
        await costs.nth(3).getByText('cpu-1t').waitFor({ timeout: 60_000 });
        for (const text of await costs.allInnerTexts()) {
          assert.match(text, /cpu-2t: 3\.21 ms and 45\.2 mJ per inference, modelled, not measured \(98 % of it by/);
          assert.match(text, /cpu-1t: 12\.3 ms .*without 2 operators/);
          assert.match(text, /a file of costs is damaged/);
        }
        await editor.screenshot('model-info-cost');
        const form = await page.evaluate(formFacts);
        assert.deepEqual([form.untranslated, form.faint], [[], []]);
      } finally {
        await page.unroute('**/ecomap/tenant/predict');
        await editor.closeDialog();
      }
      assert.deepEqual(ownErrors(editor.errors), []);
    });

    it('says in place why a model cannot be described', async () => {
      const { page } = editor;
      await editor.openDialog('a-ecomap-tenant');
      await page.selectOption('#node-config-input-source', 'own');
      await page.click('.red-ui-tray .red-ui-editableList-addButton');
      await page.fill('[data-field="name"]', 'mine');
      await page.fill('[data-field="path"]', 'models/absent.onnx');
      await page.click('.red-ui-tab-label[href="#ecomap-tenant-model-info"]');
      const problem = page.locator('#ecomap-tenant-descriptions .fa-times-circle + span');
      await problem.waitFor({ timeout: 30_000 });
      const text = await problem.innerText();
      await editor.closeDialog();
      assert.match(text, /^MODEL_NOT_FOUND: .*models\/absent\.onnx does not exist/);
    });

    it('shows rails, limits and modes of a device as the runtime tells them, and keeps the watts fresh', async () => {
      const { page } = editor;
      let asked = 0;
      await page.route('**/ecomap/device-inspection*', (route) => route.fulfill({ json: xavierInspection }));
      await page.route('**/ecomap/device-power*', (route) => {
        asked += 1;
        return route.fulfill({ json: xavierPower(4.5 + asked) });
      });
      try {
        await editor.openDialog('a-ecomap-device');
        await page.click('.red-ui-tab-label[href="#ecomap-device-found"]');
        const power = page.locator('#ecomap-device-power');
        await power.locator('table').waitFor();
        const first = await power.innerText();
        assert.match(first, /W\s+measured, module, ±5 %: INA3221, sum of six rails/);
        assert.match(first, /GPU\s+0\.47 W\s+yes/);
        assert.match(first, /CV\s+–\s+yes\s+cannot be read \(EIO\)/);
        const limits = page.locator('#ecomap-device-limits');
        await limits.locator('details').waitFor();
        assert.match(await limits.innerText(), /clocks: not permitted\. .*may not be written/);
        await limits.locator('summary').click();
        await editor.screenshot('device-xavier');
        const modes = await limits.locator('table').innerText();
        assert.match(modes, /MODE_30W_ALL \(in force\)\s+905/);
        assert.match(modes, /MODE_10W.*reboot/);
        assert.doesNotMatch(modes, /Limit, W/); // a column in which nothing stands
        assert.match(
          await page.locator('#ecomap-device-accelerators').innerText(),
          /GPU \(17000000\.gv11b\): no execution provider of onnxruntime-node runs here/,
        );
        const form = await page.evaluate(formFacts);
        await page.waitForFunction(
          (text) => document.querySelector('#ecomap-device-power b')?.textContent !== text,
          await power.locator('b').first().innerText(),
          { timeout: 10_000 },
        );
        assert.deepEqual([form.untranslated, form.unlabelled, form.faint, form.cut], [[], [], [], []]);
        await editor.closeDialog();
        const asOfClosing = asked;
        await page.waitForTimeout(2_500);
        assert.equal(asked, asOfClosing, 'a closed dialog goes on asking');
      } finally {
        await page.unroute('**/ecomap/device-inspection*');
        await page.unroute('**/ecomap/device-power*');
      }
      assert.deepEqual(ownErrors(editor.errors), []);
    });

    it('makes the full report of a device to copy', async () => {
      const { page } = editor;
      await editor.openDialog('a-ecomap-device');
      await page.click('.red-ui-tab-label[href="#ecomap-device-full-report"]');
      const copy = page.locator('#ecomap-device-doctor-copy');
      await copy.waitFor({ state: 'visible', timeout: 60_000 });
      const text = await page.inputValue('#ecomap-device-doctor');
      await editor.screenshot('device-report');
      await copy.click();
      const form = await page.evaluate(formFacts);
      await editor.closeDialog();
      assert.match(text, /^# Ecomap doctor\n/);
      assert.match(text, /## ONNX Runtime\n\n- onnxruntime-node [\d.]+/);
      assert.deepEqual([form.untranslated, form.unlabelled, form.faint, form.cut], [[], [], [], []]);
      assert.deepEqual(ownErrors(editor.errors), []);
    });

    it('would see a raw key, a missing label and a faint text (control)', async () => {
      await editor.openDialog('a-ecomap-grid');
      const before = await editor.page.evaluate(formFacts);
      await editor.page.evaluate(() => {
        const form = document.querySelector('.red-ui-tray:last-child') ?? document.body;
        const labels = [...form.querySelectorAll<HTMLElement>('.form-row label[for]')].filter(
          (label) => label.offsetParent !== null,
        );
        const [first, second] = labels;
        const text = first?.querySelector('[data-i18n]');
        if (text) text.textContent = text.getAttribute('data-i18n');
        second?.removeAttribute('for');
        labels.forEach((label) => label.style.setProperty('color', '#888'));
        form.querySelectorAll<HTMLElement>('.form-row').forEach((row) => row.style.setProperty('background', '#999'));
      });
      const after = await editor.page.evaluate(formFacts);
      await editor.closeDialog();
      assert.deepEqual([before.untranslated, before.unlabelled, before.faint], [[], [], []]);
      assert.equal(after.untranslated.length, 1);
      assert.equal(after.unlabelled.length, 1);
      assert.ok(after.faint.length > 3, JSON.stringify(after));
    });

    if (scheme === 'light') {
      it('marks every number field that holds no number, and only while it does', async () => {
        let checked = 0;
        for (const type of types) {
          await editor.openDialog(`a-${type}`);
          const outcome: { key: string; wrong: boolean; right: boolean }[] = [];
          const validate = (id: string) => {
            const { RED } = globalThis as unknown as { RED: EditorApi };
            const node = RED.nodes.node(id);
            const prefix = node._def.category === 'config' ? 'node-config-input-' : 'node-input-';
            return Object.entries(node._def.defaults).flatMap(([key, { validate }]) => {
              const field = document.getElementById(prefix + key);
              if (!(field instanceof HTMLInputElement) || field.offsetParent === null || !validate) return [];
              const original = field.value;
              const marked = (value: string): boolean => {
                field.value = value;
                $(field).trigger('change');
                return field.classList.contains('input-error');
              };
              return [{ key, wrong: marked('seven'), right: marked(original) }];
            });
          };
          await editor.eachPart(async () => {
            outcome.push(...(await editor.page.evaluate(validate, `a-${type}`)));
          });
          await editor.closeDialog();
          for (const { key, wrong, right } of outcome) {
            if (textFields.has(`${type}.${key}`)) continue;
            assert.ok(wrong, `${type}.${key} takes "seven"`);
            assert.ok(!right, `${type}.${key} does not take its own default`);
            checked += 1;
          }
        }
        assert.ok(checked >= 5, `only ${checked} fields are validated`);
      });
    }
  });
}
