import { mountRoutes } from './admin-routes';
import { defaultLimits, DeployedNode, type Limits } from './deployed-node';
import type { RuntimeApi, RuntimeNode } from './runtime-types';
import type { NodeDefinition } from './types';

export type NodeModule = (red: RuntimeApi) => void;

/**
 * Turns a definition into what a node file exports for Node-RED. This is the one way into the runtime, and keeps these promises:
 * - the config is parsed once into a frozen object; when that (or `start`) fails, the node stays deployed with a red ring and
 *   every message to it ends in Catch with the error's code;
 * - `done` is called exactly once per message, whatever the handler does, and at the latest when the node is closed (NODE_CLOSED);
 * - no rejection of a handler, timer or close reaches the process; every error has a `code` of its own;
 * - `close` is awaited and cut off before Node-RED gives up; timers and status end with the node;
 * - admin routes exist once and never without a permission.
 */
export function defineNode<Config>(definition: NodeDefinition<Config>, limits: Partial<Limits> = {}): NodeModule {
  const inForce = { ...defaultLimits, ...limits };
  return (red) => {
    function EcomapNode(this: RuntimeNode, raw: object): void {
      red.nodes.createNode(this, raw);
      new DeployedNode(red, this, definition, inForce).start(raw);
    }
    const credentials = Object.fromEntries(
      Object.entries(definition.credentials ?? {}).map(([name, type]) => [name, { type }]),
    );
    red.nodes.registerType(definition.type, EcomapNode, definition.credentials ? { credentials } : undefined);
    if (definition.routes) mountRoutes(red, definition.routes);
  };
}
