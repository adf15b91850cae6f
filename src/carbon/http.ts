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

/**
 * Asks one provider for JSON, with manners: one request per address at a time, a pause after a failure (30 s doubling to 1 h,
 * or what Retry-After asks for), a time-out, a limit on size, and no following to another host. Nothing of a request's headers
 * or query ever appears in an error, because tokens travel there.
 */
export class ProviderHttp {
  readonly #limits: HttpLimits;
  readonly #now: () => number;
  readonly #inFlight = new Map<string, Promise<unknown>>();
  readonly #closing = new AbortController();
  #failures = 0;
  #pausedUntilMs = 0;
  #lastFailure: EcomapError | null = null;

  constructor(
    readonly provider: string,
    options: { readonly now: () => number; readonly limits?: Partial<HttpLimits> },
  ) {
    this.#now = options.now;
    this.#limits = { ...defaultHttpLimits, ...options.limits };
  }

  /**
   * @throws EcomapError PROVIDER_UNAUTHORIZED for 401 and 403, PROVIDER_UNREACHABLE for everything else that is no JSON
   */
  getJson(url: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
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
    this.#failures = 0;
    this.#pausedUntilMs = 0;
    this.#lastFailure = null;
  }

  /** Ends what is in flight. */
  close(): void {
    this.#closing.abort();
  }

  async #get(url: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
    if (this.#lastFailure !== null && this.#now() < this.#pausedUntilMs) throw this.#lastFailure;
    const { host, pathname } = new URL(url);
    const where = `${this.provider} (${host}${pathname})`;
    const fail = (code: ErrorCode, reason: string, retryAfterMs: number | null = null): EcomapError =>
      this.#failed(new EcomapError(code, `${where} ${reason}`), retryAfterMs);

    let response: AxiosResponse<unknown>;
    try {
      response = await this.#request(url, headers);
    } catch (error) {
      // The original error holds the request with its headers, so it is not passed on as a cause.
      throw fail('PROVIDER_UNREACHABLE', this.#describe(error));
    }
    const status = response.status;
    if (status === 401 || status === 403) {
      throw fail('PROVIDER_UNAUTHORIZED', `answered ${status}: check the key or token and what it may read`);
    }
    if (status < 200 || status > 299) {
      throw fail('PROVIDER_UNREACHABLE', `answered with HTTP status ${status}`, retryAfterMs(response, this.#now()));
    }
    const text = typeof response.data === 'string' ? response.data : '';
    try {
      return JSON.parse(text) as unknown;
    } catch {
      const kind = /^\s*</.test(text) ? 'an HTML page' : 'something that is no JSON';
      throw fail('PROVIDER_UNREACHABLE', `answered with ${kind}`);
    }
  }

  async #request(url: string, headers: Readonly<Record<string, string>>): Promise<AxiosResponse<unknown>> {
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
      return `cannot be reached (${error.code ?? 'no connection'}): check the network and the address`;
    }
    return messageOf(error);
  }

  #failed(failure: EcomapError, retryAfterMs: number | null): EcomapError {
    if (this.#closing.signal.aborted) return failure;
    const pauseMs = Math.min(this.#limits.longestPauseMs, this.#limits.firstPauseMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#pausedUntilMs = this.#now() + Math.min(this.#limits.longestPauseMs, Math.max(pauseMs, retryAfterMs ?? 0));
    this.#lastFailure = failure;
    return failure;
  }
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfterMs(response: AxiosResponse<unknown>, nowMs: number): number | null {
  const value: unknown = response.headers['retry-after'];
  if (typeof value !== 'string') return null;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const dateMs = Date.parse(value);
  return Number.isNaN(dateMs) ? null : Math.max(0, dateMs - nowMs);
}
