import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperatorProfiler } from '../inference/operator-profiler';
import type { ReferenceRun } from '../mapping/device-scores/device-scores';
import type { MeasuredClass } from '../mapping/operators/cost-model-store';
import { learnOperatorCosts } from '../mapping/operators/learn-costs';
import { kernelNetworks } from '../mapping/operators/networks/kernel-networks';
import { demonstrationFamilies, demonstrationFamily } from '../models/family-card';
import type { Component } from '../signals/device';
import type { OperatorProfile } from '../signals/operator-profile';
import { profileOperators, type MeteredDevice } from './operator-profiling';

/** As many as the benchmark learns from; fewer know less of rare shapes. */
const defaultNetworks = 200;
const seed = 1;

export interface OperatorCostOptions {
  readonly device: MeteredDevice;
  readonly component: Component;
  readonly networks?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

interface ModelFile {
  readonly name: string;
  readonly path: string;
  /** Of the reference models of the device scores; null for generated ones. */
  readonly macs: number | null;
}

/** The reference models of the device scores: all that are shipped with the package. */
function shippedModels(): ModelFile[] {
  return demonstrationFamilies.flatMap((family) => {
    const { card, directory } = demonstrationFamily(family);
    return card.variants.map(({ name, file, macs }) => ({
      name: `${family} ${name}`,
      path: join(directory, file),
      macs,
    }));
  });
}

/**
 * Measures the shipped models and generated ones on one component, one after the other, and learns from them what operators cost
 * there. Takes about a second for each; nothing else should run meanwhile.
 * @throws EcomapError RUNTIME_UNAVAILABLE, HOST_CRASHED
 */
export async function measureOperatorCosts(options: OperatorCostOptions): Promise<MeasuredClass> {
  const { device, component, networks = defaultNetworks, onProgress } = options;
  const folder = await mkdtemp(join(tmpdir(), 'ecomap-networks-'));
  const profiler = new OperatorProfiler({ measureMs: 400 });
  const profiles: OperatorProfile[] = [];
  const referenceRuns: ReferenceRun[] = [];
  try {
    const shipped = shippedModels();
    const measure = async ({ name, path, macs }: ModelFile): Promise<void> => {
      const profile = await profileOperators(profiler, device, { path, sha256: null, dims: null, component });
      profiles.push(profile);
      const { latencyMs, energyJ, energy } = profile;
      if (macs !== null) referenceRuns.push({ model: name, macs, latencyMs, energyJ, source: energy.source });
      onProgress?.(profiles.length, shipped.length + networks);
    };
    for (const model of shipped) await measure(model);
    const path = join(folder, 'network.onnx');
    for (const { name, bytes } of kernelNetworks(networks, seed)) {
      await writeFile(path, bytes);
      await measure({ name, path, macs: null });
    }
    return { model: learnOperatorCosts(profiles), referenceRuns };
  } finally {
    await profiler.close();
    await rm(folder, { recursive: true, force: true });
  }
}
