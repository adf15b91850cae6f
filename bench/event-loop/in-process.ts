import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadRuntime } from '../../src/inference/runtime';
import { demonstrationFamilies, demonstrationFamily } from '../../src/models/family-card';
import { EventLoopDelay } from './delay';
import { filledPool, inFlightPerTenant, seconds, warmUpS, type ArmFigures } from './arm';

/** All tenants' heaviest variants in this very process, one thread each, closed loop. */
export async function runInProcess(durationS: number): Promise<ArmFigures> {
  const runtime = loadRuntime();
  const pool = filledPool();
  const variants: string[] = [];
  let inferences = 0;
  let running = true;
  const serve = async (family: (typeof demonstrationFamilies)[number]): Promise<() => Promise<void>> => {
    const { card, directory } = demonstrationFamily(family);
    const [heaviest] = card.variants;
    if (heaviest === undefined) throw new Error(`the family ${family} has no variant`);
    variants.push(`${family} ${heaviest.name}`);
    const model = await readFile(join(directory, heaviest.file));
    const session = await runtime.InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
    return async () => {
      while (running) {
        const sample = pool.draw(family);
        await session.run({ [card.input.name]: new runtime.Tensor('float32', sample.data, [...sample.dims]) });
        inferences += 1;
      }
    };
  };
  const loops = await Promise.all(demonstrationFamilies.map(serve));
  const under = loops.flatMap((loop) => Array.from({ length: inFlightPerTenant }, () => loop()));
  await seconds(warmUpS);
  const delay = new EventLoopDelay();
  delay.start();
  const before = inferences;
  const beganMs = performance.now();
  await seconds(durationS);
  const figures = delay.stop();
  const measuredS = (performance.now() - beganMs) / 1000;
  const counted = inferences - before;
  running = false;
  await Promise.all(under);
  return { ...figures, inferences: counted, seconds: measuredS, variants, inFlightPerTenant };
}
