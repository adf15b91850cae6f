/** What this package uses of Node-RED's runtime. The published types lag behind (1.3); this is the surface of 4.1 and 5. */

export type Done = (error?: Error) => void;

/** A node as Node-RED sees it. */
export interface RuntimeNode {
  id: string;
  type: string;
  name?: string;
  wires?: readonly (readonly string[])[];
  credentials?: Record<string, string>;
  on(
    event: 'input',
    listener: (message: Record<string, unknown>, send: (outgoing: unknown) => void, done: Done) => void,
  ): void;
  on(event: 'close', listener: (removed: boolean, done: () => void) => void): void;
  send(outgoing: unknown): void;
  status(status: { fill?: string; shape?: string; text?: string }): void;
  error(error: Error | string, message?: Record<string, unknown>): void;
  warn(text: string): void;
  log(text: string): void;
  debug(text: string): void;
}

export interface HttpRequest {
  params: Record<string, string>;
  query: Record<string, unknown>;
  body?: unknown;
  headers: Record<string, string | string[] | undefined>;
}

export interface HttpResponse {
  status(code: number): HttpResponse;
  json(body: unknown): void;
  set(headers: Readonly<Record<string, string>>): HttpResponse;
  send(body: string): void;
  headersSent: boolean;
}

export type HttpHandler = (request: HttpRequest, response: HttpResponse, next: (error?: unknown) => void) => void;

export interface AdminApp {
  get(path: string, ...handlers: HttpHandler[]): unknown;
  post(path: string, ...handlers: HttpHandler[]): unknown;
}

/** `RED`, as the function that a node file exports receives it. */
export interface RuntimeApi {
  nodes: {
    createNode(node: RuntimeNode, raw: object): void;
    getNode(id: string): RuntimeNode | null | undefined;
    registerType(
      type: string,
      constructor: (this: RuntimeNode, raw: object) => void,
      options?: { credentials?: Record<string, { type: 'text' | 'password' }> },
    ): void;
  };
  settings: { userDir?: string; ecomap?: unknown };
  auth: { needsPermission(permission: string): HttpHandler };
  httpAdmin: AdminApp;
  _(key: string, values?: Readonly<Record<string, string | number>>): string;
}
