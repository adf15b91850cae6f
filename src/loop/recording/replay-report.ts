import { describeDecision, reasonOf } from './decisions';
import type { Recording } from './read-recording';
import type { ComparedDecision, ReplayOutcome } from './replay';

const shown = (value: unknown): string => (value === undefined || value === null ? 'nothing' : JSON.stringify(value));

const timeOf = ({ step }: ComparedDecision): string => `${(step.atMs / 1000).toFixed(2).padStart(9)} s ${step.step}`;

/** One decision in a line: when, what, and whether it came out the same. */
export function decisionLine(compared: ComparedDecision): string {
  const { recorded, replayed, difference } = compared;
  const decision = recorded ?? replayed;
  const what = decision === null ? '' : describeDecision(decision);
  return `${timeOf(compared).padEnd(20)} ${difference === null ? 'identical' : 'DIFFERENT'}  ${what}`;
}

/** What was recorded, where and with what. */
export function recordingLines({ header, warnings }: Recording): string[] {
  const { device, tenants, planning, madeOn, packageVersion, startedAt, cap } = header;
  const estimator =
    planning.estimator.kind === 'analytic' ? 'the queueing model' : 'the learned estimator where it knows enough';
  return [
    `recorded ${startedAt} on ${device.label} with version ${packageVersion} (Node.js ${madeOn.node}, ${madeOn.cpu}): ` +
      `${tenants.map(({ name }) => name).join(', ')}; cap policy ${cap.policy.kind}; planned by ${estimator}`,
    ...warnings,
  ];
}

/** How a replay came out, with the first difference explained. */
export function outcomeLines({ steps, decisions, identical, reworded, first, problems }: ReplayOutcome): string[] {
  return [
    ...problems,
    `${decisions} decisions in ${steps} steps, ${identical} identical` +
      (reworded === 0 ? '' : ` (${reworded} of them explained in other words)`),
    ...(first === null ? [] : firstDifferenceLines(first)),
  ];
}

function firstDifferenceLines(compared: ComparedDecision): string[] {
  const { recorded, replayed, difference, step } = compared;
  const kind = recorded?.kind ?? replayed?.kind ?? '';
  const field = difference === null || difference.field === '' ? kind : `${kind} ${difference.field}`;
  return [
    `first difference at ${(step.atMs / 1000).toFixed(2)} s (${step.time}, ${step.step}): ${field} was ` +
      `${shown(difference?.recorded)}, now ${shown(difference?.replayed)}`,
    ...(recorded === null ? [] : [`  then: ${describeDecision(recorded)}, because ${reasonOf(recorded)}`]),
    ...(replayed === null ? [] : [`  now:  ${describeDecision(replayed)}, because ${reasonOf(replayed)}`]),
    '  Decisions after it may differ because of it.',
  ];
}
