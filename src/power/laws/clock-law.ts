/** Module power of a family of boards as a function of its clocks; see the method for what is measured and what assumed. */
export interface ClockLaw {
  /** Idle power by the highest GPU clock, ascending; linear in between. */
  readonly idle: readonly { readonly gpuMhz: number; readonly idleW: number }[];
  /** Watts of a GPU that computes all the time: `factor * (units / allUnits) * MHz^exponent`. */
  readonly gpu: {
    readonly factor: number;
    readonly exponent: number;
    /** null: the number of units that are on makes no difference. */
    readonly allUnits: number | null;
  };
  /** Watts of one core that computes all the time: `factor * GHz^exponent`. */
  readonly cpu: { readonly factor: number; readonly exponent: number };
  readonly method: string;
  readonly accuracy: number | null;
}

const agxXavier: ClockLaw = {
  idle: [
    { gpuMhz: 522.75, idleW: 6.1 },
    { gpuMhz: 675.75, idleW: 5.95 },
    { gpuMhz: 905.25, idleW: 5.93 },
    { gpuMhz: 1377, idleW: 8.35 },
  ],
  gpu: { factor: 5.36e-4, exponent: 1.479, allUnits: 4 },
  cpu: { factor: 0.141, exponent: 3.14 },
  method:
    'GPU 5.36e-4 x TPC/4 x MHz^1.479 W and idle fitted to module power in four modes (public measurement log, L4T R35.5), ' +
    'CPU 0.141 x cores x GHz^3.14 W fitted to wall power (MLPerf v1.1)',
  accuracy: 0.1,
};

/** AGX Orin 64 GB: sum of three rails with heavy networks in four modes; CPU from the rail's maxima at 15, 30, 50 W and MAXN. */
const agxOrin: ClockLaw = {
  idle: [
    { gpuMhz: 408, idleW: 6.33 },
    { gpuMhz: 612, idleW: 6.7 },
    { gpuMhz: 1300.5, idleW: 6.83 },
  ],
  gpu: { factor: 0.0205, exponent: 1.04, allUnits: null },
  cpu: { factor: 0.19, exponent: 2.4 },
  method: 'GPU and idle fitted to module power in four modes (public measurement log, L4T R36.4), CPU to rail maxima',
  accuracy: 0.15,
};

const halfOrin = (idleW: number): ClockLaw => ({
  ...agxOrin,
  idle: [{ gpuMhz: 306, idleW }],
  gpu: { ...agxOrin.gpu, factor: agxOrin.gpu.factor / 2 },
  method: `assumption: idle ${idleW} W, and an AGX Orin with half its GPU`,
  accuracy: null,
});

/** Xavier NX has 6 of 8 SMs of an AGX Xavier; its idle is that of MLPerf v1.0 at the wall. */
const xavierNx: ClockLaw = {
  ...agxXavier,
  idle: [{ gpuMhz: 510, idleW: 3.9 }],
  gpu: { ...agxXavier.gpu, factor: agxXavier.gpu.factor * 0.75, allUnits: null },
  method: 'idle 3.9 W (MLPerf v1.0); assumption: the rest is an AGX Xavier with three quarters of its GPU',
  accuracy: null,
};

/** By the board's name or model; the more specific first. */
const byBoard: readonly (readonly [RegExp, ClockLaw])[] = [
  [/agx[ -]xavier|^jetson-agx$/i, agxXavier],
  [/xavier[ -]nx/i, xavierNx],
  [/agx[ -]orin/i, agxOrin],
  [/orin[ -]nx/i, halfOrin(4.6)],
  [/orin[ -]nano/i, halfOrin(4)],
];

/** The law of a board; null when it is none whose power is known. */
export function clockLawOf(board: string): ClockLaw | null {
  return byBoard.find(([pattern]) => pattern.test(board))?.[1] ?? null;
}

export function idleAt({ idle }: ClockLaw, gpuMhz: number | null): number {
  const last = idle.at(-1);
  if (last === undefined) return 0;
  if (gpuMhz === null) return last.idleW;
  const above = idle.findIndex((point) => point.gpuMhz >= gpuMhz);
  const [low, high] = above < 0 ? [last, last] : [idle[above - 1] ?? idle[above], idle[above]];
  if (low === undefined || high === undefined || low === high) return high?.idleW ?? last.idleW;
  return low.idleW + ((gpuMhz - low.gpuMhz) / (high.gpuMhz - low.gpuMhz)) * (high.idleW - low.idleW);
}
