import { EcomapError } from '../../signals/errors';
import type { Machine } from '../machine/machine';
import type { ProgramOutcome } from '../machine/programs';
import type { Setting } from '../safety/setting';

/** The power limit of one card, W. */
export interface NvidiaLimit {
  /** Stays the same over reboots, unlike the index. */
  readonly uuid: string;
  readonly name: string;
  /** The limit as it was asked for. */
  readonly limitW: number;
  readonly leastW: number;
  readonly mostW: number;
  /** What really holds: another limiter may be stricter; null when the driver does not tell. */
  readonly enforcedW: number | null;
}

export interface NvidiaLook {
  readonly limits: readonly NvidiaLimit[];
  /** Cards whose limit cannot be set, e.g. those of laptops. */
  readonly fixed: readonly string[];
  /** Why there is nothing to look at; null when there is. */
  readonly problem: string | null;
}

const timeoutMs = 10_000;
const fields = 'uuid,name,power.limit,power.min_limit,power.max_limit,enforced.power.limit';
const kind = 'nvidia-smi:';
/** The driver rounds to hundredths of a watt. */
const toleranceW = 0.05;

const watts = (text: string | undefined): number | null => {
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) && value > 0 ? value : null;
};

const noTool = 'No NVIDIA card: there is no nvidia-smi';
const toolPlaces = ['/bin/nvidia-smi', '/usr/bin/nvidia-smi', '/usr/local/bin/nvidia-smi'];

/** A folder that stands for `/` must never reach this machine's own cards by the search path. */
async function isItsOwn({ files }: Machine): Promise<boolean> {
  if (files.root === '/') return true;
  return (await Promise.all(toolPlaces.map((path) => files.exists(path)))).some(Boolean);
}

/** Asks the driver, by its tool (about 0.1 to 1 s in the background). Never throws. */
export async function readNvidiaLimits(machine: Machine): Promise<NvidiaLook> {
  const { programs } = machine;
  if (!(await isItsOwn(machine))) return { limits: [], fixed: [], problem: noTool };
  const outcome = await programs.run('nvidia-smi', [`--query-gpu=${fields}`, '--format=csv,noheader,nounits'], {
    timeoutMs,
  });
  const nothing = { limits: [], fixed: [] };
  if (outcome.missing) return { ...nothing, problem: noTool };
  if (outcome.exitCode !== 0) return { ...nothing, problem: `nvidia-smi does not answer: ${wordsOf(outcome)}` };
  const limits: NvidiaLimit[] = [];
  const fixed: string[] = [];
  for (const line of outcome.text.split('\n')) {
    const cells = line.split(',').map((cell) => cell.trim());
    const [uuid, name] = cells;
    if (cells.length < 6 || uuid === undefined || name === undefined || !/^(GPU|MIG)-/.test(uuid)) continue;
    // From the end: a name may hold a comma.
    const [limitW, leastW, mostW, enforcedW] = cells.slice(-4).map(watts);
    if (limitW == null || leastW == null || mostW == null || leastW > mostW) fixed.push(name);
    else limits.push({ uuid, name, limitW, leastW, mostW, enforcedW: enforcedW ?? null });
  }
  return { limits, fixed, problem: limits.length + fixed.length === 0 ? 'nvidia-smi lists no card' : null };
}

const wordsOf = ({ text, timedOut }: ProgramOutcome): string =>
  timedOut ? `it took longer than ${timeoutMs / 1000} s` : text.replace(/\s+/g, ' ').trim().slice(0, 200);

/** The limit of one card as a setting, W; lost at a reboot or when the driver is unloaded. */
export function nvidiaLimitSetting(machine: Machine, uuid: string): Setting {
  return {
    key: `${kind}${uuid}`,
    same: (wanted, found) => Math.abs(Number(wanted) - Number(found)) <= toleranceW,
    async read() {
      const { limits, problem } = await readNvidiaLimits(machine);
      const limit = limits.find((candidate) => candidate.uuid === uuid);
      if (limit === undefined) throw new Error(problem ?? `the card ${uuid} is gone`);
      return String(limit.limitW);
    },
    async write(value) {
      if (!/^\d+(?:\.\d+)?$/.test(value))
        throw new EcomapError('CAP_NOT_ENFORCEABLE', `"${value.slice(0, 40)}" is no power limit of an NVIDIA card`);
      const outcome = await machine.programs.run('nvidia-smi', ['-i', uuid, '-pl', value], { timeoutMs });
      if (outcome.exitCode === 0) return;
      if (/insufficient permissions/i.test(outcome.text)) {
        throw new EcomapError(
          'POWER_DENIED',
          'Only root may change the power limit of an NVIDIA card: install the root helper that comes with the package ' +
            '(folder recipe/), or set the limit by hand (sudo nvidia-smi -pl).',
        );
      }
      throw new EcomapError('CAP_NOT_ENFORCEABLE', `nvidia-smi -pl ${value} failed: ${wordsOf(outcome)}`);
    },
  };
}

/** The card of a setting's key; null for other settings. */
export const cardOfKey = (key: string): string | null => (key.startsWith(kind) ? key.slice(kind.length) : null);
