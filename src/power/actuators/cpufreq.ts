import { EcomapError } from '../../signals/errors';
import { quoted } from '../../signals/parse';
import type { Machine } from '../machine/machine';
import { fileSetting } from '../safety/file-setting';
import type { MachineChanges, Setting, SettingChange } from '../safety/setting';
import { Ceilings } from './clocks/ceilings';
import { isSameClock } from './clocks/frequency';
import { readCpuPolicies, type CpuLook, type CpuPolicy } from './cpu-policies';
import type { ActuatorFinding, HardwareActuator, HardwareState } from './hardware-actuator';

/** One limit to write, with the value that it should have. */
interface Target {
  readonly setting: Setting;
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

interface Step {
  readonly name: string;
  readonly mhz: number;
  readonly targets: readonly Target[];
}

const gigahertz = (khz: number): string => `CPU ${(khz / 1e6).toFixed(2)} GHz`;

/**
 * Caps the CPU clock: `scaling_max_freq` of every policy or, where only `intel_pstate` offers it or it alone may be written, its
 * common `max_perf_pct`. Lower limits, governors and turbo stay as they are, and no limit is set above the one found.
 */
export class CpufreqActuator implements HardwareActuator {
  readonly name = 'cpufreq';
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
    return this.#steps(await readCpuPolicies(this.#machine)).map(stateOf);
  }

  async apply(name: string): ReturnType<HardwareActuator['apply']> {
    const steps = this.#steps(await readCpuPolicies(this.#machine));
    const step = steps.find((candidate) => candidate.name === name);
    if (step === undefined) {
      throw new EcomapError(
        'INVALID_CONFIG',
        `${quoted(name)} is no CPU clock of this machine. Offered now: from ${steps[0]?.name ?? 'none'} down to ` +
          `${steps.at(-1)?.name ?? 'none'}.`,
      );
    }
    const changes: SettingChange[] = [];
    // What saves power comes first, so that the way there never needs more than both ends.
    for (const { setting, path, to } of step.targets.toSorted((a, b) => a.to / a.from - b.to / b.from)) {
      const change = await this.#changes.set(setting, String(to));
      if (change.inForce !== null) this.#ceilings.wrote(path, Number(change.inForce));
      changes.push(change);
    }
    return { inForce: await this.readBack(), changes };
  }

  async readBack(): Promise<HardwareState | null> {
    const step = this.#steps(await readCpuPolicies(this.#machine)).find(({ targets }) =>
      targets.every(({ setting, from, to }) => setting.same?.(String(to), String(from)) ?? to === from),
    );
    return step === undefined ? null : stateOf(step);
  }

  /** Highest first. */
  #steps(look: CpuLook): Step[] {
    return usesPstate(look) ? this.#pstateSteps(look) : this.#policySteps(look.policies);
  }

  /** The fastest policy leads; a slower one goes down by the same share, to the nearest clock of its own table. */
  #policySteps(policies: readonly CpuPolicy[]): Step[] {
    const ceilings = new Map(policies.map(({ limitPath, limitKhz }) => [limitPath, this.#see(limitPath, limitKhz)]));
    const ceilingOf = ({ limitPath, limitKhz }: CpuPolicy): number => ceilings.get(limitPath) ?? limitKhz;
    const leader = policies.toSorted((a, b) => ceilingOf(b) - ceilingOf(a))[0];
    if (leader === undefined) return [];
    const most = ceilingOf(leader);
    return upTo(leader.steps, most).map((khz) => ({
      name: gigahertz(khz),
      mhz: khz / 1000,
      targets: policies.map((policy) => {
        const ownMost = ceilingOf(policy);
        const steps = upTo(policy.steps, ownMost);
        const wanted = policy === leader ? khz : (ownMost * khz) / most;
        const to = steps.find((step) => step <= wanted) ?? steps.at(-1) ?? ownMost;
        const same: Setting['same'] = (asked, found) =>
          isSameClock(Number(asked), Number(found), policy.hasTable ? policy.steps : []);
        const setting = fileSetting(this.#machine, policy.limitPath, same);
        return { setting, path: policy.limitPath, from: policy.limitKhz, to };
      }),
    }));
  }

  #pstateSteps({ pstate, policies }: CpuLook): Step[] {
    const leader = policies.toSorted((a, b) => (b.steps.at(-1) ?? 0) - (a.steps.at(-1) ?? 0))[0];
    const mostKhz = leader?.steps.at(-1);
    if (pstate === null || leader === undefined || mostKhz === undefined) return [];
    const ceilingPct = this.#see(pstate.limitPath, pstate.limitPct);
    const setting = fileSetting(this.#machine, pstate.limitPath);
    const percents = new Set(
      upTo(leader.steps, (mostKhz * ceilingPct) / 100)
        .map((khz) => Math.min(ceilingPct, Math.round((khz / mostKhz) * 100)))
        .filter((percent) => percent >= pstate.leastPct && percent > 0),
    );
    return [...percents].map((percent) => ({
      name: gigahertz((mostKhz * percent) / 100),
      mhz: (mostKhz * percent) / 1e5,
      targets: [{ setting, path: pstate.limitPath, from: pstate.limitPct, to: percent }],
    }));
  }

  #see(path: string, found: number): number {
    return this.#ceilings.see(path, found);
  }
}

/** The steps not above a ceiling, highest first; the ceiling itself is one of them, it was there. */
const upTo = (steps: readonly number[], ceiling: number): number[] =>
  [...new Set([...steps.filter((step) => step <= ceiling), ceiling])].sort((a, b) => b - a);

const usesPstate = ({ pstate, policies }: CpuLook): boolean =>
  pstate !== null && policies.some(({ hasTable }) => !hasTable) && pstate.writable;

const stateOf = ({ name, mhz }: Step): HardwareState => ({
  name,
  gpuMhz: null,
  cpuMhz: mhz,
  emcMhz: null,
  cores: null,
  gpuUnits: null,
  dlaMhz: null,
  powerLimitW: null,
  refusal: null,
});

/** Looks for CPU clocks that can be limited. Changes nothing and never throws. */
export async function findCpufreq(
  machine: Machine,
  changes: MachineChanges,
): Promise<{ readonly actuator: HardwareActuator | null; readonly finding: ActuatorFinding }> {
  const look = await readCpuPolicies(machine);
  const finding = (level: ActuatorFinding['level'], text: string): ActuatorFinding => ({
    name: 'cpufreq',
    level,
    text,
  });
  const [first] = look.policies;
  if (first === undefined) {
    const text = 'The kernel offers no CPU clock control (virtual machines have none)';
    return { actuator: null, finding: finding('missing', text) };
  }
  const policies = look.policies.length === 1 ? '1 policy' : `${look.policies.length} policies`;
  const range = `${gigahertz(first.steps[0] ?? 0)} to ${gigahertz(first.steps.at(-1) ?? 0).replace('CPU ', '')}`;
  const turbo = look.pstate?.turboOff === true ? ', turbo is off' : '';
  const by = usesPstate(look) ? 'max_perf_pct of intel_pstate' : `scaling_max_freq of ${policies} (${first.driver})`;
  const method = `CPU clock limit by ${by}, ${range}${turbo}`;
  const actuator = new CpufreqActuator(machine, changes, method);
  const denied = look.policies.filter(({ writable }) => !writable).map(({ limitPath }) => limitPath);
  if (usesPstate(look) || denied.length === 0) return { actuator, finding: finding('usable', method) };
  const help =
    `${denied.join(', ')} may not be written by this user (or /sys is read-only, as in a container): ` +
    'install the permission rules that come with the package (folder recipe/)';
  return { actuator: changes.dryRun ? actuator : null, finding: finding('denied', `${method}. ${help}`) };
}
