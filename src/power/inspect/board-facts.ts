import type { Detection } from '../detect';
import { readDeviceTree } from '../detect';
import { boardOf, socOf } from '../boards';
import type { MachineFiles } from '../machine/files';
import type { BoardFacts } from './inspection';
import { readText } from './read-text';

const dmiFolder = '/sys/class/dmi/id';

/** What vendors write where they have nothing to say. */
const placeholder =
  /^(to be filled by o\.?e\.?m\.?|default string|system (manufacturer|product name)|none|not specified|unknown)$/i;

async function dmi(files: MachineFiles, name: string): Promise<string | null> {
  const text = await readText(files, `${dmiFolder}/${name}`);
  return text === null || text === '' || placeholder.test(text) ? null : text;
}

/** Which board this is: by the device tree, else by DMI. Serial numbers are never read. */
export async function findBoard(files: MachineFiles, detection: Detection): Promise<BoardFacts> {
  const { arch, cpuModel } = detection;
  const deviceTree = readDeviceTree(files.root);
  if (deviceTree !== null && (deviceTree.model !== '' || deviceTree.compatible.length > 0)) {
    const known = boardOf(deviceTree);
    const model = deviceTree.model === '' ? (deviceTree.compatible[0] ?? null) : deviceTree.model;
    return {
      id: known?.id ?? 'other',
      label: known?.label ?? model ?? 'unknown board',
      model,
      soc: socOf(deviceTree),
      from: 'device tree',
      arch,
      cpuModel,
    };
  }
  const parts = [await dmi(files, 'sys_vendor'), await dmi(files, 'product_name')].filter((part) => part !== null);
  const model = parts.length === 0 ? null : parts.join(' ');
  return {
    id: 'other',
    label: model ?? (detection.deviceClass === 'laptop' ? 'laptop' : 'computer without a name'),
    model,
    soc: null,
    from: model === null ? 'nothing' : 'DMI',
    arch,
    cpuModel,
  };
}

/** JetPack by the first number of its L4T release. */
const jetpackOfL4t: Readonly<Record<string, string>> = {
  '28': 'JetPack 3',
  '32': 'JetPack 4',
  '34': 'JetPack 5',
  '35': 'JetPack 5',
  '36': 'JetPack 6',
  '38': 'JetPack 7',
};

/** `# R35 (release), REVISION: 4.1, ...` -> `35.4.1`; null when it is something else. */
export function parseL4tRelease(text: string | null): string | null {
  const match = /^#\s*R(\d+)\s*\(release\),\s*REVISION:\s*([\d.]+)/m.exec(text ?? '');
  return match === null ? null : `${match[1]}.${match[2]}`;
}

export function jetpackOf(l4t: string | null): string | null {
  return l4t === null ? null : (jetpackOfL4t[l4t.split('.')[0] ?? ''] ?? null);
}
