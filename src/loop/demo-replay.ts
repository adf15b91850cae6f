import { readRecording } from './recording/read-recording';
import { replay } from './recording/replay';
import { decisionLine, outcomeLines, recordingLines } from './recording/replay-report';

/**
 * Runs a recorded day again and prints each decision, then how many came out the same.
 * @returns whether all did
 * @throws EcomapError RECORDING_INVALID, RECORDING_TOO_NEW; MODEL_HASH_MISMATCH when it was planned with another learned estimator
 */
export async function replayForDemo(path: string, json: boolean, print: (line: string) => void): Promise<boolean> {
  const recording = await readRecording(path);
  const say = json ? (): void => undefined : print;
  for (const line of recordingLines(recording)) say(line);
  const outcome = await replay(recording, { onDecision: (decision) => say(decisionLine(decision)) });
  for (const line of outcomeLines(outcome)) say(line);
  if (json) print(JSON.stringify({ replay: { ...outcome, warnings: recording.warnings } }));
  return outcome.first === null;
}
