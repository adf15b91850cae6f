import { CostModelStore } from '../../mapping/operators/cost-model-store';
import { asEcomapError } from '../../signals/errors';
import { predictVariantCost } from '../predicted-cost';
import { predictionQuestionSchema, type ModelledCost, type PredictionAnswer } from './protocol';

/**
 * Entry of the process that predicts what a model costs here: what operators cost are megabytes to read, which would hold up
 * Node-RED's process. It answers one question and ends.
 */
function main(): void {
  if (process.send === undefined) {
    process.stderr.write(
      'This process of Ecomap predicts the cost of a model: it is started by Node-RED, not by hand.\n',
    );
    process.exit(2);
  }
  process.title = 'ecomap-prediction';
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.once('message', (message) => {
    answerTo(message)
      .catch((error: unknown): PredictionAnswer => {
        const { code, message: text } = asEcomapError(error);
        return { kind: 'failed', code, message: text };
      })
      .then((answer) => process.send?.(answer, undefined, undefined, () => process.exit(0)));
  });
}

async function answerTo(message: unknown): Promise<PredictionAnswer> {
  const { deviceFingerprint, stateDirectory, hostEntry, ...question } = predictionQuestionSchema.parse(message);
  const warnings: string[] = [];
  const store = new CostModelStore(stateDirectory, (text) => warnings.push(text));
  const predicted = await predictVariantCost(question, deviceFingerprint, store, hostEntry);
  const costs = predicted.map(
    ({ componentClass, source, latencyMs, energyJ, coveredShare, unknownOperators }): ModelledCost => ({
      componentClass,
      source,
      latencyMs,
      energyJ,
      coveredShare,
      unknownOperators,
    }),
  );
  return { kind: 'costs', costs, warnings };
}

main();
