// How well the latency and the energy of a network that was never run here are predicted from its operators: whole families are
// left out, and the costs of operators are learned from all others and from generated networks.
//   npm run bench -- kernels [--seed N] [--networks N] [--rounds N] [--profiles FILE]   (FILE: kept there; goes on where it was cut off)
import { learnOperatorCosts } from '../src/mapping/operators/learn-costs';
import { predictModelCost, predictOperators } from '../src/mapping/operators/predict-cost';
import { describeMachine } from '../src/power/describe-machine';
import { detectMachine } from '../src/power/detect';
import { createDevice } from '../src/power/device';
import { thisMachine } from '../src/power/machine/machine';
import { quantile } from '../src/signals/statistics';
import { demonstrationFamilies } from '../src/models/family-card';
import { kernelFamily, measureModels, type MeasuredModel } from './kernels/measure';
import { printReport, rounded } from './report';

function argument(name: string, otherwise: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return (at < 0 ? undefined : process.argv[at + 1]) ?? otherwise;
}

const seed = Number(argument('seed', '1'));
const networks = Number(argument('networks', '300'));
const rounds = Number(argument('rounds', '2'));
const file = argument('profiles', '');

interface Outcome {
  readonly family: string;
  readonly name: string;
  readonly latencyMs: number;
  readonly predictedMs: number;
  readonly energyJ: number;
  readonly predictedJ: number;
  readonly coveredShare: number;
}

interface OperatorOutcome {
  readonly kind: string;
  readonly ms: number;
  readonly predictedMs: number;
}

const errorPct = (predicted: number, measured: number): number => 100 * Math.abs(predicted / measured - 1);
const median = (values: readonly number[]): number => quantile(values, 0.5) ?? Number.NaN;

/** Predicts each family from all that is not of it. */
function leaveFamiliesOut(models: readonly MeasuredModel[]): { models: Outcome[]; operators: OperatorOutcome[] } {
  const families = [...new Set(models.map(({ family }) => family))].filter((family) => family !== kernelFamily);
  const outcomes: Outcome[] = [];
  const operators: OperatorOutcome[] = [];
  for (const family of families) {
    const costs = learnOperatorCosts(models.filter((model) => model.family !== family).map(({ profile }) => profile));
    for (const { name, profile } of models.filter((model) => model.family === family)) {
      const { latencyMs, energyJ, coveredShare } = predictModelCost(profile.operators, costs);
      outcomes.push({
        family,
        name,
        latencyMs: profile.latencyMs,
        predictedMs: latencyMs,
        energyJ: profile.energyJ,
        predictedJ: energyJ,
        coveredShare,
      });
      predictOperators(profile.operators, costs).forEach((predicted, index) => {
        const ms = profile.operators[index]?.ms;
        if (predicted !== null && ms !== undefined)
          operators.push({ kind: predicted.kind, ms, predictedMs: predicted.ms });
      });
    }
  }
  return { models: outcomes, operators };
}

function byOperatorType(operators: readonly OperatorOutcome[]): Record<string, unknown>[] {
  const total = operators.reduce((sum, { ms }) => sum + ms, 0);
  return [...new Set(operators.map(({ kind }) => kind))]
    .map((type) => {
      const own = operators.filter(({ kind }) => kind === type);
      const ms = own.reduce((sum, operator) => sum + operator.ms, 0);
      const predictedMs = own.reduce((sum, operator) => sum + operator.predictedMs, 0);
      return {
        type,
        count: own.length,
        timeSharePct: rounded((100 * ms) / total, 1),
        medianErrorPct: rounded(median(own.map((operator) => errorPct(operator.predictedMs, operator.ms))), 1),
        sumErrorPct: rounded(100 * (predictedMs / ms - 1), 1),
      };
    })
    .sort((a, b) => b.timeSharePct - a.timeSharePct);
}

function printTables(outcomes: readonly Outcome[], types: readonly Record<string, unknown>[]): void {
  console.log('family       networks   energy error %, median (each)');
  for (const family of new Set(outcomes.map((outcome) => outcome.family))) {
    const own = outcomes.filter((outcome) => outcome.family === family);
    const each = own.map(({ energyJ, predictedJ }) => (100 * (predictedJ / energyJ - 1)).toFixed(0)).join(', ');
    const middle = median(own.map(({ energyJ, predictedJ }) => errorPct(predictedJ, energyJ)));
    console.log(`${family.padEnd(12)} ${String(own.length).padStart(8)}   ${middle.toFixed(1).padStart(6)} (${each})`);
  }
  console.log('\noperator type                 count   share of time %   error %, median   error of the sum %');
  for (const { type, count, timeSharePct, medianErrorPct, sumErrorPct } of types) {
    const cells = [count, timeSharePct, medianErrorPct, sumErrorPct].map((cell) => String(cell).padStart(14));
    console.log(`${String(type).padEnd(26)} ${cells.join(' ')}`);
  }
}

async function main(): Promise<void> {
  const description = describeMachine(detectMachine());
  const device = createDevice(description, { machine: thisMachine });
  const component = description.components.find(({ threads }) => threads === 1) ?? description.components[0];
  if (component === undefined) throw new Error('this machine has no component');
  const models = await measureModels({
    device,
    component,
    kernelNetworks: networks,
    seed,
    rounds,
    measureMs: 400,
    file: file === '' ? null : file,
    say: (text) => console.error(text),
  });
  await device.close();
  const { models: outcomes, operators } = leaveFamiliesOut(models);
  const types = byOperatorType(operators);
  printTables(outcomes, types);
  const energyErrors = outcomes.map(({ energyJ, predictedJ }) => errorPct(predictedJ, energyJ));
  const shipped = outcomes.filter(({ family }) => (demonstrationFamilies as readonly string[]).includes(family));
  const repeated = models.filter(({ family, energiesJ }) => family !== kernelFamily && energiesJ.length > 1);
  printReport({
    bench: 'kernels',
    figures: {
      kernelMedianErrorPct: rounded(median(energyErrors), 1),
      kernelP90ErrorPct: rounded(quantile(energyErrors, 0.9) ?? Number.NaN, 1),
      kernelLatencyMedianErrorPct: rounded(
        median(outcomes.map(({ latencyMs, predictedMs }) => errorPct(predictedMs, latencyMs))),
        1,
      ),
      kernelDemonstrationMedianErrorPct: rounded(
        median(shipped.map(({ energyJ, predictedJ }) => errorPct(predictedJ, energyJ))),
        1,
      ),
      /** How far two measurements of the same network lie apart. */
      kernelFloorPct: rounded(
        median(repeated.map(({ energiesJ }) => 100 * (Math.max(...energiesJ) / Math.min(...energiesJ) - 1))),
        1,
      ),
      operatorMedianErrorPct: rounded(median(operators.map(({ predictedMs, ms }) => errorPct(predictedMs, ms))), 1),
    },
    setup: {
      seed,
      leftOut: 'one family at a time',
      networks: outcomes.length,
      families: [...new Set(outcomes.map(({ family }) => family))],
      generatedNetworks: networks,
      operators: models.reduce((sum, { profile }) => sum + profile.operators.length, 0),
      rounds,
      component: component.componentClass,
      runtime: models[0]?.profile.runtimeVersion ?? null,
      energySource: [...new Set(models.map(({ profile }) => profile.energy.source))],
      energyMethod: [...new Set(models.map(({ profile }) => profile.energy.method))],
      coveredShare: rounded(outcomes.reduce((sum, { coveredShare }) => sum + coveredShare, 0) / outcomes.length, 3),
      byOperatorType: types,
    },
  });
}

void main();
