import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { findRuntime } from '../inference/hosting/runtime-findings';
import { packageRoot } from '../models/package-root';
import { inspectMachine, type InspectionParts } from '../power/inspect/inspect-machine';
import type { Inspection } from '../power/inspect/inspection';
import { ownParts } from '../power/inspect/parts';
import { withoutNamesIn } from '../power/inspect/privacy';
import { thisMachine, type Machine } from '../power/machine/machine';
import { messageOf } from '../signals/errors';

export interface InspectOptions {
  readonly machine?: Machine;
  readonly parts?: InspectionParts;
  readonly now?: () => Date;
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
  const { machine = thisMachine, parts = ownParts, now = () => new Date() } = options;
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
  return withoutNamesIn({
    ...found,
    packageVersion: packageVersion(),
    inspectedAt: now().toISOString(),
    ofFolder,
    runtime,
  });
}
