/** What is known of a state's clocks; null counts as "as much as a large Jetson has". */
export interface Clocks {
  readonly gpuMhz: number | null;
  readonly cpuMhz: number | null;
  readonly emcMhz: number | null;
  readonly cores: number | null;
  readonly gpuUnits: number | null;
}

/**
 * Watts above idle at full load by the laws fitted to an AGX Xavier: GPU `5.36e-4 * units/4 * MHz^1.479` (measured at four power
 * modes), CPU `0.141 * cores * GHz^3.14` (MLPerf v1.1, ArmNN). Good for ordering states from high to low power, not for telling watts.
 */
export function expectedPowerW({ gpuMhz, cpuMhz, cores, gpuUnits }: Clocks): number {
  const gpuW = 5.36e-4 * ((gpuUnits ?? 4) / 4) * (gpuMhz ?? 1400) ** 1.479;
  const cpuW = 0.141 * (cores ?? 8) * ((cpuMhz ?? 2300) / 1000) ** 3.14;
  return gpuW + cpuW;
}

/** Highest power first; memory clock and name decide between equals. */
export function byExpectedPower<State extends Clocks & { readonly name: string }>(a: State, b: State): number {
  return (
    expectedPowerW(b) - expectedPowerW(a) ||
    (b.emcMhz ?? Number.POSITIVE_INFINITY) - (a.emcMhz ?? Number.POSITIVE_INFINITY) ||
    a.name.localeCompare(b.name)
  );
}
