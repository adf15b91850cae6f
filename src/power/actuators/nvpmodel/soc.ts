import type { Machine } from '../../machine/machine';

/** The chip of a Jetson, as far as it matters for power modes. */
export interface JetsonSoc {
  readonly family: 'nano' | 'tx2' | 'xavier' | 'orin' | 'thor' | 'unknown';
  /** GPU units (TPC) of the chip, switched on or not; null when unknown. */
  readonly gpuUnits: number | null;
}

const socs: readonly { readonly compatible: string; readonly model: RegExp; readonly soc: JetsonSoc }[] = [
  { compatible: 'tegra264', model: /thor/i, soc: { family: 'thor', gpuUnits: null } },
  { compatible: 'tegra234', model: /orin/i, soc: { family: 'orin', gpuUnits: 8 } },
  { compatible: 'tegra194', model: /xavier/i, soc: { family: 'xavier', gpuUnits: 4 } },
  { compatible: 'tegra186', model: /tx2/i, soc: { family: 'tx2', gpuUnits: null } },
  { compatible: 'tegra210', model: /nano|tx1/i, soc: { family: 'nano', gpuUnits: null } },
];

const unknownSoc: JetsonSoc = { family: 'unknown', gpuUnits: null };

/** @returns null where this is no Jetson */
export async function findJetsonSoc({ files }: Machine): Promise<JetsonSoc | null> {
  const read = (path: string): Promise<string> =>
    files.readIfThere(path).then(
      (text) => text ?? '',
      () => '',
    );
  const compatible = await read('/proc/device-tree/compatible');
  const model = await read('/proc/device-tree/model');
  const known =
    socs.find((candidate) => compatible.includes(candidate.compatible)) ??
    (/jetson|nvidia/i.test(model) ? socs.find((candidate) => candidate.model.test(model)) : undefined);
  if (known !== undefined) return known.soc;
  return /nvidia,/.test(compatible) || /jetson/i.test(model) ? unknownSoc : null;
}
