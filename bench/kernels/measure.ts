import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { OperatorProfiler } from '../../src/inference/operator-profiler';
import { profileOperators, type MeteredDevice } from '../../src/loop/operator-profiling';
import { kernelNetworks, type GeneratedNetwork } from '../../src/mapping/operators/networks/kernel-networks';
import { demonstrationFamilies, demonstrationFamily } from '../../src/models/family-card';
import type { Component } from '../../src/signals/device';
import { operatorProfileSchema, type OperatorProfile } from '../../src/signals/operator-profile';
import { architectureNetworks } from './architectures';

/** What a profile is kept with: generated kernels are the family `kernels`. */
const measuredSchema = z.object({
  family: z.string(),
  name: z.string(),
  round: z.number(),
  profile: operatorProfileSchema,
});
type Measured = z.infer<typeof measuredSchema>;

export interface MeasuredModel {
  readonly family: string;
  readonly name: string;
  readonly profile: OperatorProfile;
  /** Of each round, J. */
  readonly energiesJ: readonly number[];
}

export interface MeasuringOptions {
  readonly device: MeteredDevice;
  readonly component: Component;
  readonly kernelNetworks: number;
  readonly seed: number;
  readonly rounds: number;
  readonly measureMs: number;
  /** Keeps profiles as they are measured, so that a bench that was cut off goes on; null keeps nothing. */
  readonly file: string | null;
  readonly say: (text: string) => void;
}

export const kernelFamily = 'kernels';

/**
 * Measures the demonstration models, the architectures and the generated kernels, those that are predicted in several rounds, so that
 * a disturbance meets each of them once at most.
 */
export async function measureModels(options: MeasuringOptions): Promise<MeasuredModel[]> {
  const { device, component, rounds, file, say } = options;
  const kept = file === null || !existsSync(file) ? [] : readKept(file);
  const folder = await mkdtemp(join(tmpdir(), 'ecomap-bench-kernels-'));
  const profiler = new OperatorProfiler({ measureMs: options.measureMs });
  try {
    const models = await modelFiles(folder, options);
    const all: Measured[] = [...kept];
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, { family, name, path }] of models.entries()) {
        // What is only learned from is many, so that a disturbance of one matters less.
        if (family === kernelFamily && round > 0) continue;
        if (all.some((one) => one.name === name && one.round === round)) continue;
        const profile = await profileOperators(profiler, device, { path, sha256: null, dims: null, component });
        const measured = { family, name, round, profile };
        all.push(measured);
        if (file !== null) appendFileSync(file, `${JSON.stringify(measured)}\n`);
        if (index % 20 === 0) say(`round ${round + 1}/${rounds}, model ${index + 1}/${models.length}`);
      }
    }
    return models.flatMap(({ family, name }) => {
      const own = all.filter((one) => one.name === name).map(({ profile }) => profile);
      const profile = meanOf(own);
      return profile === null ? [] : [{ family, name, profile, energiesJ: own.map(({ energyJ }) => energyJ) }];
    });
  } finally {
    await profiler.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Half a line at the end is a bench that was cut off. */
function readKept(file: string): Measured[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return measuredSchema.parse(JSON.parse(line));
      } catch {
        return [];
      }
    });
}

interface ModelFile {
  readonly family: string;
  readonly name: string;
  readonly path: string;
}

async function modelFiles(folder: string, { kernelNetworks: count, seed }: MeasuringOptions): Promise<ModelFile[]> {
  const shipped = demonstrationFamilies.flatMap((family) => {
    const { card, directory } = demonstrationFamily(family);
    return card.variants.map(({ name, file }) => ({ family, name: `${family}-${name}`, path: join(directory, file) }));
  });
  const written: ModelFile[] = [];
  const write = async (family: string, { name, bytes }: GeneratedNetwork): Promise<void> => {
    const path = join(folder, `${name}.onnx`);
    await writeFile(path, bytes);
    written.push({ family, name, path });
  };
  for (const network of architectureNetworks()) await write(network.family, network);
  for (const network of kernelNetworks(count, seed)) await write(kernelFamily, network);
  return [...shipped, ...written];
}

/** Of several rounds the mean (geometric): what is learned from is measured once, and shall not seem slower than what is predicted. */
function meanOf(profiles: readonly OperatorProfile[]): OperatorProfile | null {
  const [first] = profiles;
  if (first === undefined) return null;
  const mean = (of: (profile: OperatorProfile) => number | undefined): number => {
    const values = profiles.flatMap((profile) => of(profile) ?? []);
    return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
  };
  return {
    ...first,
    latencyMs: mean(({ latencyMs }) => latencyMs),
    cpuMs: mean(({ cpuMs }) => cpuMs),
    energyJ: mean(({ energyJ }) => energyJ),
    operators: first.operators.map((operator, index) => ({
      ...operator,
      ms: mean(({ operators }) => (operators[index]?.name === operator.name ? operators[index].ms : undefined)),
    })),
  };
}
