import { parseArgs } from 'node:util';

export interface LoopRealOptions {
  /** Days of each zone under each policy. */
  readonly rounds: number;
  /** What a day takes here, s. */
  readonly seconds: number;
  readonly seed: number;
  readonly zones: readonly string[];
  /** Times the requests of the demonstration. */
  readonly load: number;
  /** Looks for power sensors; without one, what other programs do counts too. */
  readonly sensors: boolean;
}

/** @throws Error for what is not known or out of range */
export function loopRealOptions(args: readonly string[]): LoopRealOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      seed: { type: 'string', default: '1' },
      zone: { type: 'string' },
      load: { type: 'string', default: '1' },
      sensors: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  const rounds = numberOf(values.rounds ?? '2', '--rounds', 1, 100);
  const seed = numberOf(values.seed, '--seed', 0, Number.MAX_SAFE_INTEGER);
  for (const [option, value] of Object.entries({ '--rounds': rounds, '--seed': seed }))
    if (!Number.isInteger(value)) throw new Error(`${option} takes a whole number, not ${value}`);
  return {
    rounds,
    seconds: numberOf(values.seconds ?? (quick ? '8' : '16'), '--seconds', 6, 3600),
    seed,
    zones: (values.zone ?? (quick ? 'simulated' : 'simulated,varying,flat')).split(',').map((name) => name.trim()),
    load: numberOf(values.load, '--load', 0.01, 1000),
    sensors: values.sensors,
  };
}

function numberOf(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most))
    throw new Error(`${option} takes a number from ${least} to ${most}, not "${text}"`);
  return value;
}
