/** What the firmware says about the board: the device tree's `model` and `compatible`. */
export interface DeviceTree {
  readonly model: string;
  /** Most specific first, e.g. `nvidia,p2972-0000`, `nvidia,tegra194`. */
  readonly compatible: readonly string[];
}

/** A board whose power hardware is known. */
export interface KnownBoard {
  /** Stable, e.g. `jetson-agx-xavier`. */
  readonly id: string;
  readonly label: string;
  readonly family: 'jetson' | 'raspberry-pi';
}

interface BoardRule extends KnownBoard {
  /** Part numbers of the module and the SoC decide: carrier boards of other makers carry names of their own in `model`. */
  readonly compatible: RegExp;
  readonly model: RegExp;
}

/**
 * The more specific first. Module part numbers as in the device trees that NVIDIA ships: p2888 AGX Xavier, p3668 Xavier NX, p3701 AGX Orin,
 * p3767-0000/-0001 Orin NX, p3767-0003/-0004/-0005 Orin Nano, p3310/p3489/p3636 TX2, p2180 TX1, p3448 Nano, p3834 Thor.
 */
const rules: readonly BoardRule[] = [
  {
    id: 'jetson-agx-thor',
    label: 'Jetson AGX Thor',
    family: 'jetson',
    compatible: /p3834|tegra264/,
    model: /\bthor\b/i,
  },
  { id: 'jetson-agx-orin', label: 'Jetson AGX Orin', family: 'jetson', compatible: /p3701/, model: /agx orin/i },
  {
    id: 'jetson-orin-nx',
    label: 'Jetson Orin NX',
    family: 'jetson',
    compatible: /p3767-000[012]\b/,
    model: /orin nx/i,
  },
  {
    id: 'jetson-orin-nano',
    label: 'Jetson Orin Nano',
    family: 'jetson',
    compatible: /p3767-000[345]\b/,
    model: /orin nano/i,
  },
  { id: 'jetson-xavier-nx', label: 'Jetson Xavier NX', family: 'jetson', compatible: /p3668/, model: /xavier nx/i },
  {
    id: 'jetson-agx-xavier',
    label: 'Jetson AGX Xavier',
    family: 'jetson',
    compatible: /p2888|jetson-xavier|p2972/,
    // JetPack 4 calls it just "Jetson-AGX".
    model: /agx xavier|^jetson-agx$/i,
  },
  {
    id: 'jetson-tx2',
    label: 'Jetson TX2',
    family: 'jetson',
    compatible: /p3310|p3489|p3636|p2771|tegra186/,
    model: /jetson[- ]?tx2|\bquill\b/i,
  },
  {
    id: 'jetson-tx1',
    label: 'Jetson TX1',
    family: 'jetson',
    compatible: /p2371-2180|p2597-2180|jetson-cv/,
    model: /jetson[- ]?tx1|jetson_tx1/i,
  },
  {
    id: 'jetson-nano',
    label: 'Jetson Nano',
    family: 'jetson',
    compatible: /p3448|p3450|p3541|p3542|jetson-nano/,
    model: /jetson nano/i,
  },
  {
    id: 'raspberry-pi-5',
    label: 'Raspberry Pi 5',
    family: 'raspberry-pi',
    compatible: /bcm2712/,
    model: /raspberry pi (5|500|compute module 5)/i,
  },
  {
    id: 'raspberry-pi-4',
    label: 'Raspberry Pi 4',
    family: 'raspberry-pi',
    compatible: /bcm2711/,
    model: /raspberry pi (4|400|compute module 4)/i,
  },
  // What is left of the two families.
  {
    id: 'raspberry-pi',
    label: 'Raspberry Pi',
    family: 'raspberry-pi',
    compatible: /^raspberrypi,/,
    model: /raspberry pi/i,
  },
  { id: 'jetson', label: 'Jetson', family: 'jetson', compatible: /^nvidia,tegra/, model: /jetson/i },
];

/** The board behind a device tree; null where it is none of those known. The part numbers outvote the name. */
export function boardOf({ model, compatible }: DeviceTree): KnownBoard | null {
  const specific = rules.slice(0, -2);
  const matched =
    specific.find((rule) => compatible.some((text) => rule.compatible.test(text))) ??
    specific.find((rule) => rule.model.test(model)) ??
    rules.find((rule) => rule.model.test(model) || compatible.some((text) => rule.compatible.test(text)));
  if (matched === undefined) return null;
  const { id, label, family } = matched;
  return { id, label, family };
}

/** `model` and `compatible` as they stand in files: strings that end in NUL. */
export function parseDeviceTree(model: string, compatible: string): DeviceTree {
  const strings = (text: string): string[] =>
    text
      .split('\0')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  return { model: strings(model).join(' '), compatible: strings(compatible) };
}

/** The chip, e.g. `nvidia,tegra194` or `brcm,bcm2712`: the last and most general entry. */
export function socOf({ compatible }: DeviceTree): string | null {
  return compatible.at(-1) ?? null;
}
