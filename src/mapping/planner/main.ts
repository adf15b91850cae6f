import { isEcomapError, messageOf } from '../../signals/errors';
import { describeIssues } from '../../signals/parse';
import { EstimatorSession } from './estimator-session';
import { PlanningService } from './planning-service';
import { plannerCommandSchema, type PlannerCommand, type PlannerMessage } from './protocol';

/**
 * Entry of the process that plans: a search takes a while, and the learned estimator runs in the runtime, which Node-RED's
 * process never loads. It answers one command after the other and ends with its parent.
 */
function main(): void {
  if (process.send === undefined) {
    process.stderr.write('This is the planner process of Ecomap: it is started by Node-RED, not by hand.\n');
    process.exit(2);
  }
  process.title = 'ecomap-planner';
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(0));
  const service = new PlanningService({ open: (model) => EstimatorSession.open(model) });
  let tail: Promise<void> = Promise.resolve();
  process.on('message', (message) => {
    const parsed = plannerCommandSchema.safeParse(message);
    if (parsed.success) tail = tail.then(() => obey(service, parsed.data));
    else process.stderr.write(`No command: ${describeIssues(parsed.error)}\n`);
  });
}

async function obey(service: PlanningService, command: PlannerCommand): Promise<void> {
  if (command.kind === 'estimator') {
    const { name, problems } = await service.setEstimator(command.wanted);
    tell({ kind: 'estimator', inForce: name, problems: [...problems] });
    return;
  }
  if (command.kind === 'observe') {
    const seen = await service.observe(command.sample, command.powerCounts).catch(() => null);
    if (seen !== null) tell({ kind: 'coverage', ...seen });
    return;
  }
  const { id, question, effort } = command;
  try {
    tell({ kind: 'answer', id, answer: await service.solve(question, effort) });
  } catch (error) {
    const code = isEcomapError(error) ? error.code : 'INTERNAL_ERROR';
    tell({ kind: 'failed', id, problem: { code, message: messageOf(error) } });
  }
}

function tell(message: PlannerMessage): void {
  // A parent that is gone hears nothing; its end is this one's.
  process.send?.(message, undefined, undefined, () => undefined);
}

main();
