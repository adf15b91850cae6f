import { EcomapError, messageOf } from '../signals/errors';
import type { RuntimeNode } from './runtime-types';

/**
 * What a deployed node offers to the nodes that refer to it. It hangs on the runtime's node object under a registered symbol:
 * each node file is a bundle of its own, so no module-level state is shared between them.
 */
interface Offer {
  resources: Map<string, object>;
  /** Why the node did not start. */
  failure: unknown;
}

const offerKey = Symbol.for('@ecomap/node-red-ecomap/offer');

function offerOf(node: RuntimeNode): Offer | null {
  const offer: unknown = Reflect.get(node, offerKey);
  return typeof offer === 'object' && offer !== null && 'resources' in offer ? (offer as Offer) : null;
}

export function openOffer(node: RuntimeNode): void {
  const offer: Offer = { resources: new Map(), failure: null };
  Object.defineProperty(node, offerKey, { value: offer, enumerable: false, configurable: true });
}

export function provideResource(node: RuntimeNode, kind: string, resource: object): void {
  offerOf(node)?.resources.set(kind, resource);
}

export function markBroken(node: RuntimeNode, failure: unknown): void {
  const offer = offerOf(node);
  if (offer !== null) offer.failure = failure;
}

export function closeOffer(node: RuntimeNode): void {
  offerOf(node)?.resources.clear();
}

export function findResource<Resource extends object>(
  node: RuntimeNode | null | undefined,
  kind: string,
): Resource | null {
  const offer = node ? offerOf(node) : null;
  // The kind names the type: whoever provides it and whoever asks for it agree on that by convention.
  return (offer?.resources.get(kind) as Resource | undefined) ?? null;
}

/** @throws EcomapError INVALID_CONFIG when the node is not chosen, missing, disabled, broken or of another kind. */
export function requireResource<Resource extends object>(
  getNode: (id: string) => RuntimeNode | null | undefined,
  id: string | undefined,
  kind: string,
): Resource {
  if (id === undefined || id === '') {
    throw new EcomapError('INVALID_CONFIG', `No ${kind} is chosen: open the node and choose or add one.`);
  }
  const node = getNode(id);
  if (!node) {
    throw new EcomapError(
      'INVALID_CONFIG',
      `The ${kind} ${id} is missing or disabled: choose another one or enable it.`,
    );
  }
  const resource = findResource<Resource>(node, kind);
  if (resource !== null) return resource;
  const name = node.name || id;
  const failure = offerOf(node)?.failure ?? null;
  if (failure !== null) {
    throw new EcomapError('INVALID_CONFIG', `The ${kind} "${name}" did not start: ${messageOf(failure)}`);
  }
  throw new EcomapError('INVALID_CONFIG', `The node "${name}" (${node.type}) is no ${kind}: choose a ${kind} node.`);
}
