import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { reportText } from '../power/inspect/report-text';
import { machineInFolder, thisMachine } from '../power/machine/machine';
import { messageOf } from '../signals/errors';
import { inspect } from './inspect';
import { measureThisMachine, predictOnThisMachine, predictionText } from './predicted-cost';

const usage = `usage: npx ecomap-doctor [--json] [--root FOLDER] [--user-dir FOLDER] [--measure-operators] [--predict FILE.onnx]

Looks at this machine and prints what Ecomap finds on it: board, cores, power sensors, power limits, permissions, and which
execution providers of ONNX Runtime run. It changes nothing, needs no root, and leaves out host and user names.

  --json           the same as one JSON object
  --root FOLDER    look at a folder that stands for /, e.g. a captured or simulated machine
  --user-dir FOLDER      Node-RED's user directory, where measurements are kept; default: ~/.node-red
  --measure-operators    first measure what operators of networks cost here (some minutes, with nothing else running), so that
                         the cost of models that never ran here can be predicted
  --predict FILE.onnx    only predict what a model costs here, without timing it
  --help           this text`;

interface Options {
  readonly json: boolean;
  readonly root: string | null;
  readonly help: boolean;
  readonly stateDirectory: string;
  readonly measureOperators: boolean;
  readonly predict: string | null;
}

/** @throws Error with what is wrong about the arguments */
function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      root: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
      'user-dir': { type: 'string', default: join(homedir(), '.node-red') },
      'measure-operators': { type: 'boolean', default: false },
      predict: { type: 'string' },
    },
  });
  const root = values.root === undefined ? null : resolve(values.root);
  if (root !== null && statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Error(`--root: there is no folder ${root}`);
  const options = {
    json: values.json,
    root: root === '/' ? null : root,
    help: values.help,
    stateDirectory: resolve(values['user-dir']),
    measureOperators: values['measure-operators'],
    predict: values.predict ?? null,
  };
  if (options.root !== null && (options.measureOperators || options.predict !== null))
    throw new Error('--root: a folder cannot run a model; leave out --measure-operators and --predict');
  return options;
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
  const { stateDirectory } = options;
  const warn = (text: string): void => void process.stderr.write(`${text}\n`);
  if (options.measureOperators) await measureThisMachine(stateDirectory, warn);
  if (options.predict !== null) {
    const costs = await predictOnThisMachine(options.predict, stateDirectory, warn);
    process.stdout.write(options.json ? `${JSON.stringify(costs, null, 2)}\n` : predictionText(costs));
    return 0;
  }
  const machine = options.root === null ? thisMachine : machineInFolder(options.root);
  const inspection = await inspect({ machine, stateDirectory });
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
