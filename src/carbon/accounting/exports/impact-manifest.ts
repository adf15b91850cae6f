import { z } from 'zod';
import { EcomapError } from '../../../signals/errors';
import { joulesPerKwh } from '../../../signals/quantities';
import { totalKey } from '../energy-rows';
import { cellOver, unknownChain, type JoinedRow } from '../joined';
import type { LedgerReport } from './hour-records';
import { yamlOf } from './yaml';

const name = z.string().min(1);
const amount = z.number().nonnegative();

const observationSchema = z.object({
  timestamp: z.iso.datetime(),
  /** Seconds. */
  duration: z.number().positive(),
  /** kWh whose intensity is known. */
  energy: amount,
  /** g/kWh, weighted by energy: energy times this is what was emitted. */
  'grid/carbon-intensity': amount,
  /** Grams; absent while the embodied carbon is not set. */
  'carbon-embodied': amount.optional(),
  /** Absent where there was none: the framework takes a functional unit of 0 for 1. */
  inferences: z.number().positive().optional(),
});

const componentSchema = z.object({
  pipeline: z.object({ compute: z.array(name).min(1) }),
  inputs: z.array(observationSchema).min(1),
});

/** The part of a manifest of the Impact Framework (1.x) that a ledger writes. */
export const impactManifestSchema = z.object({
  name,
  description: z.string(),
  tags: z.object({ kind: name, category: name }),
  initialize: z.object({
    plugins: z.record(
      name,
      z.object({ path: z.literal('builtin'), method: name, config: z.record(z.string(), z.unknown()) }),
    ),
  }),
  tree: z.object({ children: z.record(name, componentSchema) }),
});
export type ImpactManifest = z.infer<typeof impactManifestSchema>;

interface WholeAccount extends Omit<LedgerReport, 'hours'> {
  /** Every signal, basis and quality by itself. */
  readonly rows: readonly JoinedRow[];
}

const operational = 'operational-carbon';
const whole = 'carbon-with-embodied';
const score = 'sci';

/**
 * A manifest of the Impact Framework whose result is the SCI of this account: one component per signal and basis, each with one
 * observation over the whole time, because the framework's SCI over several observations is the mean of their ratios instead of the
 * ratio of their sums.
 *
 * @throws EcomapError CARBON_UNKNOWN when no grams are known: there is nothing to score
 */
export function impactManifestOf({ name: ledger, receipt, rows }: WholeAccount): ImpactManifest {
  const chains = [...new Set(rows.map(({ chain }) => chain))].filter((chain) => chain !== unknownChain);
  const totalS = receipt.durationS;
  const embodiedG = receipt.sci?.embodiedG ?? null;
  const children: ImpactManifest['tree']['children'] = {};
  for (const chain of chains) {
    const ofChain = rows.filter((row) => row.chain === chain);
    const durationS = ofChain.reduce((sum, row) => sum + row.durationS, 0);
    const { energyJ, unknownJ, carbonG, servedWithCarbon } = cellOver(ofChain, totalKey);
    const energyKwh = ((energyJ ?? 0) - unknownJ) / joulesPerKwh;
    if (carbonG === null || energyKwh <= 0 || durationS <= 0) continue;
    children[chain] = {
      pipeline: {
        compute: [operational, ...(embodiedG === null ? [] : [whole]), ...(servedWithCarbon > 0 ? [score] : [])],
      },
      inputs: [
        {
          timestamp: receipt.from,
          duration: durationS,
          energy: energyKwh,
          'grid/carbon-intensity': carbonG / energyKwh,
          ...(embodiedG === null || totalS <= 0 ? {} : { 'carbon-embodied': (embodiedG * durationS) / totalS }),
          ...(servedWithCarbon > 0 ? { inferences: servedWithCarbon } : {}),
        },
      ],
    };
  }
  if (Object.keys(children).length === 0) {
    throw new EcomapError(
      'CARBON_UNKNOWN',
      'No grams are known yet: send carbon readings and telemetry to the ledger first.',
    );
  }
  const carbonName = embodiedG === null ? 'carbon' : 'carbon-operational';
  return impactManifestSchema.parse({
    name: ledger,
    description: describe(receipt),
    tags: { kind: 'inference', category: 'edge' },
    initialize: {
      plugins: {
        [operational]: {
          path: 'builtin',
          method: 'Multiply',
          config: { 'input-parameters': ['energy', 'grid/carbon-intensity'], 'output-parameter': carbonName },
        },
        ...(embodiedG === null
          ? {}
          : {
              [whole]: {
                path: 'builtin',
                method: 'Sum',
                config: { 'input-parameters': ['carbon-operational', 'carbon-embodied'], 'output-parameter': 'carbon' },
              },
            }),
        [score]: { path: 'builtin', method: 'Sci', config: { 'functional-unit': 'inferences' } },
      },
    },
    tree: { children },
  });
}

export const impactManifestText = (report: WholeAccount): string => yamlOf(impactManifestOf(report));

function describe({ from, to, energySource, sci, coverage, carbon }: LedgerReport['receipt']): string {
  const parts = [
    `Inference from ${from} to ${to}.`,
    `Energy ${energySource ?? 'unknown'}; SCI covers ${sci?.covers ?? 'operational only'}.`,
    `Left out, because the intensity was unknown: ${coverage.unaccountedEnergyJ.toFixed(0)} J.`,
    carbon.provisionalG === null ? '' : 'Some grams are provisional.',
    carbon.attribution.length > 0 ? `Data: ${carbon.attribution.join('; ')}.` : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
}
