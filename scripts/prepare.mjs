// What has to be there before anything of this project runs: its dependencies and its build. Plain Node.js, because a fresh
// clone has nothing installed. Everything it says goes to stderr, so that stdout stays free for results.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

/** Says what is being done and, when it takes longer than a second, for how long and when it is over. */
export async function step(what, action, say = console.error) {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  let next = 1;
  const timer = setInterval(() => {
    if (seconds() < next) return;
    say(next === 1 ? `${what} ...` : `${what} ... ${seconds()} s`);
    next = next === 1 ? 5 : next + (next < 30 ? 5 : 15);
  }, 250);
  try {
    const result = await action();
    if (next > 1) say(`${what}: done in ${seconds()} s`);
    return result;
  } finally {
    clearInterval(timer);
  }
}

/** Runs a command; its output is kept and only shown when it fails. */
export function runQuietly(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      const text = Buffer.concat(output).toString('utf8').trim();
      if (code === 0) resolve(text);
      else
        reject(
          new Error(
            `${[command, ...args].join(' ')} failed (exit ${code}):\n${text.split('\n').slice(-40).join('\n')}`,
          ),
        );
    });
  });
}

/** Runs npm, with the very Node.js that runs this script where npm says where it is. */
export function npm(args, options) {
  const cli = process.env.npm_execpath;
  if (cli && /npm-cli\.(c|m)?js$/.test(cli)) return runQuietly(process.execPath, [cli, ...args], options);
  return runQuietly('npm', args, { shell: process.platform === 'win32', ...options });
}

/** Why the dependencies are not as the lock file says, or null. Packages for other platforms may be missing. */
function installedWrongly() {
  const marker = 'node_modules/.package-lock.json';
  if (!existsSync(join(root, marker))) return 'nothing is installed';
  const installed = readJson(marker).packages ?? {};
  for (const [path, wanted] of Object.entries(readJson('package-lock.json').packages)) {
    if (path === '') continue;
    const found = installed[path];
    if (found === undefined && !wanted.optional) return `${path} is missing`;
    if (found !== undefined && found.version !== wanted.version) return `${path} has another version`;
  }
  return null;
}

export function checkNodeVersion() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Node.js ${process.versions.node} is too old: install version 20.19 or later (https://nodejs.org).`);
  process.exit(1);
}

export async function ensureInstalled() {
  const reason = installedWrongly();
  if (reason === null) return;
  // No install script is needed: the one of onnxruntime-node fetches CUDA files, which the CPU does not use.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await step(`installing dependencies (${reason})`, () => npm(args));
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function oldestFile(path) {
  if (!statSync(path).isDirectory()) return statSync(path).mtimeMs;
  return Math.min(...readdirSync(path).map((name) => (name === 'icons' ? Infinity : oldestFile(join(path, name)))));
}

function builtFromThis() {
  if (!existsSync(join(root, 'dist/nodes'))) return false;
  const sources = ['src', 'nodes', 'icons', 'bench', 'scripts/build.mjs', 'package.json'].map((path) =>
    join(root, path),
  );
  return oldestFile(join(root, 'dist')) >= Math.max(...sources.filter(existsSync).map(newest));
}

export async function ensureBuilt({ always = false } = {}) {
  if (!always && builtFromThis()) return;
  await step('building', () => runQuietly(process.execPath, [join(root, 'scripts/build.mjs')]));
}
