import { BrowserPage, type Scheme } from './browser-page';

/** The editor in a browser. */
export class EditorPage extends BrowserPage {
  static async open(url: string, scheme: Scheme, name: string): Promise<EditorPage> {
    const { page, browser } = await BrowserPage.launch(scheme);
    const editor = new EditorPage(page, browser, `${name}-${scheme}`);
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

  /** Shows the parts of the open form one after the other: one for each of its tabs, or the form itself. */
  async eachPart(look: (part: string) => Promise<void>): Promise<void> {
    const tabs = await this.page.$$('.red-ui-tray:last-child .form-row .red-ui-tab a.red-ui-tab-label');
    // What is folded away has labels, too.
    const unfold = () =>
      this.page.evaluate(() => {
        for (const folded of document.querySelectorAll<HTMLDetailsElement>('.red-ui-tray details')) folded.open = true;
      });
    if (tabs.length === 0) {
      await unfold();
      await look('');
    }
    for (const [index, tab] of tabs.entries()) {
      await tab.click();
      await unfold();
      await this.page.waitForTimeout(200);
      await look(`-${index + 1}`);
    }
  }

  async closeDialog(): Promise<void> {
    await this.page.click('#node-dialog-cancel, #node-config-dialog-cancel');
    await this.page.waitForSelector('.red-ui-tray', { state: 'detached' });
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
