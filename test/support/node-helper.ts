import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeModule } from '../../src/node-red/defineNode';
import type { RuntimeNode } from '../../src/node-red/runtime-types';

/** A node in a test: what Node-RED made of the flow, plus the means to send to it and to listen. */
export interface TestNode extends RuntimeNode {
  receive(message: Record<string, unknown>): void;
  on(event: string, listener: (...values: never[]) => void): void;
  once(event: string, listener: (...values: never[]) => void): void;
}

interface Helper {
  init(runtimePath: string): void;
  settings(settings: object): unknown;
  load(
    modules: unknown | unknown[],
    flow: readonly object[],
    credentials?: Record<string, Record<string, string>>,
  ): Promise<void>;
  unload(): Promise<void>;
  setFlows(flow: readonly object[], type: 'full' | 'flows' | 'nodes'): Promise<void>;
  getNode(id: string): TestNode | null;
  request(): HttpAgent;
  startServer(): Promise<void>;
  stopServer(): Promise<void>;
  log(): { args: unknown[][] };
}

interface HttpAgent {
  get(path: string): HttpTest;
  post(path: string): HttpTest;
}

interface HttpTest extends PromiseLike<{ status: number; body: unknown }> {
  set(header: string, value: string): HttpTest;
  send(body: unknown): HttpTest;
}

const require = createRequire(__filename);
export const helper = require('node-red-node-test-helper') as Helper;
helper.init(require.resolve('node-red'));

/** A message as a Catch, Complete or Status node (or any other) passed it on to a `helper` node. */
export interface CaughtMessage extends Record<string, unknown> {
  error?: { message: string; code?: string; stack?: string; cause?: unknown; source: { id: string } };
  status?: { fill?: string; shape?: string; text?: string };
}

/** One running flow. `collect` starts to record at once; `waitFor` takes what is already there into account. */
export class TestFlow {
  readonly #received = new Map<string, CaughtMessage[]>();

  node(id: string): TestNode {
    const node = helper.getNode(id);
    if (node === null) throw new Error(`no node ${id} in the flow`);
    return node;
  }

  /** All messages that reached a node of type `helper`, oldest first; the array grows. */
  received(id: string): CaughtMessage[] {
    const known = this.#received.get(id);
    if (known !== undefined) return known;
    const messages: CaughtMessage[] = [];
    this.#received.set(id, messages);
    this.node(id).on('input', (message: CaughtMessage) => {
      messages.push(message);
    });
    return messages;
  }

  /** Resolves with the first message of a `helper` node that fits, or fails after `timeoutMs`. */
  async waitFor(
    id: string,
    fits: (message: CaughtMessage) => boolean = () => true,
    timeoutMs = 15_000,
  ): Promise<CaughtMessage> {
    const messages = this.received(id);
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const found = messages.find(fits);
      if (found !== undefined) return found;
      await once(this.node(id) as unknown as NodeJS.EventEmitter, 'input', { signal: deadline }).catch(() => {
        throw new Error(`nothing that fits reached ${id} in ${timeoutMs} ms; it has: ${JSON.stringify(messages)}`);
      });
    }
  }

  send(id: string, message: Record<string, unknown>): void {
    this.node(id).receive(message);
  }
}

/** Nodes that record what Catch, Complete and Status see of the whole tab: ids `caught`, `completed` and `statuses`. */
export function watchers(completeScope: readonly string[], tab = 'tab'): object[] {
  return [
    { id: 'catch', type: 'catch', z: tab, scope: null, uncaught: false, wires: [['caught']] },
    { id: 'complete', type: 'complete', z: tab, scope: completeScope, wires: [['completed']] },
    { id: 'status', type: 'status', z: tab, scope: null, wires: [['statuses']] },
    { id: 'caught', type: 'helper', z: tab, wires: [] },
    { id: 'completed', type: 'helper', z: tab, wires: [] },
    { id: 'statuses', type: 'helper', z: tab, wires: [] },
  ];
}

let userDirectory: string | null = null;

/**
 * Deploys a flow in the test helper. Call `stopFlow` after each test. A tab `tab` is added when the flow has none;
 * a node with `z` and `wires` is placed on the canvas, one without is a config node.
 * The user directory is a fresh temporary folder.
 */
export async function startFlow(
  modules: readonly NodeModule[],
  flow: readonly object[],
  options: { credentials?: Record<string, Record<string, string>>; settings?: object } = {},
): Promise<TestFlow> {
  userDirectory = await mkdtemp(join(tmpdir(), 'ecomap-nodes-'));
  await helper.startServer();
  helper.settings({ userDir: userDirectory, ...options.settings });
  const hasTab = flow.some((node) => 'type' in node && node.type === 'tab');
  // Node-RED takes a node without a position for a config node.
  const placed = flow.map((node) => ('z' in node && 'wires' in node ? { x: 100, y: 100, ...node } : node));
  const whole = hasTab ? placed : [{ id: 'tab', type: 'tab', label: 'test' }, ...placed];
  await helper.load([...modules], whole, options.credentials ?? {});
  const running = new TestFlow();
  for (const node of whole) {
    if ('type' in node && node.type === 'helper' && 'id' in node) running.received(String(node.id));
  }
  return running;
}

/** Does nothing when no flow is running. */
export async function stopFlow(): Promise<void> {
  if (userDirectory === null) return;
  await helper.unload();
  await helper.stopServer();
  await rm(userDirectory, { recursive: true, force: true });
  userDirectory = null;
}
