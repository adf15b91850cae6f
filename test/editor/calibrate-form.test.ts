import assert from 'node:assert/strict';
import type { CalibrationOfDevice } from '../../nodes/device/calibration-routes';
import type { CalibrationStatus } from '../../src/signals/calibration';
import { NodeRedRuntime, nodeRedVersion } from '../support/node-red-runtime';
import { calibrationSummary, idleCalibration } from '../support/scripted-calibration';
import { chromiumPath, type Scheme } from './browser-page';
import { EditorPage } from './editor-page';
import { formFacts } from './form-facts';

const schemes: readonly Scheme[] = nodeRedVersion().startsWith('4.') ? ['light'] : ['light', 'dark'];
const nothingWrong = { untranslated: [], unlabelled: [], faint: [], cut: [] };

const offer = { by: 'mapping estimator', tenants: ['part inspection', 'gauge reading', 'bearing watch'], samples: 160 };
const withStatus = (status: Partial<CalibrationStatus>): CalibrationOfDevice => ({
  deployed: true,
  offer,
  status: { ...idleCalibration, ...status },
});
const summary = calibrationSummary();
const notKept = calibrationSummary({
  kept: false,
  reason: 'on networks held out the error did not fall (7.3 % before, 7.2 % after)',
  floorPct: null,
  points: [],
});

interface Case {
  readonly state: CalibrationOfDevice;
  readonly says: readonly RegExp[];
  /** Of the buttons that can be seen. */
  readonly buttons: readonly string[];
}

/** What the form says of every state that the runtime can tell. */
const cases: Readonly<Record<string, Case>> = {
  'not-deployed': {
    state: { deployed: false, offer: null, status: null },
    says: [/Deploy the flow first/],
    buttons: [],
  },
  nobody: {
    state: { deployed: true, offer: null, status: null },
    says: [/No mapping estimator uses this device yet\. Add one, choose this device and the tenants/],
    buttons: [],
  },
  idle: {
    state: withStatus({ secondsLeft: 400 }),
    says: [/“mapping estimator” measures 160 co-locations of: part inspection, gauge reading, bearing watch/, /7 min/],
    buttons: ['Calibrate'],
  },
  profiling: {
    state: withStatus({ phase: 'profiling', done: 2, total: 12, text: 'gauge-small beside a stressor of memory' }),
    says: [/Step 1 of 3: measuring each network alone, 2 of 12$/m, /gauge-small beside a stressor/],
    buttons: ['Cancel'],
  },
  measuring: {
    state: withStatus({
      phase: 'measuring',
      done: 45,
      total: 160,
      secondsLeft: 183,
      text: 'four networks, 30 W',
      summary,
    }),
    says: [/Step 2 of 3: measuring networks together, 45 of 160, about 3 min left in all/, /Last calibration/],
    buttons: ['Cancel'],
  },
  training: {
    state: withStatus({ phase: 'training', done: 13, total: 20, secondsLeft: 3 }),
    says: [/Step 3 of 3: training, 13 of 20, about 3 s left in all/],
    buttons: ['Cancel'],
  },
  done: {
    state: withStatus({ phase: 'done', summary }),
    says: [
      /In use since then: it predicts better than before/,
      /Latency\s+27 %\s+7\.2 %\s+42 %\s+4\.1 %/,
      /Power \(modelled\)\s+8\.1 %\s+3\.3 %\s+–\s+–/,
      /157 co-locations of 32 sets of networks\. 3 more were set aside/,
    ],
    buttons: ['Calibrate again'],
  },
  'not-kept': {
    state: withStatus({ phase: 'done', summary: notKept }),
    says: [/Not used, the estimator is as before: on networks held out/, /42 %\s+–/],
    buttons: ['Calibrate again'],
  },
  interrupted: {
    state: withStatus({ phase: 'interrupted', done: 45, total: 160, text: 'A calibration was interrupted' }),
    says: [/Interrupted when 45 of 160 were measured\. They are kept, and it goes on from there/],
    buttons: ['Go on'],
  },
  cancelled: {
    state: withStatus({ phase: 'cancelled', text: 'It was cancelled', summary }),
    says: [/Cancelled\. What was measured is kept/],
    buttons: ['Go on'],
  },
  failed: {
    state: withStatus({
      phase: 'failed',
      code: 'RUNTIME_UNAVAILABLE',
      text: 'jax-js is not installed: run "npm install @jax-js/jax" in the user directory',
    }),
    says: [/It failed\. RUNTIME_UNAVAILABLE: jax-js is not installed/],
    buttons: ['Calibrate'],
  },
};

for (const scheme of schemes) {
  describe(`the calibration in the form of a device, ${scheme}`, function () {
    this.timeout(120_000);
    const route = '**/ecomap/device/device/calibration';
    let runtime: NodeRedRuntime | undefined;
    let editor: EditorPage;

    before(async function () {
      if (chromiumPath() === null) {
        console.log('      skipped: no Chromium: set CHROMIUM or install it at /usr/bin/chromium');
        return this.skip();
      }
      runtime = await NodeRedRuntime.start();
      await runtime.deploy([
        { id: 'tab', type: 'tab', label: 'device' },
        { id: 'device', type: 'ecomap-device', hardware: 'laptop' },
        { id: 'cap', type: 'ecomap-power-cap', z: 'tab', x: 200, y: 80, device: 'device', wires: [[]] },
      ]);
      editor = await EditorPage.open(runtime.url, scheme, nodeRedVersion());
    });
    after(async () => {
      await editor?.close();
      await runtime?.stop();
    });

    const tab = '#ecomap-device-calibrate';
    const open = async (): Promise<void> => {
      await editor.openDialog('device');
      await editor.page.click(`.red-ui-tab-label[href="${tab}"]`);
    };
    const buttonsShown = () => editor.page.locator(`${tab} button:visible`).allInnerTexts();

    it('says of a deployed device that nobody uses it so far, as the runtime tells', async () => {
      await open();
      await editor.page.locator(tab).getByText('No mapping estimator uses this device yet').waitFor();
      assert.deepEqual(await buttonsShown(), []);
      await editor.closeDialog();
    });

    for (const [name, { state, says, buttons }] of Object.entries(cases)) {
      it(`shows ${name}: in words, translated, labelled, readable`, async () => {
        const { page } = editor;
        editor.errors.length = 0;
        await page.route(route, (asked) => asked.fulfill({ json: state }));
        try {
          await open();
          await page.locator('#ecomap-device-calibration-offer i').waitFor();
          const text = await page.locator(tab).innerText();
          const form = await page.evaluate(formFacts);
          await editor.screenshot(`calibrate-${name}`);
          const shown = await buttonsShown();
          await editor.closeDialog();
          for (const words of says) assert.match(text, words);
          assert.doesNotMatch(text, /calibrate\.|__|undefined|NaN/);
          assert.deepEqual(
            shown.map((label) => label.trim()),
            buttons,
          );
          const { untranslated, unlabelled, faint, cut } = form;
          assert.deepEqual({ untranslated, unlabelled, faint, cut }, nothingWrong);
          assert.deepEqual(
            editor.errors.filter((error) => !/favicon/.test(error)),
            [],
          );
        } finally {
          await page.unroute(route);
        }
      });
    }

    it('draws predicted against measured, before hollow and after filled, and says it in words', async () => {
      const { page } = editor;
      await page.route(route, (asked) => asked.fulfill({ json: cases['done']?.state }));
      try {
        await open();
        const svg = page.locator('#ecomap-device-calibration-report svg[role=img]');
        await svg.waitFor();
        const label = (await svg.getAttribute('aria-label')) ?? '';
        const fillsOf = (part: string) =>
          svg
            .locator(`[data-ecomap-part=${part}]`)
            .evaluateAll((dots) => [dots.length, ...new Set(dots.map((dot) => dot.getAttribute('fill') ?? ''))]);
        const [before, after] = [await fillsOf('before'), await fillsOf('after')];
        const diagonals = await svg.locator('[data-ecomap-part=diagonal]').count();
        // A point that is predicted right lies as high as it lies far right.
        const offDiagonal = await svg.locator('[data-ecomap-part=after]').evaluateAll((dots) =>
          dots.map((dot) => {
            const at = (name: string) => Number(dot.getAttribute(name));
            const line = dot.parentElement?.querySelector('[data-ecomap-part=diagonal]');
            const end = (name: string) => Number(line?.getAttribute(name));
            const share = (at('cx') - end('x1')) / (end('x2') - end('x1'));
            return Math.abs(share - (at('cy') - end('y1')) / (end('y2') - end('y1')));
          }),
        );
        await svg.scrollIntoViewIfNeeded();
        await editor.screenshot('calibrate-plot');
        await editor.closeDialog();
        assert.match(label, /^Predicted against measured latency of 160 runs/);
        assert.match(
          label,
          /within \d+(\.\d+)? % of the measurement before calibration, and within [1-9](\.\d+)? % after/,
        );
        assert.deepEqual(before, [160, 'none']);
        assert.deepEqual([after[0], after[1] === 'none'], [160, false]);
        assert.equal(diagonals, 1);
        assert.ok(Math.max(...offDiagonal) < 0.06);
      } finally {
        await page.unroute(route);
      }
    });

    it('starts, follows and cancels by its buttons; keeps the focus, and asks no more once it is closed', async () => {
      const { page } = editor;
      let state = withStatus({});
      let asked = 0;
      const told: unknown[] = [];
      await page.route(route, (request) => {
        if (request.request().method() === 'POST') {
          const body = request.request().postDataJSON() as { action: string };
          told.push(body);
          const isStart = body.action === 'start';
          state = withStatus(
            isStart ? { phase: 'measuring', total: 160 } : { phase: 'cancelled', done: 3, total: 160 },
          );
        } else asked += 1;
        return request.fulfill({ json: state });
      });
      try {
        await open();
        await page.click('#ecomap-device-calibration-start');
        const cancel = page.locator('#ecomap-device-calibration-cancel');
        await cancel.waitFor();
        assert.equal(await cancel.evaluate((button) => button === document.activeElement), true);
        state = withStatus({ phase: 'measuring', done: 3, total: 160, secondsLeft: 600 });
        await page.locator(tab).getByText('3 of 160, about 10 min left in all').waitFor();
        const bar = page.locator(`${tab} [role=progressbar]`);
        assert.equal(await bar.getAttribute('aria-valuenow'), '3');
        await editor.closeDialog();
        const asOfClosing = asked;
        await page.waitForTimeout(2_500);
        assert.equal(asked, asOfClosing, 'a closed dialog goes on asking');
        // What has happened meanwhile is there when it is opened again.
        await open();
        await cancel.click();
        await page.locator(tab).getByText('Cancelled.').waitFor();
        await editor.closeDialog();
        assert.deepEqual(told, [{ action: 'start' }, { action: 'cancel' }]);
      } finally {
        await page.unroute(route);
      }
    });

    it('says why the runtime did not take a click, until the next', async () => {
      const { page } = editor;
      await page.route(route, (request) =>
        request.request().method() === 'POST'
          ? request.fulfill({ status: 400, json: { code: 'INVALID_MESSAGE', message: 'another one is at it' } })
          : request.fulfill({ json: withStatus({}) }),
      );
      try {
        await open();
        await page.click('#ecomap-device-calibration-start');
        const problem = page.locator('#ecomap-device-calibration-problem');
        await problem.getByText('INVALID_MESSAGE: another one is at it').waitFor();
        await page.waitForTimeout(4_500);
        assert.match(await problem.innerText(), /another one is at it/);
        await page.unroute(route);
        await page.route(route, (request) => request.fulfill({ status: 401, body: 'Unauthorized' }));
        await page.click('#ecomap-device-calibration-start');
        await problem.getByText('may you change devices?').waitFor();
        await editor.closeDialog();
      } finally {
        await page.unroute(route);
      }
    });
  });
}
