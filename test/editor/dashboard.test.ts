import assert from 'node:assert/strict';
import { exampleFlows } from '../support/ecomap-flow';
import { NodeRedRuntime, nodeRedVersion } from '../support/node-red-runtime';
import { BrowserPage, chromiumPath } from './browser-page';

describe('the dashboard of "01 - Start here"', function () {
  this.timeout(120_000);
  let runtime: NodeRedRuntime | undefined;
  let dashboard: BrowserPage;

  const flow = exampleFlows().get('01 - Start here.json') ?? [];
  const ofType = (type: string) => flow.filter((node) => node.type === type);

  before(async function () {
    if (chromiumPath() === null) {
      console.log('      skipped: no Chromium: set CHROMIUM or install it at /usr/bin/chromium');
      return this.skip();
    }
    runtime = await NodeRedRuntime.start({ flow });
    dashboard = await BrowserPage.openUrl(`${runtime.url}/dashboard`, 'light', `${nodeRedVersion()}-dashboard`);
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
    const tenants = ofType('ecomap-tenant').map(({ name }) => String(name));
    assert.ok(tenants.length > 0);
    await page.waitForFunction(
      (names) => {
        const rows = [...document.querySelectorAll('table tr')].map((row) => row.textContent ?? '');
        return names.every((name) => rows.some((row) => row.includes(name)));
      },
      tenants,
      { timeout: 60_000 },
    );
  });

  it('works without an error in the console', async () => {
    // Long enough for a few points in each chart.
    await dashboard.page.waitForTimeout(8000);
    await dashboard.screenshot('page');
    assert.deepEqual(
      dashboard.errors.filter((text) => !/favicon/.test(text)),
      [],
    );
  });
});
