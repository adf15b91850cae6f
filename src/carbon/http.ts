import axios, { AxiosError, type AxiosResponse } from 'axios';
import { EcomapError, messageOf, type ErrorCode } from '../signals/errors';

export interface HttpLimits {
  /** For the whole answer, not only for its first byte. */
  readonly timeoutMs: number;
  readonly maximumBytes: number;
  readonly maximumRedirects: number;
  /** First pause after a failure; it doubles up to the longest one. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

const defaultHttpLimits: HttpLimits = {
  timeoutMs: 15_000,
  maximumBytes: 1_000_000,
  maximumRedirects: 3,
  firstPauseMs: 30_000,
  longestPauseMs: 3_600_000,
};

/** Retry-After is honoured up to here. */
const longestRetryAfterMs = 86_400_000;
/** Answers whose ETag is remembered; more addresses than this no provider has. */
const mostKnownAnswers = 8;
/** A pause grows by up to this share, so that many who failed together do not come back together. */
const jitterShare = 0.1;
const longestDetail = 160;

export type Headers = Readonly<Record<string, string>>;
/** Headers that hold a login; with `renew` those of a new one, because the last were refused. Rejects when the login fails. */
export type LoginHeaders = (renew: boolean) => Promise<Headers>;

export interface HttpOptions {
  readonly now: () => number;
  /** In [0, 1), for the jitter. */
  readonly random?: () => number;
  readonly limits?: Partial<HttpLimits>;
}

/**
 * Asks one provider for JSON, with manners: one request per address at a time, a pause after a failure (30 s doubling to 1 h,
 * or what Retry-After asks for), a time-out, a limit on size, If-None-Match where there was an ETag, and no following to another
 * host. Nothing of a request's headers or query ever appears in an error, because tokens travel there.
 */
export class ProviderHttp {
  readonly #options: HttpOptions;
  readonly #limits: HttpLimits;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #inFlight = new Map<string, Promise<unknown>>();
  readonly #known = new Map<string, { readonly etag: string; readonly text: string }>();
  readonly #asides: ProviderHttp[] = [];
  readonly #closing = new AbortController();
  #failures = 0;
  #pausedUntilMs = 0;
  #lastFailure: EcomapError | null = null;
  #hasAnswered = false;

  constructor(
    readonly provider: string,
    options: HttpOptions,
  ) {
    this.#options = options;
    this.#now = options.now;
    this.#random = options.random ?? Math.random;
    this.#limits = { ...defaultHttpLimits, ...options.limits };
  }

  /**
   * A second way to the same provider with a cool-down of its own: a forecast that a plan does not include must not keep the
   * present from being asked for. Closed together with this one.
   */
  aside(limits: Partial<HttpLimits> = {}): ProviderHttp {
    const aside = new ProviderHttp(this.provider, { ...this.#options, limits: { ...this.#options.limits, ...limits } });
    this.#asides.push(aside);
    return aside;
  }

  /**
   * A 401 or 403 makes `LoginHeaders` log in anew once. One that stays is a wrong token the first time; after a usable answer it
   * is taken for throttling, which some providers express so.
   *
   * @throws EcomapError PROVIDER_UNAUTHORIZED or PROVIDER_UNREACHABLE, saying what was wrong
   */
  getJson(url: string, headers: Headers | LoginHeaders = {}): Promise<unknown> {
    const running = this.#inFlight.get(url);
    if (running !== undefined) return running;
    const request = this.#get(url, headers).finally(() => this.#inFlight.delete(url));
    this.#inFlight.set(url, request);
    return request;
  }

  /** An answer that came but cannot be used counts as a failure, too: it is not asked for again at once. */
  reject(reason: string): EcomapError {
    return this.#failed(new EcomapError('PROVIDER_UNREACHABLE', `${this.provider}: ${reason}`), null);
  }

  /** Call when the answer was usable: the next failure then begins with the short pause again. */
  accept(): void {
    this.#hasAnswered = true;
    this.#failures = 0;
    this.#pausedUntilMs = 0;
    this.#lastFailure = null;
  }

  /** Ends what is in flight. */
  close(): void {
    this.#closing.abort();
    for (const aside of this.#asides) aside.close();
  }

  async #get(url: string, headers: Headers | LoginHeaders): Promise<unknown> {
    if (this.#lastFailure !== null && this.#now() < this.#pausedUntilMs) throw this.#lastFailure;
    const login = typeof headers === 'function' ? headers : null;
    let sent = typeof headers === 'function' ? await headers(false) : headers;
    let response = await this.#ask(url, sent);
    if (login !== null && isRefused(response)) {
      sent = await login(true);
      response = await this.#ask(url, sent);
    }
    const known = this.#known.get(url);
    if (response.status === 304 && known !== undefined) return JSON.parse(known.text) as unknown;
    if (response.status < 200 || response.status > 299) throw this.#refusal(url, response, sent);
    const text = typeof response.data === 'string' ? response.data : '';
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      const kind = /^\s*</.test(text) ? 'an HTML page' : 'something that is no JSON';
      throw this.#fail(url, 'PROVIDER_UNREACHABLE', `answered with ${kind}`);
    }
    this.#remember(url, response, text);
    return answer;
  }

  async #ask(url: string, headers: Headers): Promise<AxiosResponse<unknown>> {
    const etag = this.#known.get(url)?.etag;
    try {
      return await this.#request(url, etag === undefined ? headers : { ...headers, 'if-none-match': etag });
    } catch (error) {
      // The original error holds the request with its headers, so it is not passed on as a cause.
      throw this.#fail(url, 'PROVIDER_UNREACHABLE', this.#describe(error));
    }
  }

  #remember(url: string, response: AxiosResponse<unknown>, text: string): void {
    this.#known.delete(url);
    const etag: unknown = response.headers['etag'];
    if (typeof etag !== 'string') return;
    this.#known.set(url, { etag, text });
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostKnownAnswers && oldest !== undefined) this.#known.delete(oldest);
  }

  #refusal(url: string, response: AxiosResponse<unknown>, sent: Headers): EcomapError {
    const { status } = response;
    const detail = detailOf(response, sent);
    const retryMs = retryAfterMs(response, this.#now());
    if (isRefused(response) && this.#hasAnswered) {
      const reason = `answered ${status}${detail} although it had answered before: over its limit, or no longer permitted`;
      return this.#fail(url, 'PROVIDER_UNREACHABLE', reason, { retryMs });
    }
    if (isRefused(response)) {
      const reason = `answered ${status}${detail}: check the key or token and what it may read`;
      return this.#fail(url, 'PROVIDER_UNAUTHORIZED', reason, { retryMs });
    }
    if (status === 404 || status === 410) {
      const reason = `answered with HTTP status ${status}${detail}: not there (any more), check the zone and the address`;
      return this.#fail(url, 'PROVIDER_UNREACHABLE', reason, { retryMs: this.#limits.longestPauseMs });
    }
    return this.#fail(url, 'PROVIDER_UNREACHABLE', `answered with HTTP status ${status}${detail}`, { retryMs });
  }

  #fail(
    url: string,
    code: ErrorCode,
    reason: string,
    { retryMs = null }: { readonly retryMs?: number | null } = {},
  ): EcomapError {
    const { host, pathname } = new URL(url);
    return this.#failed(new EcomapError(code, `${this.provider} (${host}${pathname}) ${reason}`), retryMs);
  }

  async #request(url: string, headers: Headers): Promise<AxiosResponse<unknown>> {
    const deadline = AbortSignal.timeout(this.#limits.timeoutMs);
    const signal = AbortSignal.any([deadline, this.#closing.signal]);
    let address = url;
    for (let redirects = 0; ; redirects += 1) {
      const response = await axios.get<unknown>(address, {
        signal,
        headers: { accept: 'application/json', ...headers },
        responseType: 'text',
        // Keep the text as it came: whether it is JSON is judged here, not guessed.
        transformResponse: (data: unknown) => data,
        maxContentLength: this.#limits.maximumBytes,
        maxRedirects: 0,
        validateStatus: () => true,
      });
      const location: unknown = response.headers['location'];
      if (response.status < 300 || response.status > 399 || typeof location !== 'string') return response;
      if (redirects >= this.#limits.maximumRedirects) throw new Error('redirects without end');
      const next = new URL(location, address);
      if (next.host !== new URL(url).host || next.protocol !== new URL(url).protocol) {
        throw new Error(`redirects to another host (${next.host}), which is not followed`);
      }
      address = next.href;
    }
  }

  #describe(error: unknown): string {
    if (this.#closing.signal.aborted) return 'was closed while it was asked';
    if (axios.isCancel(error)) return `did not answer in full within ${this.#limits.timeoutMs / 1000} s`;
    if (error instanceof AxiosError) {
      if (error.message.includes('maxContentLength'))
        return `answered with more than ${this.#limits.maximumBytes} bytes`;
      if (error.code === 'ECONNABORTED' || error.code === 'ETIMEDOUT') {
        return `did not answer within ${this.#limits.timeoutMs / 1000} s`;
      }
      if (error.code !== undefined && certificateErrors.test(error.code)) {
        return (
          `has a certificate that is not trusted here (${error.code}): check the address and this machine's clock, or name ` +
          'the authority in NODE_EXTRA_CA_CERTS'
        );
      }
      return `cannot be reached (${error.code ?? 'no connection'}): check the network and the address`;
    }
    return messageOf(error);
  }

  #failed(failure: EcomapError, retryAfterMs: number | null): EcomapError {
    if (this.#closing.signal.aborted) return failure;
    const pauseMs = this.#limits.firstPauseMs * 2 ** this.#failures * (1 + jitterShare * this.#random());
    this.#failures += 1;
    this.#pausedUntilMs =
      this.#now() +
      Math.max(Math.min(this.#limits.longestPauseMs, pauseMs), Math.min(longestRetryAfterMs, retryAfterMs ?? 0));
    this.#lastFailure = failure;
    return failure;
  }
}

const certificateErrors = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

const isRefused = ({ status }: AxiosResponse<unknown>): boolean => status === 401 || status === 403;

/** What the provider itself says is wrong, in brackets, without anything secret that it may have echoed; empty when nothing. */
function detailOf(response: AxiosResponse<unknown>, sent: Headers): string {
  let body: unknown;
  try {
    body = JSON.parse(typeof response.data === 'string' ? response.data : '');
  } catch {
    return '';
  }
  if (typeof body !== 'object' || body === null) return '';
  const said = ['error', 'message', 'title', 'detail'].map((key): unknown => Reflect.get(body, key));
  const text = said.find((value): value is string => typeof value === 'string' && value.trim() !== '');
  if (text === undefined) return '';
  const shown = text.replace(/\s+/g, ' ').trim();
  const isTelling = secretsIn(sent).some((secret) => secret.length > 3 && shown.includes(secret));
  return isTelling ? '' : ` (${shown.slice(0, longestDetail)})`;
}

/** Everything in the headers that an answer must not be quoted with; of a Basic login also the name and the password. */
function secretsIn(headers: Headers): string[] {
  return Object.values(headers).flatMap((value) => {
    const [scheme, ...rest] = value.split(' ');
    if (scheme?.toLowerCase() !== 'basic') return [value, ...rest];
    return [...rest, ...rest.flatMap((encoded) => Buffer.from(encoded, 'base64').toString('utf8').split(':'))];
  });
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfterMs(response: AxiosResponse<unknown>, nowMs: number): number | null {
  const value: unknown = response.headers['retry-after'];
  if (typeof value !== 'string') return null;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const dateMs = Date.parse(value);
  return Number.isNaN(dateMs) ? null : Math.max(0, dateMs - nowMs);
}
