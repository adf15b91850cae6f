// npm run demo, npm run bench: installs and builds when needed, then runs the program. Progress goes to stderr; stdout belongs to
// the program, so that `--json` can be piped.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { benchmarkNames } from './benchmarks.mjs';
import { checkNodeVersion, ensureBuilt, ensureInstalled, root } from './prepare.mjs';

function programOf(what, args) {
  if (what === 'demo') return { script: 'dist/demo.js', rest: args };
  const [name, ...rest] = args;
  const names = benchmarkNames(root);
  if (name !== undefined && names.includes(name)) return { script: `dist/bench/${name}.js`, rest };
  if (name !== undefined) console.error(`there is no benchmark "${name}"`);
  console.error(
    `usage: npm run bench -- <name>, where <name> is one of:\n${names.map((known) => `  ${known}`).join('\n')}`,
  );
  return null;
}

function run(script, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, script), ...args], { cwd: root, stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    child.on('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 130)));
  });
}

checkNodeVersion();
const [what, ...args] = process.argv.slice(2);
const program = programOf(what, args);
if (program === null) {
  process.exitCode = args.length === 0 ? 0 : 1;
} else {
  try {
    await ensureInstalled();
    await ensureBuilt();
    if (!existsSync(join(root, program.script)))
      throw new Error(`${program.script} was not built: its source is missing`);
    process.exitCode = await run(program.script, program.rest);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
