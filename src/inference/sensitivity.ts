import type { Sensitivity } from '../signals/co-location';
import { EcomapError } from '../signals/errors';
import type { SensitivityRequest } from '../signals/sensitivity';
import { quantile } from '../signals/statistics';
import type { TaskHost } from './hosting/task-host';
import type { RerunAnswer, StressAnswer } from './host/protocol';

/** Alone and beside the stressor by turns, because a device is not the same all the time. */
const rounds = 3;
const roundMs = 150;
/** At least so many runs each time. */
const leastRuns = 5;
const copyMs = 300;
/** The stressor is asked for so much at a time, so that it stops soon, and it is known when it did what. */
const sliceMs = 20;
const stressorAloneMs = 60;

/**
 * Measures how a network gets on with company: by turns alone and beside a process on other cores that keeps the memory busy, then
 * in turns with a copy of itself. On CPU cores CPU time is what counts: it grows with the waits for memory, and does not with what
 * else wants the cores. Medians of runs and of rounds.
 * @param host of the component, `stressor` one on other cores
 * @throws EcomapError of the hosts; INTERNAL_ERROR when too little was seen
 */
export async function measureSensitivity(
  host: TaskHost,
  stressor: TaskHost,
  { path, sha256, dims, component }: SensitivityRequest,
): Promise<Sensitivity> {
  const msOf = ({ p50Ms, cpuP50Ms }: RerunAnswer): number => (component.kind === 'cpu' ? cpuP50Ms : p50Ms);
  const { p50Ms } = await host.profile({ path, sha256, dims, effort: 'quick' });
  const durationMs = Math.max(roundMs, leastRuns * p50Ms);
  // The first pass touches the stressor's memory.
  await stressor.stress(sliceMs);
  const alone: number[] = [];
  const besideMemory: number[] = [];
  const caused: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = msOf(await host.rerun(durationMs, false));
    const stressorAlone = await stressor.stress(stressorAloneMs);
    const { beside, slices } = await besideStressor(host, stressor, durationMs);
    alone.push(before);
    besideMemory.push(Math.log(msOf(beside) / before));
    const during = slices.filter(
      ({ startedMs, endedMs }) => startedMs >= beside.startedMs && endedMs <= beside.endedMs,
    );
    caused.push(...during.map((slice) => Math.log(perByte(slice) / perByte(stressorAlone))));
  }
  const twice = await host.rerun(Math.max(copyMs, 2 * leastRuns * p50Ms), true);
  const sensitivity = {
    besideMemory: medianOf(besideMemory),
    besideItself: Math.log(msOf(twice) / medianOf(alone)),
    caused: medianOf(caused),
  };
  if (!Object.values(sensitivity).every(Number.isFinite)) {
    throw new EcomapError('INTERNAL_ERROR', 'Too little was seen of the model beside the stressor: try again.');
  }
  return sensitivity;
}

async function besideStressor(
  host: TaskHost,
  stressor: TaskHost,
  durationMs: number,
): Promise<{ beside: RerunAnswer; slices: StressAnswer[] }> {
  const slices: StressAnswer[] = [await stressor.stress(sliceMs)];
  let isOver = false;
  const running = host.rerun(durationMs, false).finally(() => {
    isOver = true;
  });
  // Its error is thrown below.
  running.catch(() => undefined);
  while (!isOver) slices.push(await stressor.stress(sliceMs));
  return { beside: await running, slices };
}

/** CPU time of the stressor for a byte, ms. */
const perByte = ({ cpuMs, bytes }: StressAnswer): number => cpuMs / bytes;

/** NaN of nothing. */
const medianOf = (values: readonly number[]): number => quantile(values, 0.5) ?? Number.NaN;
