/** An answer that is worth no more than this is made anew. */
const validMs = 3_000;

/** Whoever asks while an answer is being made, or shortly after, gets the same one; a failure is not kept. */
export function sharedForAWhile<Answer>(make: () => Promise<Answer>): () => Promise<Answer> {
  let current: { readonly answer: Promise<Answer>; validUntilMs: number } | null = null;
  return () => {
    if (current !== null && performance.now() < current.validUntilMs) return current.answer;
    const made = { answer: make(), validUntilMs: Infinity };
    current = made;
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
