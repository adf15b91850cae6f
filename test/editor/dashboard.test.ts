import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { exampleFlows } from '../support/ecomap-flow';
import { NodeRedRuntime, nodeRedVersion, type Flow } from '../support/node-red-runtime';
import { BrowserPage, chromiumPath } from './browser-page';

/** Examples with a dashboard, and what its table says once it is fed. */
const dashboards: Readonly<Record<string, (flow: Flow) => string[]>> = {
  '01 - Start here.json': (flow) => flow.filter(({ type }) => type === 'ecomap-tenant').map(({ name }) => String(name)),
  '20 - Dashboard/Carbon dashboard.json': () => ['carbon intensity', 'energy', 'grams'],
};

for (const [example, rowsOf] of Object.entries(dashboards))
  describe(`the dashboard of "${example}"`, function () {
    this.timeout(120_000);
    let runtime: NodeRedRuntime | undefined;
    let dashboard: BrowserPage;

    const flow = exampleFlows().get(example) ?? [];
    const ofType = (type: string) => flow.filter((node) => node.type === type);

    before(async function () {
      if (chromiumPath() === null) {
        console.log('      skipped: no Chromium: set CHROMIUM or install it at /usr/bin/chromium');
        return this.skip();
      }
      runtime = await NodeRedRuntime.start({ flow });
      dashboard = await BrowserPage.openUrl(
        `${runtime.url}/dashboard`,
        'light',
        `${nodeRedVersion()}-${basename(example, '.json')}`,
      );
    });
    after(async () => {
      await dashboard?.close();
      await runtime?.stop();
    });

    it('shows its page with every group', async () => {
      for (const { name } of ofType('ui-group').filter(({ showTitle }) => showTitle !== false)) {
        await dashboard.page.getByText(String(name), { exact: true }).first().waitFor({ timeout: 30_000 });
      }
    });

    it('draws every chart', async () => {
      const charts = ofType('ui-chart').length;
      assert.ok(charts > 0);
      await dashboard.page.waitForFunction(
        (count) => [...document.querySelectorAll('canvas')].filter((canvas) => canvas.width > 50).length >= count,
        charts,
        { timeout: 30_000 },
      );
    });

    it('says in words and in a table what the loop does', async () => {
      const { page } = dashboard;
      await page.waitForFunction(() => /g\/kWh/.test(document.body.innerText), undefined, { timeout: 60_000 });
      const expected = rowsOf(flow);
      assert.ok(expected.length > 0);
      await page.waitForFunction(
        (names) => {
          const rows = [...document.querySelectorAll('table tr')].map((row) => row.textContent ?? '');
          return names.every((name) => rows.some((row) => row.includes(name)));
        },
        expected,
        { timeout: 60_000 },
      );
    });

    it('works without an error in the console', async () => {
      // Long enough for a few points in each chart.
      await dashboard.page.waitForTimeout(8000);
      await dashboard.screenshot('page', true);
      assert.deepEqual(
        dashboard.errors.filter((text) => !/favicon/.test(text)),
        [],
      );
    });
  });
