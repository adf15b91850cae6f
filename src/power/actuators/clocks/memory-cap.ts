import type { Machine } from '../../machine/machine';
import { isSameClock, parseWhole } from './frequency';

/** Where the cap of the memory clock (EMC) is: JetPack 4 and 5, then 6. */
const capPaths = ['/sys/kernel/nvpmodel_emc_cap/emc_iso_cap', '/sys/kernel/nvpmodel_clk_cap/emc'];

/** In the file, no cap. */
export const noMemoryCap = 0;

/** What a power mode pairs: the GPU's highest clock with the memory's. */
export interface MemoryPairing {
  /** null: not limited. */
  readonly gpuMhz: number | null;
  /** As it stands in the file; {@link noMemoryCap} for none. */
  readonly emcRaw: number;
}

export interface MemoryCap {
  readonly path: string;
  readonly raw: number;
}

/** The memory cap in force, where this process may set it; null otherwise. */
export async function findMemoryCap({ files }: Machine): Promise<MemoryCap | null> {
  for (const path of capPaths) {
    const raw = parseWhole(await files.readIfThere(path).catch(() => null));
    if (raw !== null && raw >= 0 && (await files.isWritable(path))) return { path, raw };
  }
  return null;
}

const orUnlimited = (raw: number): number => (raw === noMemoryCap ? Number.POSITIVE_INFINITY : raw);

/** Is the second cap the stricter one? Both as they stand in the file. */
export const lowersMemoryCap = (from: number, to: number): boolean => orUnlimited(to) < orUnlimited(from);

/**
 * The memory cap that suits a GPU clock: what the smallest power mode that allows this clock gives it, so only values that the
 * board's maker has paired; never above the highest permitted.
 *
 * @param highest as it stands in the file
 * @returns as it stands in the file; null when no mode says
 */
export function pairedMemoryCap(gpuMhz: number, pairings: readonly MemoryPairing[], highest: number): number | null {
  const limit = ({ gpuMhz: most }: MemoryPairing): number => most ?? Number.POSITIVE_INFINITY;
  const allowing = pairings.filter((pairing) => limit(pairing) >= gpuMhz);
  const smallest = Math.min(...allowing.map(limit));
  const caps = allowing.filter((pairing) => limit(pairing) === smallest).map(({ emcRaw }) => orUnlimited(emcRaw));
  if (caps.length === 0) return null;
  const cap = Math.min(Math.max(...caps), orUnlimited(highest));
  return cap === Number.POSITIVE_INFINITY ? noMemoryCap : cap;
}

/** Does the cap read back stand for the one that was asked for? No cap may read as none or as the memory's highest clock. */
export function isSameMemoryCap(wanted: number, found: number, pairings: readonly MemoryPairing[]): boolean {
  if (wanted !== noMemoryCap) return isSameClock(wanted, found, []);
  const largest = Math.max(...pairings.map(({ emcRaw }) => emcRaw));
  return found === noMemoryCap || (largest > 0 && found > largest);
}
