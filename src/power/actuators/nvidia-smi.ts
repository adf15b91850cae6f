import { EcomapError } from '../../signals/errors';
import { quoted } from '../../signals/parse';
import type { Machine } from '../machine/machine';
import type { MachineChanges, SettingChange } from '../safety/setting';
import { Ceilings } from './clocks/ceilings';
import type { ActuatorFinding, HardwareActuator, HardwareState } from './hardware-actuator';
import { nvidiaLimitSetting, readNvidiaLimits, type NvidiaLimit } from './nvidia-limits';
import { powerSteps, wattsName, wattsState } from './power-steps';

/** A limit that holds within this of the one asked for is in force, W. */
const enforcedToleranceW = 1;

/** A card with the most that may be asked of it: what was found there. */
type Card = NvidiaLimit & { readonly ceilingW: number };

/** `nvidia-smi -pl` on all cards; states are the watts of all together. */
export class NvidiaSmiActuator implements HardwareActuator {
  readonly name = 'nvidia-smi';
  readonly #machine: Machine;
  readonly #changes: MachineChanges;
  readonly #ceilings = new Ceilings();

  constructor(
    machine: Machine,
    changes: MachineChanges,
    readonly method: string,
  ) {
    this.#machine = machine;
    this.#changes = changes;
  }

  async states(): Promise<readonly HardwareState[]> {
    return stepsOf(await this.#cards()).map(wattsState);
  }

  async apply(name: string): ReturnType<HardwareActuator['apply']> {
    const cards = await this.#cards();
    const steps = stepsOf(cards);
    const powerW = steps.find((step) => wattsName(step) === name);
    if (powerW === undefined) {
      throw new EcomapError(
        'INVALID_CONFIG',
        `${quoted(name)} is no limit of the NVIDIA cards. Offered now: from ${wattsName(steps[0] ?? 0)} down to ` +
          `${wattsName(steps.at(-1) ?? 0)}.`,
      );
    }
    const changes: SettingChange[] = [];
    for (const card of cards) {
      const setting = nvidiaLimitSetting(this.#machine, card.uuid);
      const change = await this.#changes.set(setting, String(shareOf(card, powerW, cards)));
      if (change.inForce !== null) this.#ceilings.wrote(card.uuid, Number(change.inForce));
      changes.push(change);
    }
    if (!this.#changes.dryRun) await this.#checkEnforced();
    return { inForce: await this.readBack(), changes };
  }

  async readBack(): Promise<HardwareState | null> {
    const cards = await this.#cards();
    const limitW = cards.reduce((sum, card) => sum + card.limitW, 0);
    const powerW = stepsOf(cards).find((step) => Math.abs(step - limitW) <= 0.5);
    return cards.length === 0 || powerW === undefined ? null : wattsState(powerW);
  }

  async #cards(): Promise<Card[]> {
    const { limits } = await readNvidiaLimits(this.#machine);
    return limits.map((limit) => ({ ...limit, ceilingW: this.#ceilings.see(limit.uuid, limit.limitW) }));
  }

  /** @throws EcomapError CAP_NOT_ENFORCEABLE when a card takes the limit but does not hold it */
  async #checkEnforced(): Promise<void> {
    for (const { name, limitW, enforcedW } of await this.#cards()) {
      if (enforcedW === null || enforcedW <= limitW + enforcedToleranceW) continue;
      throw new EcomapError(
        'CAP_NOT_ENFORCEABLE',
        `${name} took a limit of ${wattsName(limitW)} but holds ${wattsName(enforcedW)}: switch on persistence mode ` +
          '(sudo nvidia-smi -pm 1) and try again.',
      );
    }
  }
}

const sum = (cards: readonly Card[], of: (card: Card) => number): number =>
  cards.reduce((total, card) => total + of(card), 0);

const stepsOf = (cards: readonly Card[]): number[] =>
  powerSteps(
    sum(cards, ({ leastW }) => leastW),
    sum(cards, ({ ceilingW }) => ceilingW),
  );

/** Each card between its least and its most by the same share, in hundredths of a watt. */
function shareOf({ leastW, ceilingW }: Card, powerW: number, cards: readonly Card[]): number {
  const allLeastW = sum(cards, (card) => card.leastW);
  const rangeW = sum(cards, (card) => card.ceilingW) - allLeastW;
  const share = rangeW > 0 ? (powerW - allLeastW) / rangeW : 1;
  return Math.round((leastW + share * (ceilingW - leastW)) * 100) / 100;
}

export interface NvidiaSmiOptions {
  /** Only root may set limits, or a helper of root's. */
  readonly isRoot?: boolean;
}

/** Looks for NVIDIA cards whose limit can be set. Runs the tool once in the background, changes nothing and never throws. */
export async function findNvidiaSmi(
  machine: Machine,
  changes: MachineChanges,
  { isRoot = process.getuid?.() === 0 }: NvidiaSmiOptions = {},
): Promise<{ readonly actuator: HardwareActuator | null; readonly finding: ActuatorFinding }> {
  const { limits, fixed, problem } = await readNvidiaLimits(machine);
  const finding = (level: ActuatorFinding['level'], text: string): ActuatorFinding => ({
    name: 'nvidia-smi',
    level,
    text,
  });
  if (problem !== null) return { actuator: null, finding: finding('missing', problem) };
  if (limits.length === 0) {
    const text = `The power limit of ${fixed.join(', ')} cannot be set (nvidia-smi says [N/A])`;
    return { actuator: null, finding: finding('missing', text) };
  }
  const ranges = limits.map(
    ({ name, limitW, leastW, mostW }) => `${name} ${wattsName(limitW)} (${wattsName(leastW)} to ${wattsName(mostW)})`,
  );
  const method = `nvidia-smi power limit: ${ranges.join(', ')}`;
  const actuator = new NvidiaSmiActuator(machine, changes, method);
  if (isRoot || (await machine.programs.runsAsRoot?.('nvidia-smi')) === true)
    return { actuator, finding: finding('usable', method) };
  const text = `${method}. Only root may change it: install the root helper that comes with the package (folder recipe/)`;
  return { actuator: changes.dryRun ? actuator : null, finding: finding('denied', text) };
}
