import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { findRuntime } from '../inference/hosting/runtime-findings';
import { deviceScores } from '../mapping/device-scores/device-scores';
import { CostModelStore } from '../mapping/operators/cost-model-store';
import { packageRoot } from '../models/package-root';
import { inspectMachine, type InspectionParts } from '../power/inspect/inspect-machine';
import { describeMachine } from '../power/describe-machine';
import { detectMachine } from '../power/detect';
import type { Inspection, ModelCosts } from '../power/inspect/inspection';
import { ownParts } from '../power/inspect/parts';
import { withoutNamesIn } from '../power/inspect/privacy';
import { thisMachine, type Machine } from '../power/machine/machine';
import { messageOf } from '../signals/errors';

export interface InspectOptions {
  readonly machine?: Machine;
  readonly parts?: InspectionParts;
  readonly now?: () => Date;
  /** Node-RED's user directory, where the costs of operators are kept; null or absent: they are not looked for. */
  readonly stateDirectory?: string | null;
}

function packageVersion(): string {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(__dirname), 'package.json'), 'utf8'));
    return z.object({ version: z.string() }).parse(manifest).version;
  } catch {
    return 'unknown';
  }
}

/**
 * Everything that can be told of a machine, with the execution providers that really run on it. Changes nothing on it; ONNX
 * Runtime is loaded in child processes only. Names of the host and the user are left out.
 */
export async function inspect(options: InspectOptions = {}): Promise<Inspection> {
  const { machine = thisMachine, parts = ownParts, now = () => new Date(), stateDirectory = null } = options;
  const ofFolder = machine.files.root !== '/';
  const found = await inspectMachine({ machine, parts });
  let runtime: Inspection['runtime'] = null;
  if (!ofFolder) {
    try {
      runtime = await findRuntime();
    } catch (error) {
      found.problems.push(`ONNX Runtime: ${messageOf(error)}`);
    }
  }
  const modelCosts = ofFolder || stateDirectory === null ? null : await modelCostsIn(stateDirectory, found.problems);
  return withoutNamesIn({
    ...found,
    packageVersion: packageVersion(),
    inspectedAt: now().toISOString(),
    ofFolder,
    runtime,
    modelCosts,
  });
}

/** Files that cannot be used are said among the problems. */
async function modelCostsIn(stateDirectory: string, problems: string[]): Promise<ModelCosts[]> {
  const store = new CostModelStore(stateDirectory, (text) => problems.push(text));
  const fingerprint = describeMachine(detectMachine()).fingerprint;
  return (await store.summariesOf(fingerprint)).map(
    ({ about: { componentClass, models, runtimeVersion, energy }, referenceRuns }) => ({
      componentClass,
      models,
      runtimeVersion,
      energyMethod: energy.method,
      scores: deviceScores(referenceRuns),
    }),
  );
}
