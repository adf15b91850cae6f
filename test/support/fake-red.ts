import type { NodeModule } from '../../src/node-red/defineNode';
import type { Done, HttpHandler, RuntimeApi, RuntimeNode } from '../../src/node-red/runtime-types';

type InputListener = (message: Record<string, unknown>, send: (outgoing: unknown) => void, done: Done) => void;
type CloseListener = (removed: boolean, done: () => void) => void;

/** What became of one message. */
export interface Outcome {
  dones: number;
  error: (Error & { code?: string }) | undefined;
  sent: unknown[];
}

/** A node in a runtime that counts instead of routing. */
export class FakeNode {
  readonly statuses: { fill?: string; shape?: string; text?: string }[] = [];
  readonly errors: (Error | string)[] = [];
  readonly warnings: string[] = [];
  readonly sent: unknown[] = [];
  closeDones = 0;
  closeArity = -1;
  #input: InputListener | null = null;
  #close: CloseListener | null = null;

  asRuntimeNode(id: string, type: string): RuntimeNode {
    const on = (event: 'input' | 'close', listener: InputListener | CloseListener): void => {
      if (event === 'input') this.#input = listener as InputListener;
      else {
        this.#close = listener as CloseListener;
        this.closeArity = listener.length;
      }
    };
    return {
      id,
      type,
      wires: [],
      on,
      send: (outgoing) => void this.sent.push(outgoing),
      status: (status) => void this.statuses.push(status),
      error: (error) => void this.errors.push(error),
      warn: (text) => void this.warnings.push(text),
      log: () => undefined,
      debug: () => undefined,
    };
  }

  receive(message: Record<string, unknown>): Outcome {
    const outcome: Outcome = { dones: 0, error: undefined, sent: [] };
    this.#input?.(
      message,
      (outgoing) => void outcome.sent.push(outgoing),
      (error) => {
        outcome.dones += 1;
        outcome.error = error;
      },
    );
    return outcome;
  }

  close(removed = true): Promise<void> {
    return new Promise((resolve) => {
      this.#close?.(removed, () => {
        this.closeDones += 1;
        resolve();
      });
    });
  }
}

export interface MountedRoute {
  readonly method: string;
  readonly path: string;
  readonly handlers: readonly HttpHandler[];
}

/** The part of `RED` that node modules use. `deploy` makes a node of the type that the module has registered. */
export class FakeRed {
  readonly permissions: string[] = [];
  readonly routes: MountedRoute[] = [];
  readonly nodes = new Map<string, RuntimeNode>();
  readonly #constructors = new Map<string, (this: RuntimeNode, raw: object) => void>();
  readonly api: RuntimeApi = {
    nodes: {
      createNode: () => undefined,
      getNode: (id) => this.nodes.get(id),
      registerType: (type, constructor) => void this.#constructors.set(type, constructor),
    },
    settings: { userDir: '/nowhere' },
    auth: {
      needsPermission: (permission) => {
        this.permissions.push(permission);
        return (_request, _response, next) => next();
      },
    },
    httpAdmin: {
      get: (path, ...handlers) => void this.routes.push({ method: 'get', path, handlers }),
      post: (path, ...handlers) => void this.routes.push({ method: 'post', path, handlers }),
    },
    _: (key) => key,
  };

  load(module: NodeModule): void {
    module(this.api);
  }

  deploy(type: string, raw: { id: string } & Record<string, unknown>): FakeNode {
    const constructor = this.#constructors.get(type);
    if (constructor === undefined) throw new Error(`${type} is not registered`);
    const node = new FakeNode();
    const runtimeNode = node.asRuntimeNode(raw.id, type);
    this.nodes.set(raw.id, runtimeNode);
    constructor.call(runtimeNode, { type, ...raw });
    return node;
  }
}
