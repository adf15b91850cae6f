import type { z } from 'zod';
import type { ErrorCode } from '../signals/errors';

/** A Node-RED message: whatever a flow put into it. Nodes pass on the object they received, with its other properties. */
export interface NodeMessage {
  [property: string]: unknown;
  topic?: unknown;
  payload?: unknown;
}

/** One message per output; null leaves an output silent. A single message goes to the first output. */
export type Outgoing = NodeMessage | readonly (NodeMessage | readonly NodeMessage[] | null)[];
export type Send = (outgoing: Outgoing) => void;

export interface NodeStatus {
  fill: 'red' | 'green' | 'yellow' | 'blue' | 'grey';
  shape: 'dot' | 'ring';
  /** Key in the node's own catalogue (locale.json), e.g. `status.ready`; under 20 characters when filled in. */
  key: string;
  values?: Readonly<Record<string, string | number>>;
}

/** What a node's code may do. Everything taken through it (timers, status) is given back at close. */
export interface NodeContext<Config, Credentials = Readonly<Record<string, string>>> {
  readonly id: string;
  readonly type: string;
  /** The user's name for the node, or its type. */
  readonly label: string;
  /** Parsed once, frozen. */
  readonly config: Readonly<Config>;
  readonly credentials: Readonly<Partial<Credentials>>;
  /** Node-RED's user directory: profiles, caches and ledgers live in `ecomap/` below it. */
  readonly stateDirectory: string;
  /** `settings.js` property `ecomap`, unparsed: limits that a flow must not change. */
  readonly settings: unknown;
  /** True when something is wired to that output (0 is the first). */
  isWired(output: number): boolean;
  /** Throttled to one per second; the last one wins. null clears. */
  status(status: NodeStatus | null): void;
  /** Sends outside of an input handler. */
  send(outgoing: Outgoing): void;
  /** Reports an error that belongs to no message, or to `message` (then Catch receives it). */
  error(error: unknown, message?: NodeMessage): void;
  warn(text: string): void;
  log(text: string): void;
  debug(text: string): void;
  /** A text of the node's catalogue. */
  text(key: string, values?: Readonly<Record<string, string | number>>): string;
  /** Timers that are cleared at close. A rejection of `action` is reported by `error`. */
  every(intervalMs: number, action: () => void | Promise<void>): () => void;
  after(delayMs: number, action: () => void | Promise<void>): () => void;
  /** Config nodes only: what the nodes that refer to this one may use. */
  provide(kind: string, resource: object): void;
  /**
   * What another (config) node provides.
   * @throws EcomapError INVALID_CONFIG when it is missing, disabled, broken or of another kind.
   */
  resource<Resource extends object>(nodeId: string | undefined, kind: string): Resource;
}

export interface NodeHandlers {
  /** Returning or resolving is `done()`, throwing or rejecting is `done(error)`: exactly once, always. */
  input?(message: NodeMessage, send: Send): void | Promise<void>;
  /** Awaited by Node-RED (and cut off after 12 s with a warning, before Node-RED's own 15 s). */
  close?(removed: boolean): void | Promise<void>;
}

export interface AdminRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  /** Node-RED's user directory. */
  readonly stateDirectory: string;
  /** `settings.js` property `ecomap`, unparsed. */
  readonly settings: unknown;
  /** What a deployed node provides, or null. */
  resource<Resource extends object>(nodeId: string, kind: string): Resource | null;
}

/** An answer of an admin route that is not JSON: a file to be saved, or text for a machine. */
export interface TextAnswer {
  readonly kind: 'text-answer';
  readonly text: string;
  readonly contentType: string;
  /** Browsers save the answer under this name. */
  readonly fileName: string;
}

/** GET or POST under `/ecomap/...` of the editor's server, never without a permission. */
export interface AdminRoute {
  readonly method: 'get' | 'post';
  readonly path: `/ecomap/${string}`;
  /** Checked by RED.auth.needsPermission, e.g. `ecomap-device.read`. */
  readonly permission: string;
  /** The JSON answer, or a {@link TextAnswer}. An EcomapError becomes status 400 with `{code, message}`, anything else 500. */
  handle(request: AdminRequest): unknown;
}

export interface NodeDefinition<Config> {
  readonly type: `ecomap-${string}`;
  /** Parses the raw config of a flow (numbers may be strings, old flows miss fields) into what the node trusts. */
  readonly config: z.ZodType<Config>;
  /** Names of secret (password) and plain (text) credentials. */
  readonly credentials?: Readonly<Record<string, 'text' | 'password'>>;
  readonly routes?: readonly AdminRoute[];
  /**
   * Wires the node. Called once per deployed node; must not block: long work belongs into a promise of its own whose
   * rejection goes to `node.error`. A throw here (or a config that does not parse) leaves the node deployed but red, and
   * every message to it ends in Catch with that error's code.
   */
  start(node: NodeContext<Config>): NodeHandlers;
}

/**
 * What Catch sees: `msg.error.code` and `msg.error.message`. The code is the thrown error's own (ErrorCode, or one of the
 * system such as ECONNREFUSED), INTERNAL_ERROR where it has none, NODE_CLOSED for what was still open at close.
 */
export interface ReportedError extends Error {
  code: ErrorCode | string;
}
