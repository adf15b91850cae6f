import type { ConfArgument, ConfParameter, NvpmodelConf } from './conf';

export type ClockDomain = 'cpu' | 'gpu' | 'emc' | 'dla';

/** What an argument of the configuration file sets, told by where it points. */
export type ArgumentRole =
  | { readonly sets: 'core'; readonly core: number }
  /** Units that are fused off; a change takes a reboot. */
  | { readonly sets: 'mask' }
  | { readonly sets: 'clock'; readonly domain: ClockDomain; readonly bound: 'least' | 'most' };

const corePath = /\/cpu\/cpu(\d+)\/online$/;
const maskPath = /\/(?:tpc|fbp|gpc)_pg_mask$/;
const cpuClockPath = /\/(?:cpu\d+\/cpufreq|cpufreq\/policy\d+)\/scaling_(min|max)_freq$/;
const gpuClockPath = /(?:gv11b|gp10b|ga10b|gb10b|gm20b|\.gpu\b|\/gpu\.0|gpu-gpc).*\/(min|max)_freq$/;
const emcCapPath = /\/(?:emc_iso_cap|clk_cap\/emc)$/;
const dlaCapPath = /\/(?:nafll_dla|dla\d?_core)$/;

const boundOf = (word: string | undefined): 'least' | 'most' => (word === 'min' ? 'least' : 'most');

/** @returns null for what does not matter here (fans, PVA, over-current limits, frequency tables) */
export function roleOf(parameter: ConfParameter, argument: ConfArgument): ArgumentRole | null {
  for (const path of argument.paths) {
    const core = corePath.exec(path)?.[1];
    if (core !== undefined) return { sets: 'core', core: Number(core) };
    if (maskPath.test(path)) return { sets: 'mask' };
    const cpu = cpuClockPath.exec(path);
    if (cpu !== null) return { sets: 'clock', domain: 'cpu', bound: boundOf(cpu[1]) };
    const gpu = gpuClockPath.exec(path);
    if (gpu !== null) return { sets: 'clock', domain: 'gpu', bound: boundOf(gpu[1]) };
    if (emcCapPath.test(path)) return { sets: 'clock', domain: 'emc', bound: 'most' };
    if (dlaCapPath.test(path)) return { sets: 'clock', domain: 'dla', bound: 'most' };
  }
  if (parameter.name === 'EMC' && argument.name === 'MAX_FREQ') return { sets: 'clock', domain: 'emc', bound: 'most' };
  return null;
}

export interface KnownArgument {
  readonly parameter: string;
  readonly argument: string;
  readonly paths: readonly string[];
  readonly role: ArgumentRole;
}

/** All arguments of a configuration whose effect is known. */
export function knownArguments(conf: NvpmodelConf): KnownArgument[] {
  return conf.parameters.flatMap((parameter) =>
    parameter.arguments.flatMap((argument) => {
      const role = roleOf(parameter, argument);
      return role === null ? [] : [{ parameter: parameter.name, argument: argument.name, paths: argument.paths, role }];
    }),
  );
}
