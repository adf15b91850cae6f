import { EcomapError } from '../signals/errors';
import { parseConfig } from './config';
import { PendingMessages } from './pending';
import { reportedError } from './reported-error';
import { closeOffer, markBroken, openOffer, provideResource, requireResource } from './resources';
import type { RuntimeApi, RuntimeNode } from './runtime-types';
import { stateDirectoryOf } from './state-directory';
import { ThrottledStatus } from './status';
import { NodeTimers } from './timers';
import type { NodeContext, NodeDefinition, NodeHandlers, NodeMessage, Send } from './types';

export interface Limits {
  /** Longest wait for a node's own `close`; Node-RED gives up at 15 s. */
  closeLimitMs: number;
  statusIntervalMs: number;
}

export const defaultLimits: Limits = { closeLimitMs: 12_000, statusIntervalMs: 1000 };

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** One node between deploy and close: its handlers, and everything it took that has to be given back. */
export class DeployedNode<Config> {
  readonly #pending: PendingMessages;
  readonly #timers: NodeTimers;
  readonly #status: ThrottledStatus;
  readonly #label: string;
  #handlers: NodeHandlers = {};
  #closed = false;

  constructor(
    private readonly red: RuntimeApi,
    private readonly node: RuntimeNode,
    private readonly definition: NodeDefinition<Config>,
    private readonly limits: Limits,
  ) {
    this.#label = node.name || definition.type;
    this.#pending = new PendingMessages((error) => node.error(error));
    this.#timers = new NodeTimers((thrown) => this.#report(thrown));
    this.#status = new ThrottledStatus((status) => node.status(status), limits.statusIntervalMs);
  }

  start(raw: object): void {
    const { node } = this;
    openOffer(node);
    // Node-RED looks at the number of declared parameters: two means (removed, done), awaited.
    node.on('close', (removed, done) => {
      this.#close(removed).then(done, done);
    });
    try {
      const config = parseConfig(this.definition.config, raw, `"${this.#label}"`);
      this.#handlers = this.definition.start(this.#context(config));
    } catch (thrown) {
      this.#startBroken(thrown);
    }
    const input = this.#handlers.input?.bind(this.#handlers);
    if (input) this.#receiveWith(input);
    // Node-RED knows a flow's Status nodes only once it has made all of the flow's nodes.
    setImmediate(() => this.#status.release());
  }

  #receiveWith(input: NonNullable<NodeHandlers['input']>): void {
    this.node.on('input', (message, send, done) => {
      const settle = this.#pending.begin(done);
      const sendWhileOpen: Send = (outgoing) => {
        if (!this.#closed) send(outgoing);
      };
      let result: unknown;
      try {
        result = input(message, sendWhileOpen);
      } catch (thrown) {
        settle({ thrown });
        return;
      }
      if (isPromiseLike(result)) {
        Promise.resolve(result).then(
          () => settle(),
          (thrown: unknown) => settle({ thrown }),
        );
      } else {
        settle();
      }
    });
  }

  /** The node stays deployed, red, and says to every message why it cannot work. */
  #startBroken(thrown: unknown): void {
    const error = reportedError(thrown);
    this.#timers.stop();
    markBroken(this.node, error);
    this.node.error(error);
    const key = error.code === 'INVALID_CONFIG' ? 'adapter.invalidConfig' : 'adapter.failed';
    this.#status.set({ fill: 'red', shape: 'ring', text: this.red._(key) });
    this.#handlers = {
      input: () => {
        throw error;
      },
    };
  }

  async #close(removed: boolean): Promise<void> {
    this.#timers.stop();
    this.#status.stop();
    await this.#closeHandlers(removed);
    this.#closed = true;
    this.#pending.failAll(
      new EcomapError('NODE_CLOSED', `"${this.#label}" was stopped before it had answered this message.`),
    );
    closeOffer(this.node);
  }

  async #closeHandlers(removed: boolean): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const cutOff = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), this.limits.closeLimitMs);
    });
    const closing = (async () => {
      await this.#handlers.close?.(removed);
      return 'closed' as const;
    })();
    try {
      if ((await Promise.race([closing, cutOff])) === 'late') {
        this.node.warn(
          `Closing "${this.#label}" took longer than ${this.limits.closeLimitMs / 1000} s and was cut off.`,
        );
        closing.catch((thrown: unknown) => this.node.error(reportedError(thrown)));
      }
    } catch (thrown) {
      this.node.error(reportedError(thrown));
    } finally {
      clearTimeout(timer);
    }
  }

  #report(thrown: unknown, message?: NodeMessage): void {
    const error = reportedError(thrown);
    try {
      this.node.error(error, message);
    } catch (failure) {
      // The message could not be cloned for Catch: the log must still have the error.
      this.node.error(error);
      this.node.error(reportedError(failure));
    }
  }

  #context(config: Readonly<Config>): NodeContext<Config> {
    const { red, node } = this;
    return {
      id: node.id,
      type: this.definition.type,
      label: this.#label,
      config,
      credentials: Object.freeze({ ...node.credentials }),
      stateDirectory: stateDirectoryOf(red),
      settings: red.settings.ecomap,
      isWired: (output) => (node.wires?.[output]?.length ?? 0) > 0,
      status: (status) => {
        this.#status.set(
          status === null
            ? {}
            : { fill: status.fill, shape: status.shape, text: red._(status.key, { ...status.values }) },
        );
      },
      send: (outgoing) => {
        if (!this.#closed) node.send(outgoing);
      },
      error: (error, message) => this.#report(error, message),
      warn: (text) => node.warn(text),
      log: (text) => node.log(text),
      debug: (text) => node.debug(text),
      text: (key, values) => red._(key, { ...values }),
      every: (intervalMs, action) => this.#timers.every(intervalMs, action),
      after: (delayMs, action) => this.#timers.after(delayMs, action),
      provide: (kind, resource) => provideResource(node, kind, resource),
      resource: <Resource extends object>(nodeId: string | undefined, kind: string) =>
        requireResource<Resource>((id) => red.nodes.getNode(id), nodeId, kind),
    };
  }
}
