import { systemClock, type Clock } from '../../clock';
import type { Programs } from '../../machine/programs';
import { judgePower, processorBounds } from '../rails/quantity';
import type { RailReading } from '../sensor';
import type { BackOff } from './background-program';
import { StreamedSensor, type StreamedReading } from './streamed-sensor';

const intervalMs = 500;
const query = ['count', 'index', 'power.draw', 'name'] as const;

/** One line of `nvidia-smi --query-gpu=count,index,power.draw,name --format=csv,noheader,nounits`; null for any other line. */
export function parseNvidiaSmi(line: string): { readonly count: number; readonly rail: RailReading } | null {
  const match = /^(\d+), (\d+), ([^,]+), (.+)$/.exec(line.trim());
  if (match === null) return null;
  const [, count = '', index = '', power = '', model = ''] = match;
  const name = `GPU ${index} (${model})`;
  // `[N/A]`, `[Not Supported]`, `[Unknown Error]`
  if (power.startsWith('[')) {
    const problem = `nvidia-smi says ${power} for its power`;
    return { count: Number(count), rail: { name, inTotal: true, powerW: null, problem } };
  }
  return { count: Number(count), rail: { name, inTotal: true, ...judgePower(Number(power), processorBounds) } };
}

/**
 * The GPUs of a computer (a Jetson's GPU has no such reading): one nvidia-smi that runs on in the background. It sees nothing
 * but the GPUs. @returns a sensor that has already started the program
 */
export function openNvidiaSmi(programs: Programs, clock: Clock = systemClock, backOff?: BackOff): StreamedSensor {
  const round = new Map<string, RailReading>();
  const parse = (line: string): StreamedReading | null => {
    const parsed = parseNvidiaSmi(line);
    if (parsed === null) return null;
    round.set(parsed.rail.name, parsed.rail);
    if (round.size < parsed.count) return null;
    const rails = [...round.values()];
    round.clear();
    return { powerW: sumOf(rails), rails };
  };
  return new StreamedSensor({
    name: 'nvidia-smi',
    scope: 'package',
    accuracy: null,
    program: 'nvidia-smi',
    args: [`--query-gpu=${query.join(',')}`, '--format=csv,noheader,nounits', `--loop-ms=${intervalMs}`],
    intervalMs,
    parse,
    methodOf: ({ rails }) => `nvidia-smi, ${rails.length === 1 ? 'one GPU' : `sum of ${rails.length} GPUs`}`,
    programs,
    clock,
    // Without the persistence daemon the driver is loaded first.
    patienceMs: 15_000,
    ...(backOff === undefined ? {} : { backOff }),
  });
}

function sumOf(rails: readonly RailReading[]): number | null {
  let sumW = 0;
  for (const { powerW } of rails) {
    if (powerW === null) return null;
    sumW += powerW;
  }
  return sumW;
}
