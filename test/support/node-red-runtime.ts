import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../src/models/package-root';

export type Flow = readonly ({ readonly id: string; readonly type: string } & Record<string, unknown>)[];
export type DeploymentType = 'full' | 'flows' | 'nodes' | 'reload';

export interface LogEntry {
  readonly level: number;
  readonly msg: string;
  readonly type?: string;
  readonly id?: string;
}

export interface SeenMessage {
  readonly to: string;
  readonly topic?: unknown;
  readonly payload?: unknown;
  readonly tenant?: unknown;
  readonly ecomap?: unknown;
  readonly error?: { message: string; code?: string; source: { id: string } };
}

export interface ShownStatus {
  readonly fill?: string;
  readonly shape?: string;
  readonly text?: string;
}

/** What a Node-RED process holds, as seen from inside and from the system. */
export interface Holdings {
  /** Active handles and requests by kind, e.g. `Timeout`. */
  readonly resources: Readonly<Record<string, number>>;
  readonly listeners: Readonly<Record<'process' | 'events', Readonly<Record<string, number>>>>;
  /** Nodes of this package that the garbage collector could not free, by type. */
  readonly nodes: Readonly<Record<string, number>>;
  /** Open files by what they are, sockets and pipes by kind. */
  readonly files: Readonly<Record<string, number>>;
  readonly children: readonly number[];
}

const require = createRequire(__filename);

/** The Node-RED under test: NODE_RED names its folder (e.g. one of another version), otherwise it is the project's. */
export function nodeRedFolder(): string {
  return process.env.NODE_RED ?? dirname(require.resolve('node-red/package.json'));
}

export function nodeRedVersion(): string {
  const manifest = JSON.parse(readFileSync(join(nodeRedFolder(), 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const settingsOf = (port: number, extra: object): string => `
const extra = ${JSON.stringify(extra)};
module.exports = {
  uiHost: '127.0.0.1', uiPort: ${port}, flowFile: 'flows.json', credentialSecret: false,
  telemetry: { enabled: false, updateNotification: false }, externalModules: { autoInstall: false },
  logging: {
    console: { level: 'off' },
    test: { level: 'info', handler: () => ({ level, msg, type, id }) => {
      if (process.connected) process.send({ log: { level, type, id, msg: String(msg && msg.message || msg) } });
    } },
  },
  ...extra,
  editorTheme: { tours: false, palette: { catalogues: [] }, ...extra.editorTheme },
};
`;

export interface RuntimeOptions {
  readonly flow?: Flow;
  readonly settings?: object;
  /** Further node modules, by name: copied beside the probe. */
  readonly nodeFiles?: Readonly<Record<string, string>>;
}

/** A real Node-RED in a process of its own, with this package linked into a user directory of its own. */
export class NodeRedRuntime {
  readonly log: LogEntry[] = [];
  readonly #answers = new EventEmitter();
  #requests = 0;
  #deploys = 0;

  private constructor(
    readonly url: string,
    readonly userDirectory: string,
    private readonly child: ChildProcess,
  ) {
    this.#answers.setMaxListeners(100);
    child.on('message', (message: { log?: LogEntry; id?: number; event?: string; deploys?: number }) => {
      if (message.log !== undefined) this.log.push(message.log);
      if (message.id !== undefined) this.#answers.emit(`answer ${message.id}`, message);
      if (message.event === 'deployed') {
        this.#deploys = message.deploys ?? 0;
        this.#answers.emit('deployed');
      }
    });
  }

  static async start(options: RuntimeOptions = {}): Promise<NodeRedRuntime> {
    const userDirectory = await mkdtemp(join(tmpdir(), 'ecomap-node-red-'));
    const port = await freePort();
    const scope = join(userDirectory, 'node_modules/@ecomap');
    await mkdir(scope, { recursive: true });
    await symlink(packageRoot(__dirname), join(scope, 'node-red-ecomap'), 'dir');
    const nodes = join(userDirectory, 'nodes');
    await mkdir(nodes);
    await cp(join(__dirname, 'probe/ecomap-probe.html'), join(nodes, 'ecomap-probe.html'));
    await cp(join(__dirname, 'probe/ecomap-probe.cjs'), join(nodes, 'ecomap-probe.js'));
    for (const [name, code] of Object.entries(options.nodeFiles ?? {})) {
      await writeFile(join(nodes, `${name}.js`), code);
      await writeFile(join(nodes, `${name}.html`), '<script type="text/javascript"></script>');
    }
    await writeFile(join(userDirectory, 'settings.js'), settingsOf(port, options.settings ?? {}));
    await writeFile(join(userDirectory, 'flows.json'), JSON.stringify(options.flow ?? []));
    const child = fork(
      join(nodeRedFolder(), 'red.js'),
      ['--userDir', userDirectory, '--settings', join(userDirectory, 'settings.js')],
      {
        cwd: userDirectory,
        execArgv: ['--expose-gc', '--no-deprecation'],
        env: { ...process.env, PORT: String(port), NODE_OPTIONS: '' },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    );
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => output.push(chunk));
    const runtime = new NodeRedRuntime(`http://127.0.0.1:${port}`, userDirectory, child);
    const died = once(child, 'exit').then(() => {
      throw new Error(`Node-RED ended: ${Buffer.concat(output).toString('utf8')}${JSON.stringify(runtime.log)}`);
    });
    died.catch(() => undefined);
    await Promise.race([runtime.#untilStarted(), died]);
    return runtime;
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  async deploy(flow: Flow, type: DeploymentType = 'full'): Promise<void> {
    const before = this.#deploys;
    const response = await fetch(`${this.url}/flows`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'Node-RED-API-Version': 'v2',
        'Node-RED-Deployment-Type': type,
      },
      body: JSON.stringify({ flows: flow }),
    });
    if (!response.ok) throw new Error(`deploy: ${response.status} ${await response.text()}`);
    await this.#untilDeployed(before);
  }

  send(node: string, message: object): Promise<unknown> {
    return this.#ask('send', { node, message });
  }

  /** Calls a method of a node that the test has written, and returns what that gives or resolves with. */
  call(node: string, method: string, details: object = {}, limitMs?: number): Promise<unknown> {
    return this.#ask('call', { node, method, details }, limitMs);
  }

  /** Remembers no more than so many messages from now on. */
  async remember(count: number): Promise<void> {
    await this.#ask('remember', { count });
  }

  /** Every message that reached a node since the last call. */
  async messages(): Promise<readonly SeenMessage[]> {
    return (await this.#ask('messages')) as readonly SeenMessage[];
  }

  async statuses(): Promise<Readonly<Record<string, ShownStatus>>> {
    return (await this.#ask('statuses')) as Readonly<Record<string, ShownStatus>>;
  }

  async nodes(): Promise<Readonly<Record<string, { type: string; exists: boolean }>>> {
    return (await this.#ask('nodes')) as Readonly<Record<string, { type: string; exists: boolean }>>;
  }

  async holdings(): Promise<Holdings> {
    const inside = (await this.#ask('alive')) as Pick<Holdings, 'resources' | 'listeners' | 'nodes'>;
    return { ...inside, files: await openFiles(this.pid), children: await childrenOf(this.pid) };
  }

  /** Ends Node-RED as a service manager would, and everything that it has not ended itself fails the test. */
  async stop(): Promise<void> {
    try {
      await this.end();
    } finally {
      await rm(this.userDirectory, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  /** The same, but leaves the user directory for the test to look at until `stop`. */
  async end(): Promise<void> {
    const children = await childrenOf(this.pid);
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), 20_000);
      this.child.kill('SIGTERM');
      await exited;
      clearTimeout(timer);
    }
    const alive: number[] = [];
    for (const pid of children) if (await isRunning(pid)) alive.push(pid);
    for (const pid of alive) process.kill(pid, 'SIGKILL');
    if (alive.length > 0) throw new Error(`Node-RED has left ${alive.length} processes behind`);
  }

  async #untilStarted(): Promise<void> {
    await this.#untilDeployed(0);
    for (;;) {
      const ok = await fetch(this.url).then(
        (response) => response.ok,
        () => false,
      );
      if (ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #untilDeployed(before: number): Promise<void> {
    const signal = AbortSignal.timeout(60_000);
    while (this.#deploys <= before) await once(this.#answers, 'deployed', { signal });
  }

  async #ask(command: string, details: object = {}, limitMs = 30_000): Promise<unknown> {
    const id = (this.#requests += 1);
    const answered = once(this.#answers, `answer ${id}`, { signal: AbortSignal.timeout(limitMs) });
    this.child.send({ id, command, ...details });
    const [message] = (await answered) as [{ answer?: unknown; failure?: string }];
    if (message.failure !== undefined) throw new Error(`${command}: ${message.failure}`);
    return message.answer;
  }
}

async function parentOf(pid: number): Promise<number | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? null : Number(parent);
  } catch {
    return null;
  }
}

export async function isRunning(pid: number): Promise<boolean> {
  return (await parentOf(pid)) !== null;
}

/** All processes below one, children of children included. */
export async function childrenOf(pid: number): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((number) => Number.isInteger(number) && number > 0);
  const parents = new Map<number, number | null>();
  for (const candidate of pids) parents.set(candidate, await parentOf(candidate));
  const isBelow = (candidate: number): boolean => {
    const parent = parents.get(candidate) ?? null;
    return parent !== null && (parent === pid || (parent > 1 && isBelow(parent)));
  };
  return pids.filter((candidate) => candidate !== pid && isBelow(candidate));
}

/** The inference hosts below a process. */
export async function hostsOf(pid: number): Promise<number[]> {
  const found: number[] = [];
  for (const child of await childrenOf(pid)) {
    const command = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('inference-host')) found.push(child);
  }
  return found;
}

async function openFiles(pid: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => null);
    if (target === null) continue;
    const kind = target.replace(/:\[\d+\]$/, '');
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Polls until `look` returns something else than null. */
export async function until<T>(look: () => Promise<T | null>, what: string, timeoutMs = 30_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
