import { isEcomapError } from '../signals/errors';
import { reportedError } from './reported-error';
import { stateDirectoryOf } from './state-directory';
import { findResource } from './resources';
import type { AdminApp, HttpHandler, HttpRequest, HttpResponse, RuntimeApi } from './runtime-types';
import type { AdminRoute, TextAnswer } from './types';

/** Largest JSON body a route takes; Node-RED itself would read 5 MB. */
export const bodyLimitBytes = 256 * 1024;

/** Express keeps a route for good, so a module that is disabled and enabled again must not add it twice. */
const mounted = new WeakMap<AdminApp, Map<string, { route: AdminRoute; red: RuntimeApi }>>();

function refusal(method: AdminRoute['method'], request: HttpRequest): { status: number; message: string } | null {
  if (method !== 'post') return null;
  // A form of another site cannot send JSON without asking first.
  if (!String(request.headers['content-type'] ?? '').startsWith('application/json')) {
    return { status: 415, message: 'Send the request as application/json.' };
  }
  const declared = Number(request.headers['content-length'] ?? Number.NaN);
  const size = Number.isFinite(declared) ? declared : Buffer.byteLength(JSON.stringify(request.body) ?? '');
  return size > bodyLimitBytes ? { status: 413, message: `The body exceeds ${bodyLimitBytes} bytes.` } : null;
}

/** Told by its mark: the route may come from a later copy of this module. */
function isText(answer: unknown): answer is TextAnswer {
  return typeof answer === 'object' && answer !== null && 'kind' in answer && answer.kind === 'text-answer';
}

function sendText(response: HttpResponse, { text, contentType, fileName }: TextAnswer): void {
  response
    .set({
      'Content-Type': contentType,
      'Content-Disposition': `attachment; filename="${fileName.replace(/[^\w.-]/g, '_')}"`,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    })
    .send(text);
}

export function mountRoutes(red: RuntimeApi, routes: readonly AdminRoute[]): void {
  const known = mounted.get(red.httpAdmin) ?? new Map<string, { route: AdminRoute; red: RuntimeApi }>();
  mounted.set(red.httpAdmin, known);
  for (const route of routes) {
    const name = `${route.method} ${route.path}`;
    const first = !known.has(name);
    known.set(name, { route, red });
    if (!first) continue;
    const handler: HttpHandler = (request, response) => {
      const current = known.get(name) ?? { route, red };
      const refused = refusal(route.method, request);
      if (refused !== null) {
        response.status(refused.status).json({ code: 'INVALID_MESSAGE', message: refused.message });
        return;
      }
      const handle = async (): Promise<unknown> =>
        current.route.handle({
          params: request.params,
          query: request.query,
          body: request.body,
          stateDirectory: stateDirectoryOf(current.red),
          settings: current.red.settings.ecomap,
          resource: <Resource extends object>(nodeId: string, kind: string) =>
            findResource<Resource>(current.red.nodes.getNode(nodeId), kind),
        });
      handle().then(
        (answer) => {
          if (isText(answer)) sendText(response, answer);
          else response.json(answer ?? null);
        },
        (thrown: unknown) => {
          const { code, message } = reportedError(thrown);
          response.status(isEcomapError(thrown) ? 400 : 500).json({ code, message });
        },
      );
    };
    red.httpAdmin[route.method](route.path, red.auth.needsPermission(route.permission), handler);
  }
}
