import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { EcomapError, messageOf } from '../../signals/errors';

export const rootHelperSocket = '/run/ecomap-power.sock';

/** Longer than the slowest thing that the helper does: a tool that hangs is given up after 10 s there. */
const answerTimeoutMs = 15_000;

const answerSchema = z.union([
  z.object({ id: z.number(), ok: z.literal(true) }).loose(),
  z.object({ id: z.number().nullable(), ok: z.literal(false), code: z.string(), message: z.string() }),
]);
const helloSchema = z.object({ lease: z.string().min(1), ttlS: z.number().positive() });
const maySchema = z.object({ may: z.boolean() });
const setSchema = z.object({
  before: z.string(),
  inForce: z.string(),
  exitCode: z.number().nullable(),
  text: z.string(),
});
export type SetByHelper = z.infer<typeof setSchema>;

/** A connection without a lease is given back after this: the helper has only a few. */
const idleMs = 5_000;

/** The helper said no: `denied`, `refused`, `busy`, `no-lease`, `malformed`, `failed`. */
class HelperRefusal extends EcomapError {
  constructor(
    readonly refusal: string,
    message: string,
  ) {
    super(refusal === 'denied' ? 'POWER_DENIED' : 'CAP_NOT_ENFORCEABLE', `The root helper says: ${message}`);
  }
}

type Answer = z.infer<typeof answerSchema>;

/**
 * Speaks to the root helper of the recipe. It sets what is on its list for as long as this process gives signs of life, and
 * takes it back when they stop. Nothing is connected before the first question, nothing is held before the first change.
 */
export class RootHelperClient {
  readonly #path: string;
  readonly #owner: string;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #connection: Promise<Socket> | null = null;
  #lease: string | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  #idle: NodeJS.Timeout | null = null;
  #lastId = 0;

  /** @param owner for people who find the helper busy, e.g. `the device "Jetson"` */
  constructor(owner: string, path = rootHelperSocket) {
    this.#owner = owner.slice(0, 100);
    this.#path = path;
  }

  /** Whether the helper is there and would set this, to this value where one is given. Never throws. */
  async may(key: string, value?: string): Promise<boolean> {
    try {
      return maySchema.parse(await this.#ask({ op: 'may', key, value })).may;
    } catch {
      return false;
    }
  }

  /** @throws EcomapError POWER_DENIED when it is not on the helper's list, CAP_NOT_ENFORCEABLE for any other refusal */
  async set(key: string, value: string): Promise<SetByHelper> {
    for (let attempt = 0; ; attempt += 1) {
      const lease = this.#lease ?? (await this.#sayHello());
      try {
        return setSchema.parse(await this.#ask({ op: 'set', lease, key, value }));
      } catch (error) {
        // The helper was started anew, or we were silent too long: what was set is taken back already.
        if (!(error instanceof HelperRefusal) || error.refusal !== 'no-lease' || attempt > 0) throw error;
        this.#lease = null;
      }
    }
  }

  /** Hands everything back: the helper restores what was there before. Never throws. */
  async close(): Promise<void> {
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
    const lease = this.#lease;
    this.#lease = null;
    if (lease !== null) await this.#ask({ op: 'release', lease }).catch(() => undefined);
    await this.#disconnect();
  }

  async #disconnect(): Promise<void> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    const socket = await this.#connection?.catch(() => null);
    this.#connection = null;
    socket?.destroy();
  }

  #disconnectWhenIdle(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    if (this.#lease !== null || this.#connection === null) return;
    this.#idle = setTimeout(() => {
      if (this.#waiting.size === 0 && this.#lease === null) void this.#disconnect();
    }, idleMs).unref();
  }

  async #sayHello(): Promise<string> {
    const { lease, ttlS } = helloSchema.parse(await this.#ask({ op: 'hello', owner: this.#owner }));
    this.#lease = lease;
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(
      () => {
        // A beat that fails shows at the next change; until then the helper restores by itself.
        void this.#ask({ op: 'heartbeat', lease }).catch(() => undefined);
      },
      (ttlS * 1000) / 3,
    );
    this.#heartbeat.unref();
    return lease;
  }

  async #ask(request: Readonly<Record<string, unknown>>): Promise<unknown> {
    const socket = await (this.#connection ??= this.#connect());
    const id = (this.#lastId += 1);
    let timer: NodeJS.Timeout | undefined;
    try {
      const answer = await new Promise<Answer>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        timer = setTimeout(
          () => reject(silent(`it did not answer within ${answerTimeoutMs / 1000} s`)),
          answerTimeoutMs,
        );
        socket.write(`${JSON.stringify({ id, ...request })}\n`);
      });
      if (answer.ok) return answer;
      throw new HelperRefusal(answer.code, answer.message);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#disconnectWhenIdle();
    }
  }

  #connect(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#path);
      let isLost = false;
      const lost = (error?: Error): void => {
        // An error is followed by a close, and by then there may be a new connection.
        if (isLost) return;
        isLost = true;
        this.#connection = null;
        const problem = silent(error === undefined ? 'it closed the connection' : messageOf(error));
        reject(problem);
        for (const { reject: giveUp } of this.#waiting.values()) giveUp(problem);
      };
      socket.once('error', lost);
      socket.once('close', () => lost());
      socket.once('connect', () => {
        // An open connection is no reason for the process to stay.
        socket.unref();
        resolve(socket);
      });
      createInterface({ input: socket })
        .on('line', (line) => this.#receive(line))
        // The socket reports its own errors.
        .on('error', () => undefined);
    });
  }

  #receive(line: string): void {
    let answer: Answer;
    try {
      answer = answerSchema.parse(JSON.parse(line));
    } catch {
      return;
    }
    if (answer.id !== null) this.#waiting.get(answer.id)?.resolve(answer);
  }
}

const silent = (why: string): EcomapError =>
  new EcomapError(
    'CAP_NOT_ENFORCEABLE',
    `The root helper does not help (${why}): look at "systemctl status ecomap-power.socket ecomap-power.service".`,
  );
