/** Time on a clock that all processes of this machine share and that never jumps, ms. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
