import assert from 'node:assert/strict';
import { NodeRedRuntime, nodeRedVersion } from '../support/node-red-runtime';
import { startProviderServer, type ProviderServer } from '../unit/carbon/provider-server';
import { chromiumPath, type Scheme } from './browser-page';
import { EditorPage } from './editor-page';
import { formFacts } from './form-facts';

const token = 'SECRET-0f-the-form';
const schemes: readonly Scheme[] = nodeRedVersion().startsWith('4.') ? ['light'] : ['light', 'dark'];
const nothingWrong = { untranslated: [], unlabelled: [], faint: [], cut: [] };

/** Electricity Maps as of this hour, for whoever has the token. */
function electricityMaps(): ProviderServer['answer'] {
  return (request, response) => {
    if (request.headers['auth-token'] !== token) {
      response.writeHead(401).end('{"error":"Invalid auth-token"}');
      return;
    }
    const hour = (offset: number): string =>
      new Date((Math.floor(Date.now() / 3_600_000) + offset) * 3_600_000).toISOString();
    const value = (offset: number) => ({
      zone: 'DE',
      carbonIntensity: 300 + 10 * offset,
      datetime: hour(offset),
      isEstimated: true,
      estimationMethod: 'TIME_SLICER',
    });
    const offsets = Array.from({ length: 25 }, (_, index) => index);
    if (request.url?.includes('/forecast')) response.end(JSON.stringify({ zone: 'DE', forecast: offsets.map(value) }));
    else if (request.url?.includes('/history')) {
      response.end(JSON.stringify({ zone: 'DE', history: offsets.map((index) => value(index - 24)) }));
    } else response.end(JSON.stringify(value(0)));
  };
}

for (const scheme of schemes) {
  describe(`the form of a grid, ${scheme}`, function () {
    this.timeout(120_000);
    let runtime: NodeRedRuntime | undefined;
    let server: ProviderServer | undefined;
    let editor: EditorPage;

    before(async function () {
      if (chromiumPath() === null) {
        console.log('      skipped: no Chromium: set CHROMIUM or install it at /usr/bin/chromium');
        return this.skip();
      }
      server = await startProviderServer(electricityMaps());
      runtime = await NodeRedRuntime.start();
      await runtime.deploy([
        { id: 'tab', type: 'tab', label: 'grids' },
        { id: 'grid-1', type: 'ecomap-grid', provider: 'simulated', mode: 'accelerated', dayLengthS: '60' },
        { id: 'grid-2', type: 'ecomap-grid', provider: 'electricity-maps', zone: 'DE', baseUrl: server.baseUrl },
        { id: 'ci', type: 'ecomap-carbon-intensity', z: 'tab', x: 200, y: 80, grid: 'grid-1', wires: [[]] },
        { id: 'ci2', type: 'ecomap-carbon-intensity', z: 'tab', x: 200, y: 160, grid: 'grid-2', wires: [[]] },
      ]);
      editor = await EditorPage.open(runtime.url, scheme, nodeRedVersion());
    });
    after(async () => {
      await editor?.close();
      await runtime?.stop();
      await server?.stop();
    });

    const answer = async (): Promise<string> => {
      const place = editor.page.locator('#ecomap-grid-test-answer');
      await place.locator('.fa-check-circle, .fa-times-circle').waitFor();
      return (await place.innerText()).trim();
    };

    it('draws the last 24 hours and the forecast of a deployed grid, and says them in words', async () => {
      await editor.openDialog('grid-1');
      const strip = editor.page.locator('#ecomap-grid-strip');
      const svg = strip.locator('svg[role=img]');
      await svg.waitFor();
      const label = (await svg.getAttribute('aria-label')) ?? '';
      assert.match(label, /^Last 24 hours: \d+ to \d+ g\/kWh\. Now: \d+ g\/kWh \(simulated\)\./);
      assert.match(label, /The provider's forecast for 24 hours: \d+ to \d+ g\/kWh\.$/);
      assert.equal(await strip.locator('p').innerText(), label);
      assert.equal(await svg.locator('[data-ecomap-part=past]').count(), 1);
      assert.equal(await svg.locator('[data-ecomap-part=forecast]').count(), 1);
      await editor.page.click('#ecomap-grid-test');
      assert.match(await answer(), /g CO2eq\/kWh \(simulated\)\n+Zone simulated, average, basis: unknown/);
      const { untranslated, unlabelled, faint, cut } = await editor.page.evaluate(formFacts);
      await editor.screenshot('grid-simulated');
      await editor.closeDialog();
      assert.deepEqual({ untranslated, unlabelled, faint, cut }, nothingWrong);
    });

    it('draws the band of the interval where the runtime knows one', async () => {
      const at = Date.now();
      const point = (hour: number, more: object = {}) => ({
        validFrom: new Date(at + hour * 3_600_000).toISOString(),
        validTo: new Date(at + (hour + 1) * 3_600_000).toISOString(),
        intensityGPerKwh: 300 + 20 * Math.sin(hour / 4),
        quality: 'measured',
        ...more,
      });
      const course = {
        ...{ provider: 'gb', zone: 'GB', signal: 'average', basis: 'operational', quality: 'estimated' },
        ...{ intensityGPerKwh: 300, attribution: '', at: new Date(at).toISOString(), forecastBy: 'own' },
        past: Array.from({ length: 24 }, (_, hour) => point(hour - 24)).filter((_, hour) => hour !== 9),
        forecast: Array.from({ length: 48 }, (_, hour) =>
          point(hour, { lowerGPerKwh: 280 - hour, upperGPerKwh: 320 + hour }),
        ),
      };
      await editor.page.route('**/ecomap/grid/grid-1/course', (route) => route.fulfill({ json: course }));
      try {
        await editor.openDialog('grid-1');
        const svg = editor.page.locator('#ecomap-grid-strip svg');
        await svg.waitFor();
        assert.equal(await svg.locator('[data-ecomap-part=band]').count(), 48);
        const past = (await svg.locator('[data-ecomap-part=past]').getAttribute('d')) ?? '';
        assert.equal(past.split('M').length - 1, 2, 'a gap breaks the line');
        assert.match((await svg.getAttribute('aria-label')) ?? '', /Own forecast for 48 hours/);
        await editor.screenshot('grid-strip');
        await editor.closeDialog();
      } finally {
        await editor.page.unroute('**/ecomap/grid/grid-1/course');
      }
    });

    for (const provider of ['gb', 'electricity-maps', 'watttime', 'carbon-aware-sdk', 'injected', 'trace', 'static']) {
      it(`shows the fields of ${provider}: translated, labelled, readable`, async () => {
        await editor.openDialog('grid-1');
        await editor.page.selectOption('#node-config-input-provider', provider);
        const { untranslated, unlabelled, faint, cut } = await editor.page.evaluate(formFacts);
        await editor.screenshot(`grid-${provider}`);
        await editor.closeDialog();
        assert.deepEqual({ untranslated, unlabelled, faint, cut }, nothingWrong);
      });
    }

    it('tests a connection before the deploy with what is typed, and says what is wrong and what to do', async () => {
      const { page } = editor;
      await editor.openDialog('grid-1');
      await page.selectOption('#node-config-input-provider', 'electricity-maps');
      await page.click('#ecomap-grid-test');
      assert.match(await answer(), /^INVALID_CONFIG: .*zone: must name a zone/);
      await page.fill('#node-config-input-zone', 'DE');
      await page.fill('#node-config-input-baseUrl', server?.baseUrl ?? '');
      await page.fill('#node-config-input-token', 'wrong');
      await page.click('#ecomap-grid-test');
      const wrong = await answer();
      assert.match(wrong, /^PROVIDER_UNAUTHORIZED: .*answered 401 \(Invalid auth-token\)/);
      assert.match(wrong, /Check the token or the account/);
      await page.fill('#node-config-input-token', token);
      await page.click('#ecomap-grid-test');
      await page.locator('#ecomap-grid-test-answer .fa-check-circle').waitFor();
      const right = await answer();
      assert.match(right, /^300 g CO2eq\/kWh \(estimated, TIME_SLICER\)\n+Zone DE, average, basis: life cycle/);
      assert.match(right, /Its interval began \d+ minutes ago\n+The provider's forecast reaches 2[45] hours ahead/);
      await editor.screenshot('grid-test');
      await editor.closeDialog();
    });

    it('keeps the token out of the flow, of what is exported and of the form, and still tests with it', async () => {
      const { page } = editor;
      await editor.openDialog('grid-2');
      await page.fill('#node-config-input-token', token);
      await page.click('#node-config-dialog-ok');
      await page.waitForSelector('.red-ui-tray', { state: 'detached' });
      const exported = await page.evaluate(() => {
        const { nodes } = (globalThis as unknown as { RED: { nodes: ExportApi } }).RED;
        return JSON.stringify(nodes.createExportableNodeSet([nodes.node('grid-2')]));
      });
      assert.match(exported, /electricity-maps/);
      assert.doesNotMatch(exported, new RegExp(token));
      await page.click('#red-ui-header-button-deploy');
      // The button is grey from the click on; what was typed is the editor's own until the runtime has answered.
      await page.waitForFunction(() => {
        const { nodes } = (globalThis as unknown as { RED: { nodes: ExportApi } }).RED;
        return nodes.node('grid-2').changed === false;
      });
      const flows = await (await fetch(`${runtime?.url}/flows`)).text();
      assert.match(flows, /electricity-maps/);
      assert.doesNotMatch(flows, new RegExp(token));

      await editor.openDialog('grid-2');
      assert.doesNotMatch(await page.inputValue('#node-config-input-token'), new RegExp(token));
      await page.click('#ecomap-grid-test');
      assert.match(await answer(), /^300 g CO2eq\/kWh/);
      await page.fill('#node-config-input-baseUrl', 'http://127.0.0.1:9');
      await page.click('#ecomap-grid-test');
      await page.locator('#ecomap-grid-test-answer .fa-times-circle').waitFor();
      assert.match(await answer(), /stored secret belongs to another provider or address/);
      await editor.closeDialog();
      assert.deepEqual(
        runtime?.log.filter((entry) => JSON.stringify(entry).includes(token)),
        [],
      );
    });
  });
}

interface ExportApi {
  node(id: string): { readonly changed?: boolean };
  createExportableNodeSet(set: readonly object[]): unknown;
}
