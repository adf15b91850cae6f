import { showTenantSlots } from '../shared-editor/tenant-slots';

RED.nodes.registerType('ecomap-variant-selector', {
  category: 'ecomap',
  color: '#B4CBE0',
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
    upAfterS: { value: 20, required: true, validate: RED.validators.number() },
    dwellS: { value: 10, required: true, validate: RED.validators.number() },
  },
  inputs: 1,
  outputs: 1,
  icon: 'ecomap-variant-selector.svg',
  paletteLabel: 'variant selector',
  label() {
    return this.name || 'variant selector';
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('port.signals');
  },
  outputLabels() {
    return this._('port.variants');
  },
  oneditprepare() {
    showTenantSlots();
  },
});
