import { fullLoadW, type Component, type OperatingPoint } from '../../signals/device';
import { EcomapError } from '../../signals/errors';
import type {
  ActuatorFinding,
  HardwareActuator,
  HardwareActuatorName,
  HardwareState,
} from '../actuators/hardware-actuator';
import { byPowerAndSpeed, powerLawOf } from '../laws/power-law';
import type { PowerFigures } from '../operating-points';
import type { Restored, SettingChange } from '../safety/setting';

export interface FoundHardware {
  /** Those that may be set; in a dry run also those that could be, were they permitted. */
  readonly actuators: readonly HardwareActuator[];
  readonly findings: readonly ActuatorFinding[];
}

/** The hardware limits of a machine, with what keeps changes of them safe. */
export interface Hardware {
  /** Looks for what can be set. Never throws. */
  find(dryRun: boolean): Promise<FoundHardware>;
  /** @throws EcomapError POWER_DENIED when flows may not set this actuator, CAP_NOT_ENFORCEABLE when another manager does */
  permit(actuator: HardwareActuatorName): Promise<void>;
  /** Restores everything that was set. Never throws. */
  undo(): Promise<Restored>;
  /** After the last undo: gives connections back. Never throws. */
  close(): Promise<void>;
}

/** What suits best where nobody has chosen: fine and quick first. */
const preference: readonly HardwareActuatorName[] = ['clocks', 'rapl', 'nvidia-smi', 'cpufreq', 'nvpmodel'];

export interface OfferedHardware {
  readonly actuator: HardwareActuator;
  /** Fastest first; one for each state that can be put into force now. */
  readonly points: readonly [OperatingPoint, ...OperatingPoint[]];
  /** In words: where the watts come from. */
  readonly method: string;
}

export interface OfferOptions {
  readonly board: string;
  readonly components: readonly Component[];
  readonly figures: PowerFigures;
}

/**
 * The chosen actuator, or the best, with its states as operating points.
 * @throws EcomapError CAP_NOT_ENFORCEABLE when there is none or nothing of it can be put into force: with what would help
 */
export async function offerHardware(
  { actuators, findings }: FoundHardware,
  choice: HardwareActuatorName | 'auto',
  options: OfferOptions,
): Promise<OfferedHardware> {
  const wanted = choice === 'auto' ? preference : [choice];
  const refusals: string[] = [];
  for (const name of wanted) {
    const actuator = actuators.find((candidate) => candidate.name === name);
    if (actuator === undefined) {
      const finding = findings.find((candidate) => candidate.name === name);
      if (finding !== undefined && (choice !== 'auto' || finding.level === 'denied')) refusals.push(finding.text);
      continue;
    }
    const states = await actuator.states();
    const points = pointsOf(states, options);
    if (points !== null) return { actuator, ...points };
    refusals.push(states[0]?.refusal ?? `${actuator.method}: it offers nothing to set`);
  }
  throw new EcomapError(
    'CAP_NOT_ENFORCEABLE',
    refusals.length > 0 ? refusals.join('; ') : 'no hardware limit was found on this machine',
  );
}

function pointsOf(
  states: readonly HardwareState[],
  { board, components, figures }: OfferOptions,
): Pick<OfferedHardware, 'points' | 'method'> | null {
  const law = powerLawOf({ board, components, figures, states });
  const possible = states.filter(({ refusal }) => refusal === null).map((state) => law.operatingPointOf(state));
  const [first, ...others] = possible.sort(byPowerAndSpeed);
  return first === undefined ? null : { points: [first, ...others], method: law.method };
}

/** What a dry run would write, in words. */
export function describeChanges(changes: readonly SettingChange[]): string {
  if (changes.length === 0) return 'nothing would have to be written';
  return `would write ${changes.map(({ key, from, to }) => `${key.replace(/^file:/, '')} = ${to} (now ${from})`).join(', ')}`;
}

export const rangeOf = (points: readonly OperatingPoint[]): { minimumW: number; maximumW: number } => {
  const loads = points.map(fullLoadW);
  return { minimumW: Math.min(...loads), maximumW: Math.max(...loads) };
};
