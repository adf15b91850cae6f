import { showTenantSlots } from '../shared-editor/tenant-slots';

RED.nodes.registerType('ecomap-sample-requests', {
  category: 'ecomap',
  color: '#CDBDE0',
  defaults: {
    name: { value: '' },
    tenant1: { value: '', type: 'ecomap-tenant', required: true },
    tenant2: { value: '', type: 'ecomap-tenant', required: false },
    tenant3: { value: '', type: 'ecomap-tenant', required: false },
    tenant4: { value: '', type: 'ecomap-tenant', required: false },
    tenant5: { value: '', type: 'ecomap-tenant', required: false },
    tenant6: { value: '', type: 'ecomap-tenant', required: false },
    tenant7: { value: '', type: 'ecomap-tenant', required: false },
    tenant8: { value: '', type: 'ecomap-tenant', required: false },
    ratePerS: { value: 5, required: true, validate: RED.validators.number() },
    poolSize: { value: 64, required: true, validate: RED.validators.number() },
    seed: { value: 1, required: true, validate: RED.validators.number() },
  },
  inputs: 1,
  outputs: 1,
  icon: 'ecomap-sample-requests.svg',
  paletteLabel: 'sample requests',
  label() {
    return this.name || 'sample requests';
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  outputLabels() {
    return this._('port.request');
  },
  oneditprepare() {
    showTenantSlots();
  },
});
