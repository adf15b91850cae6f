// npm test: installs and builds when needed, checks types, lint and format, then runs the tests. The last line is always
// `N passed, N failed, N skipped`; the exit code is not 0 when anything failed or no test ran.
//   npm test -- --only unit,nodes        some of the suites, without the checks of the sources
//   npm test -- --only runtime -- --grep redeploy    what follows the second -- goes to mocha
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkNodeVersion, ensureBuilt, ensureInstalled, root, runQuietly, step } from './prepare.mjs';

const suites = ['unit', 'nodes', 'runtime', 'editor', 'interop'];
/** A process that has reported its result must end by itself: whatever keeps it alive was left behind by a test. */
const lingerLimitMs = 20_000;
const suiteLimitMs = 20 * 60_000;

const tool = (path, ...args) => [join(root, 'node_modules', path), ...args];
const checks = {
  'types of the runtime': tool('typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'),
  'types of the editor': tool('typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.editor.json'),
  'types of the editor tests': tool('typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.editor-tests.json'),
  lint: tool('eslint/bin/eslint.js', '.'),
  format: tool('prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'),
};

function readArguments() {
  const args = process.argv.slice(2);
  const at = args.indexOf('--only');
  const only = at < 0 ? null : (args[at + 1] ?? '').split(',').filter(Boolean);
  const rest = (at < 0 ? args : args.toSpliced(at, 2)).filter((arg) => arg !== '--');
  const unknown = (only ?? []).filter((name) => !suites.includes(name));
  if (only?.length === 0 || unknown.length > 0) {
    throw new Error(
      `--only takes a list of ${suites.join(', ')}${unknown.length > 0 ? `, not ${unknown.join(', ')}` : ''}`,
    );
  }
  return { only, mochaArguments: rest };
}

function testFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join(folder, file))
    .sort();
}

/** Runs one suite and returns its counts; a suite that ends without counts, or does not end, has failed. */
function runSuite(name, files, mochaArguments) {
  const counts = join(root, '.cache', `test-counts-${process.pid}.json`);
  rmSync(counts, { force: true });
  mkdirSync(join(root, '.cache'), { recursive: true });
  const args = [...tool('mocha/bin/mocha.js'), '--reporter', join(root, 'scripts/counting-reporter.cjs')];
  const read = () => (existsSync(counts) ? JSON.parse(readFileSync(counts, 'utf8')) : null);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...args, ...mochaArguments, ...files], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, TEST_COUNTS: counts },
    });
    const startedAt = Date.now();
    let reportedAt = null;
    let trouble = null;
    const watch = setInterval(() => {
      if (reportedAt === null && existsSync(counts)) reportedAt = Date.now();
      if (reportedAt !== null && Date.now() - reportedAt > lingerLimitMs) {
        trouble = `the suite ${name} has reported its result but does not end: a test left a timer, socket or process behind`;
      } else if (Date.now() - startedAt > suiteLimitMs) {
        trouble = `the suite ${name} took longer than ${suiteLimitMs / 60_000} minutes`;
      }
      if (trouble !== null) child.kill('SIGKILL');
    }, 500);
    child.on('close', (code) => {
      clearInterval(watch);
      const result = read() ?? { passed: 0, failed: 0, skipped: 0 };
      rmSync(counts, { force: true });
      if (trouble === null && code !== 0 && result.failed === 0)
        trouble = `the suite ${name} ended with exit code ${code}`;
      if (trouble !== null) console.error(trouble);
      resolve({ ...result, failed: result.failed + (trouble === null ? 0 : 1) });
    });
  });
}

const total = { passed: 0, failed: 0, skipped: 0 };

async function check(what, action) {
  try {
    await action();
    console.log(`✔ ${what}`);
    return true;
  } catch (error) {
    console.error(`✘ ${what}\n${error.message}`);
    total.failed += 1;
    return false;
  }
}

async function main() {
  const { only, mochaArguments } = readArguments();
  checkNodeVersion();
  console.log(`Node.js ${process.versions.node}`);
  if (!(await check('dependencies are installed', () => ensureInstalled()))) return;
  const built = await check('build', () => ensureBuilt({ always: true }));
  if (only === null) {
    for (const [what, args] of Object.entries(checks)) {
      await check(what, () => step(what, () => runQuietly(process.execPath, args)));
    }
  }
  let ran = 0;
  for (const name of only ?? suites) {
    const files = testFiles(join(root, 'test', name));
    if (files.length === 0) continue;
    if (!built && ['runtime', 'editor'].includes(name)) {
      console.error(`the suite ${name} needs the build`);
      continue;
    }
    console.log(`\n${name}`);
    const counts = await runSuite(name, files, mochaArguments);
    for (const key of Object.keys(total)) total[key] += counts[key];
    ran += counts.passed + counts.failed;
  }
  if (ran === 0) {
    console.error('no test ran');
    total.failed += 1;
  }
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  total.failed += 1;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
