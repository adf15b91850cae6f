import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { reportText } from '../power/inspect/report-text';
import { machineInFolder, thisMachine } from '../power/machine/machine';
import { messageOf } from '../signals/errors';
import { inspect } from './inspect';

const usage = `usage: npx ecomap-doctor [--json] [--root FOLDER]

Looks at this machine and prints what Ecomap finds on it: board, cores, power sensors, power limits, permissions, and which
execution providers of ONNX Runtime run. It changes nothing, needs no root, and leaves out host and user names.

  --json           the same as one JSON object
  --root FOLDER    look at a folder that stands for /, e.g. a captured or simulated machine
  --help           this text`;

interface Options {
  readonly json: boolean;
  readonly root: string | null;
  readonly help: boolean;
}

/** @throws Error with what is wrong about the arguments */
function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      root: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const root = values.root === undefined ? null : resolve(values.root);
  if (root !== null && statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Error(`--root: there is no folder ${root}`);
  return { json: values.json, root: root === '/' ? null : root, help: values.help };
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usage}\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const machine = options.root === null ? thisMachine : machineInFolder(options.root);
  const inspection = await inspect({ machine });
  process.stdout.write(options.json ? `${JSON.stringify(inspection, null, 2)}\n` : reportText(inspection));
  return 0;
}

// A finding is no failure: only a wrong command line, or a fault of the doctor itself, is.
main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`ecomap-doctor failed: ${messageOf(error)}\n`);
    process.exitCode = 1;
  },
);
