import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';

export const fixtures = join(__dirname, '../../fixtures/carbon');

export interface ProviderServer {
  readonly baseUrl: string;
  /** Paths that were asked for, with their query. */
  readonly asked: string[];
  answer: RequestListener;
  stop(): Promise<void>;
}

/** A provider on this machine, whose answers a test decides. */
export async function startProviderServer(answer: RequestListener): Promise<ProviderServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    running.answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const running: ProviderServer = {
    baseUrl: `http://127.0.0.1:${address.port}`,
    asked,
    answer,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return running;
}

/** Answers with the fixture of the first pattern that the address matches, or with 404. */
export async function answerWith(files: Readonly<Record<string, string>>): Promise<RequestListener> {
  const contents = await Promise.all(
    Object.entries(files).map(async ([part, file]) => [part, await readFile(join(fixtures, file))] as const),
  );
  return (request, response) => {
    const found = contents.find(([part]) => request.url?.includes(part));
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(found?.[1] ?? '{}');
  };
}

/** A clock that stands still until it is moved. */
export class FakeClock {
  constructor(private timeMs: number) {}

  readonly now = (): number => this.timeMs;

  advance(ms: number): void {
    this.timeMs += ms;
  }

  set(timeMs: number): void {
    this.timeMs = timeMs;
  }
}
