import type { ConfArgument, ConfParameter, NvpmodelConf } from './conf';

export type ClockDomain = 'cpu' | 'gpu' | 'emc' | 'dla';

/** What an argument of the configuration file sets, told by where it points. */
export type ArgumentRole =
  | { readonly sets: 'core'; readonly core: number }
  /** Units that are fused off; a change takes a reboot. */
  | { readonly sets: 'mask' }
  /** The upper limit of a clock; lower limits are of no interest. */
  | { readonly sets: 'clock'; readonly domain: ClockDomain };

const corePath = /\/cpu\/cpu(\d+)\/online$/;
const maskPath = /\/(?:tpc|fbp|gpc)_pg_mask$/;
const cpuClockPath = /\/(?:cpu\d+\/cpufreq|cpufreq\/policy\d+)\/scaling_max_freq$/;
const gpuClockPath = /(?:gv11b|gp10b|ga10b|gb10b|gm20b|\.gpu\b|\/gpu\.0|gpu-gpc).*\/max_freq$/;
const emcCapPath = /\/(?:emc_iso_cap|clk_cap\/emc)$/;
const dlaCapPath = /\/(?:nafll_dla|dla\d?_core)$/;

/** @returns null for what does not matter here (fans, PVA, over-current limits, frequency tables) */
export function roleOf(parameter: ConfParameter, argument: ConfArgument): ArgumentRole | null {
  for (const path of argument.paths) {
    const core = corePath.exec(path)?.[1];
    if (core !== undefined) return { sets: 'core', core: Number(core) };
    if (maskPath.test(path)) return { sets: 'mask' };
    if (cpuClockPath.test(path)) return { sets: 'clock', domain: 'cpu' };
    if (gpuClockPath.test(path)) return { sets: 'clock', domain: 'gpu' };
    if (emcCapPath.test(path)) return { sets: 'clock', domain: 'emc' };
    if (dlaCapPath.test(path)) return { sets: 'clock', domain: 'dla' };
  }
  if (parameter.name === 'EMC' && argument.name === 'MAX_FREQ') return { sets: 'clock', domain: 'emc' };
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
