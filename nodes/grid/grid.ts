import { SharedSource } from '../../src/carbon/shared-source';
import { createCarbonSource } from '../../src/carbon/source';
import { defineNode } from '../../src/node-red/defineNode';
import { gridNodeConfig } from './config';

/** An electricity grid: who is asked for its carbon intensity, and what answers when nobody does. */
export default defineNode({
  type: 'ecomap-grid',
  config: gridNodeConfig,
  // Credentials live in a file of their own, encrypted, and leave out an exported flow.
  credentials: { token: 'password', username: 'text', password: 'password' },
  start(node) {
    const source = createCarbonSource(node.config, {
      now: Date.now,
      stateDirectory: node.stateDirectory,
      secrets: node.credentials,
    });
    const shared = new SharedSource(source, (note) => node.warn(note));
    node.provide('grid', shared);
    return { close: () => shared.close() };
  },
});
