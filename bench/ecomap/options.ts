import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** A few mixes, zones and days only: to see that everything works. */
  readonly quick: boolean;
  /** Weeks that constants may be tried on, instead of those that figures are told of. */
  readonly tuning: boolean;
  /** Only what of the distance to the oracle is due to what. */
  readonly ablate: boolean;
  /** Where to write the result as an SVG. */
  readonly picture: string | null;
  readonly mixes: number | null;
  readonly profile: string | null;
  readonly trace: string | null;
  readonly traceColumn: string | null;
  /** Mean accuracy that may be given up, 0 to 1. */
  readonly accuracyLosses: readonly number[];
  readonly mostLatencyMs: number;
  readonly leastAccuracy: number;
  /** Requests per second; null: only the energy of the requests counts. */
  readonly ratePerS: number | null;
}

/** @throws Error for what is not known or no number */
export function optionsOf(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      tuning: { type: 'boolean', default: false },
      ablate: { type: 'boolean', default: false },
      picture: { type: 'string' },
      mixes: { type: 'string' },
      profile: { type: 'string' },
      trace: { type: 'string' },
      'trace-column': { type: 'string' },
      'accuracy-loss': { type: 'string', default: '0.005,0.01,0.02,0.04' },
      'max-latency-ms': { type: 'string' },
      'min-accuracy': { type: 'string', default: '0' },
      'rate-per-s': { type: 'string' },
    },
  });
  const optional = (name: 'mixes' | 'max-latency-ms' | 'rate-per-s'): number | null => {
    const text = values[name];
    return text === undefined ? null : numberOf(text, `--${name}`);
  };
  return {
    quick: values.quick,
    tuning: values.tuning,
    ablate: values.ablate,
    picture: values.picture ?? null,
    mixes: optional('mixes'),
    profile: values.profile ?? null,
    trace: values.trace ?? null,
    traceColumn: values['trace-column'] ?? null,
    accuracyLosses: values['accuracy-loss'].split(',').map((text) => numberOf(text, '--accuracy-loss')),
    mostLatencyMs: optional('max-latency-ms') ?? Infinity,
    leastAccuracy: numberOf(values['min-accuracy'], '--min-accuracy'),
    ratePerS: optional('rate-per-s'),
  };
}

function numberOf(text: string, option: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new Error(`${option} takes numbers from 0 up, not "${text}"`);
  return value;
}
