interface Waiting<Request, Answer> {
  request: Request;
  answer: Promise<Answer>;
}

/**
 * One thing at a time, in order. Requests that wait for their turn are merged (by default the latest replaces the others) and
 * carried out at once, and everybody who asked gets the answer.
 */
export class LatestWins<Request, Answer> {
  private tail: Promise<unknown> = Promise.resolve();
  private waiting: Waiting<Request, Answer> | null = null;

  constructor(
    private readonly carryOut: (request: Request) => Promise<Answer>,
    private readonly merge: (waiting: Request, latest: Request) => Request = (_waiting, latest) => latest,
  ) {}

  request(request: Request): Promise<Answer> {
    if (this.waiting !== null) {
      this.waiting.request = this.merge(this.waiting.request, request);
      return this.waiting.answer;
    }
    const latest = { request };
    const answer = this.run(() => {
      if (this.waiting === latest) this.waiting = null;
      return this.carryOut(latest.request);
    });
    const waiting: Waiting<Request, Answer> = Object.assign(latest, { answer });
    this.waiting = waiting;
    return answer;
  }

  /** Any other work that must not overlap with a request. Requests made after this do not overtake it. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    this.waiting = null;
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}
