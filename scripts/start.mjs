// npm start: installs and builds when needed, then runs Node-RED with the example flow in a user directory of its own, on this
// machine only. Plain Node.js: a fresh clone has nothing installed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { dirname, join, relative, resolve } from 'node:path';
import { checkNodeVersion, ensureBuilt, ensureInstalled, root, step } from './prepare.mjs';

const host = '127.0.0.1';
const userDirectory = resolve(process.env.ECOMAP_USER_DIRECTORY || join(root, '.node-red'));
/** Node-RED itself gives its nodes 15 s to close. */
const stopLimitMs = 20_000;
const startLimitMs = 120_000;

function fail(text) {
  console.error(text);
  process.exit(1);
}

function portFromEnvironment() {
  const text = process.env.PORT || '1880';
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  return fail(`PORT is "${text}": it must be a number from 1 to 65535, e.g. PORT=1881 npm start`);
}

/** Why nobody can listen on the port, or null. */
function portTrouble(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(error.code));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}

async function checkPort(port) {
  const trouble = await portTrouble(port);
  if (trouble === null) return;
  const next = `choose another one: PORT=${port === 1881 ? 1882 : 1881} npm start`;
  if (trouble === 'EADDRINUSE') fail(`Port ${port} is in use (by another Node-RED?). Stop what uses it, or ${next}`);
  fail(`Port ${port} cannot be used (${trouble}); ${next}`);
}

const sha256 = (data) => createHash('sha256').update(data).digest('hex');

/** Copies a file unless the user has changed the copy made before. */
function seed(source, name) {
  const target = join(userDirectory, name);
  const record = join(userDirectory, '.seeded', name);
  const content = readFileSync(source);
  const untouched =
    !existsSync(target) || (existsSync(record) && readFileSync(record, 'utf8').trim() === sha256(readFileSync(target)));
  if (!untouched) {
    console.log(`keeping your ${name} (delete ${target} to get the original again)`);
    return;
  }
  mkdirSync(dirname(record), { recursive: true });
  writeFileSync(target, content);
  writeFileSync(record, `${sha256(content)}\n`);
}

/** Node-RED finds this package as if it were installed in the user directory. */
function linkPackage() {
  const link = join(userDirectory, 'node_modules/@ecomap/node-red-ecomap');
  mkdirSync(dirname(link), { recursive: true });
  if (lstatSync(link, { throwIfNoEntry: false })) {
    if (existsSync(link) && realpathSync(link) === realpathSync(root)) return;
    rmSync(link, { recursive: true, force: true });
  }
  symlinkSync(relative(dirname(link), root), link, process.platform === 'win32' ? 'junction' : 'dir');
}

function prepareUserDirectory() {
  mkdirSync(userDirectory, { recursive: true });
  linkPackage();
  seed(join(root, 'scripts/node-red-settings.cjs'), 'settings.js');
  const example = join(root, 'examples/01 - Start here.json');
  if (!existsSync(example)) fail(`${example} is missing: this clone is incomplete`);
  seed(example, 'flows.json');
}

function answers(port) {
  return new Promise((resolve) => {
    const request = get({ host, port, path: '/', timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

async function untilItAnswers(port, ended) {
  const deadline = Date.now() + startLimitMs;
  while (Date.now() < deadline && !ended()) {
    if (await answers(port)) return true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return false;
}

/** Ends Node-RED and whatever it has started: all of them are in its process group. */
function endGroup(child, signal) {
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/**
 * The shell that npm has started us with, and npm. A signal to npm ends the shell, which does not pass it on: that these two
 * change is the only sign.
 */
function ancestors() {
  try {
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    return `${process.ppid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]}`;
  } catch {
    return String(process.ppid);
  }
}

async function main() {
  checkNodeVersion();
  const port = portFromEnvironment();
  await checkPort(port);
  await ensureInstalled();
  await ensureBuilt();
  prepareUserDirectory();

  const program = join(root, 'node_modules/node-red/red.js');
  const args = [
    '--no-deprecation',
    program,
    '--userDir',
    userDirectory,
    '--settings',
    join(userDirectory, 'settings.js'),
  ];
  // A process group of its own, so that Ctrl-C reaches Node-RED once, through us, and its children end with it.
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, PORT: String(port), NODE_RED_DISABLE_TELEMETRY: '1' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
  });
  let ended = false;
  let stopping = false;
  let failed = false;
  const exit = new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`Node-RED could not be started: ${error.message}`);
      ended = true;
      resolve(1);
    });
    child.on('exit', (code) => {
      ended = true;
      resolve(code ?? 1);
    });
  });
  const stop = () => {
    if (stopping) {
      endGroup(child, 'SIGKILL');
      return;
    }
    stopping = true;
    console.log('stopping ...');
    child.kill('SIGTERM');
    setTimeout(() => {
      console.error(`Node-RED did not stop within ${stopLimitMs / 1000} s and is ended`);
      endGroup(child, 'SIGKILL');
    }, stopLimitMs).unref();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  process.on('exit', () => endGroup(child, 'SIGKILL'));
  if (process.env.npm_lifecycle_event === 'start') {
    const npm = ancestors();
    setInterval(() => {
      if (ancestors() !== npm && !stopping) stop();
    }, 500);
  }

  const up = await step('starting Node-RED', () => untilItAnswers(port, () => ended), console.log);
  if (up && !stopping) {
    console.log(
      `\n  editor     http://${host}:${port}/\n  dashboard  http://${host}:${port}/dashboard\n\nCtrl-C stops it.\n`,
    );
  } else if (!ended && !stopping) {
    console.error(`Node-RED does not answer on port ${port} after ${startLimitMs / 1000} s`);
    failed = true;
    stop();
  }
  const code = await exit;
  endGroup(child, 'SIGKILL');
  process.exit(stopping && !failed ? 0 : code || 1);
}

try {
  await main();
} catch (error) {
  fail(error.message);
}
