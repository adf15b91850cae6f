import { SharedSource, type GridResource } from '../../src/carbon/shared-source';
import { createCarbonSource } from '../../src/carbon/source';
import { defineNode } from '../../src/node-red/defineNode';
import { gridNodeConfig } from './config';
import { connectionOf, testFromForm } from './connection';

/** An electricity grid: who is asked for its carbon intensity, and what answers when nobody does. */
export default defineNode({
  type: 'ecomap-grid',
  config: gridNodeConfig,
  // Credentials live in a file of their own, encrypted, and leave out an exported flow.
  credentials: { token: 'password', username: 'text', password: 'password' },
  routes: [
    // It sends secrets to an address that the form names: not for those who may only look.
    { method: 'post', path: '/ecomap/grid-test', permission: 'ecomap-grid.write', handle: testFromForm },
    {
      method: 'get',
      path: '/ecomap/grid/:id/course',
      permission: 'ecomap-grid.read',
      async handle(request) {
        const grid = request.resource<GridResource>(request.params['id'] ?? '', 'grid');
        if (grid === null) return null;
        const reading = await grid.read();
        const { provider, zone, signal, basis, quality, intensityGPerKwh, attribution } = reading;
        return { provider, zone, signal, basis, quality, intensityGPerKwh, attribution, ...grid.course() };
      },
    },
  ],
  start(node) {
    const source = createCarbonSource(node.config, {
      now: Date.now,
      stateDirectory: node.stateDirectory,
      secrets: node.credentials,
    });
    const shared = new SharedSource(source, (note) => node.warn(note));
    node.provide('grid', shared);
    node.provide('grid-connection', connectionOf(node.config, node.credentials));
    return { close: () => shared.close() };
  },
});
