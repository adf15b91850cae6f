import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../src/models/package-root';
import { childrenOf, freePort, isRunning, until } from '../support/node-red-runtime';

/** `npm start` as a stranger runs it, with a user directory of the test's own. */
class Started {
  output = '';

  private constructor(
    readonly child: ChildProcess,
    readonly url: string,
  ) {
    const keep = (chunk: Buffer): void => {
      this.output += chunk.toString('utf8');
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  /** Without npm around it, unless asked for: then what is killed is npm. */
  static run(port: string, userDirectory: string, byNpm = false): Started {
    const root = packageRoot(__dirname);
    const [command, args] = byNpm ? ['npm', ['start']] : [process.execPath, [join(root, 'scripts/start.mjs')]];
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, PORT: port, ECOMAP_USER_DIRECTORY: userDirectory, npm_lifecycle_event: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
      // As a terminal does: Ctrl-C goes to the group.
      detached: true,
    });
    return new Started(child, `http://127.0.0.1:${port}`);
  }

  /** The exit code, or null after a signal. */
  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }

  async says(text: RegExp, timeoutMs = 60_000): Promise<void> {
    await until(async () => (text.test(this.output) ? true : null), `${text} in "${this.output}"`, timeoutMs);
  }

  /** Node-RED and all that it started. */
  async family(): Promise<number[]> {
    return childrenOf(this.child.pid ?? -1);
  }
}

describe('npm start', function () {
  this.timeout(120_000);
  let userDirectory: string;
  let started: Started | null = null;

  beforeEach(async () => {
    userDirectory = await mkdtemp(join(tmpdir(), 'ecomap-start-'));
  });
  afterEach(async () => {
    if (started !== null && started.child.exitCode === null) {
      started.child.kill('SIGTERM');
      await started.ended();
    }
    started = null;
    await rm(userDirectory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  const familyEnds = (family: readonly number[]) =>
    until(
      async () => ((await Promise.all(family.map(isRunning))).some(Boolean) ? null : true),
      'the end of all processes',
      25_000,
    );

  it('serves editor and dashboard on this machine only, tells what the loop does, and ends without a trace', async () => {
    started = Started.run(String(await freePort()), userDirectory);
    await started.says(/editor +http:\/\/127\.0\.0\.1:\d+\/\n +dashboard +http:\/\/127\.0\.0\.1:\d+\/dashboard\n/);
    for (const path of ['/', '/dashboard']) {
      const response = await fetch(started.url + path);
      assert.equal(response.status, 200, path);
    }
    await started.says(/\d+ served/);
    assert.doesNotMatch(started.output, /error|warning/i);
    const family = await started.family();
    assert.ok(family.length >= 2, 'Node-RED and at least one inference host');
    started.child.kill('SIGTERM');
    assert.equal(await started.ended(), 0);
    await familyEnds(family);
  });

  for (const [who, signal] of [
    ['the script', 'SIGKILL'],
    ['npm', 'SIGTERM'],
    ['the terminal', 'SIGINT'],
    ['npm', 'SIGKILL'],
  ] as const) {
    it(`takes Node-RED along when ${who} gets a ${signal}`, async () => {
      started = Started.run(String(await freePort()), userDirectory, who !== 'the script');
      await started.says(/dashboard +http/);
      const family = await started.family();
      assert.ok(family.length > 0);
      process.kill((started.child.pid ?? 0) * (who === 'the terminal' ? -1 : 1), signal);
      await familyEnds(family);
    });
  }

  it('keeps the flow that its user has changed, and renews the one that nobody touched', async () => {
    const flows = join(userDirectory, 'flows.json');
    const run = async (): Promise<string> => {
      started = Started.run(String(await freePort()), userDirectory);
      await started.says(/dashboard +http/);
      started.child.kill('SIGINT');
      assert.equal(await started.ended(), 0);
      return started.output;
    };
    await run();
    const original = await readFile(flows, 'utf8');
    assert.doesNotMatch(await run(), /keeping/);
    assert.equal(await readFile(flows, 'utf8'), original);
    const changed = JSON.stringify([{ id: 'mine', type: 'tab', label: 'mine' }]);
    await writeFile(flows, changed);
    assert.match(await run(), /keeping your flows\.json/);
    assert.equal(await readFile(flows, 'utf8'), changed);
  });

  it('says at once, and before anything else, that a port is taken and what to do', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    started = Started.run(String(address.port), userDirectory);
    assert.equal(await started.ended(), 1);
    assert.match(started.output, new RegExp(`^Port ${address.port} is in use .*PORT=1881 npm start\n$`));
    server.close();
  });

  for (const port of ['0', 'abc', '70000', '-1', '18.5']) {
    it(`refuses PORT=${port} with a reason`, async () => {
      started = Started.run(port, userDirectory);
      assert.equal(await started.ended(), 1);
      assert.match(started.output, new RegExp(`^PORT is "${port}": it must be a number from 1 to 65535`));
    });
  }
});
