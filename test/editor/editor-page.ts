import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { packageRoot } from '../../src/models/package-root';

/** Where Chromium is, or null: then the editor tests are skipped. */
export function chromiumPath(): string | null {
  const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  return candidates.find((path): path is string => path !== undefined && path !== '' && existsSync(path)) ?? null;
}

export type Scheme = 'light' | 'dark';

/** The editor in a browser, with every error that its console or its scripts report. */
export class EditorPage {
  readonly errors: string[] = [];

  private constructor(
    readonly page: Page,
    private readonly browser: Browser,
    private readonly name: string,
  ) {}

  static async open(url: string, scheme: Scheme, name: string): Promise<EditorPage> {
    const executablePath = chromiumPath();
    if (executablePath === null) throw new Error('no Chromium');
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
    const page = await browser.newPage({ colorScheme: scheme, viewport: { width: 1400, height: 1000 } });
    const editor = new EditorPage(page, browser, `${name}-${scheme}`);
    page.on('pageerror', (error) => editor.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') editor.errors.push(`${message.text()} (${message.location().url})`);
    });
    // The compiler of the tests wraps functions in this; those that run in the page take it along.
    await page.addInitScript('globalThis.__name = (target) => target');
    // Node-RED 5 is light unless its user chooses otherwise.
    await page.addInitScript((chosen) => localStorage.setItem('view-dark-theme', chosen), scheme);
    try {
      await page.goto(url);
      await editor.#untilLoaded();
    } catch (error) {
      await browser.close();
      throw error;
    }
    return editor;
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.#untilLoaded();
  }

  /** Opens the edit dialog of a node as a double click does, and waits until it stands still. */
  async openDialog(id: string): Promise<void> {
    await this.page.evaluate((nodeId) => {
      const { nodes, editor } = (globalThis as unknown as { RED: EditorApi }).RED;
      const node = nodes.node(nodeId);
      if (node._def.category === 'config') editor.editConfig('', node.type, nodeId);
      else editor.edit(node);
    }, id);
    await this.page.waitForSelector('.red-ui-tray form, .red-ui-tray .form-row', { state: 'visible' });
    await this.page.waitForTimeout(400);
  }

  async closeDialog(): Promise<void> {
    await this.page.click('#node-dialog-cancel, #node-config-dialog-cancel');
    await this.page.waitForSelector('.red-ui-tray', { state: 'detached' });
  }

  async screenshot(what: string): Promise<void> {
    const folder = join(packageRoot(__dirname), '.cache/screenshots');
    await mkdir(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${this.name}-${what}.png`) });
  }

  async close(): Promise<void> {
    await this.browser.close();
  }

  async #untilLoaded(): Promise<void> {
    const { page } = this;
    await page.waitForFunction(() => document.querySelector('.red-ui-palette-node') !== null, undefined, {
      timeout: 60_000,
    });
    await page.waitForSelector('#red-ui-loading-progress', { state: 'hidden' });
  }
}

/** The part of the editor's own object that the tests use. */
export interface EditorApi {
  nodes: {
    node(id: string): EditorNode;
    getType(type: string): EditorDefinition | undefined;
  };
  editor: { edit(node: EditorNode): void; editConfig(name: string, type: string, id: string): void };
}

export interface EditorNode {
  type: string;
  _def: EditorDefinition;
}

export interface EditorDefinition {
  category: string;
  defaults: Record<string, { required?: boolean; validate?: (this: unknown, value: unknown, opt: unknown) => unknown }>;
}
