/** An answer is worth no more than this; then it is made anew. */
const validMs = 3_000;

interface Kept<Answer> {
  readonly answer: Promise<Answer>;
  validUntilMs: number;
}

/**
 * Whoever asks the same while an answer is being made, or shortly after, gets the same one; a failure is not kept.
 * @param keyOf tells questions apart
 */
export function sharedForAWhile<Question, Answer>(
  make: (question: Question) => Promise<Answer>,
  keyOf: (question: Question) => string,
): (question: Question) => Promise<Answer> {
  const kept = new Map<string, Kept<Answer>>();
  return (question) => {
    const key = keyOf(question);
    const known = kept.get(key);
    if (known !== undefined && performance.now() < known.validUntilMs) return known.answer;
    const made: Kept<Answer> = { answer: make(question), validUntilMs: Infinity };
    kept.set(key, made);
    made.answer.then(
      () => {
        made.validUntilMs = performance.now() + validMs;
      },
      () => {
        made.validUntilMs = 0;
      },
    );
    return made.answer;
  };
}
