import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { packageRoot } from '../../src/models/package-root';

/** Where Chromium is, or null: then the tests that need it are skipped. */
export function chromiumPath(): string | null {
  const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  return candidates.find((path): path is string => path !== undefined && path !== '' && existsSync(path)) ?? null;
}

export type Scheme = 'light' | 'dark';

/** A page in a browser of its own, with every error that its console or its scripts report. */
export class BrowserPage {
  readonly errors: string[] = [];

  protected constructor(
    readonly page: Page,
    private readonly browser: Browser,
    private readonly name: string,
  ) {
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(`${message.text()} (${message.location().url})`);
    });
  }

  static async launch(scheme: Scheme): Promise<{ page: Page; browser: Browser }> {
    const executablePath = chromiumPath();
    if (executablePath === null) throw new Error('no Chromium');
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    const page = await browser.newPage({ colorScheme: scheme, viewport: { width: 1400, height: 1000 } });
    // The compiler of the tests wraps functions in this; those that run in the page take it along.
    await page.addInitScript('globalThis.__name = (target) => target');
    return { page, browser };
  }

  static async openUrl(url: string, scheme: Scheme, name: string): Promise<BrowserPage> {
    const { page, browser } = await BrowserPage.launch(scheme);
    const opened = new BrowserPage(page, browser, `${name}-${scheme}`);
    await page.goto(url);
    return opened;
  }

  /** Into .cache/screenshots/, to be looked at. */
  async screenshot(what: string, fullPage = false): Promise<void> {
    const folder = join(packageRoot(__dirname), '.cache/screenshots');
    await mkdir(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${this.name}-${what}.png`), fullPage });
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}
