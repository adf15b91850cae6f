import { showTenantSlots } from '../shared-editor/tenant-slots';

RED.nodes.registerType('ecomap-mapping-estimator', {
  category: 'ecomap',
  color: '#B4CBE0',
  defaults: {
    name: { value: '' },
    device: { value: '', type: 'ecomap-device', required: true },
    tenant1: { value: '', type: 'ecomap-tenant', required: true },
    tenant2: { value: '', type: 'ecomap-tenant', required: false },
    tenant3: { value: '', type: 'ecomap-tenant', required: false },
    tenant4: { value: '', type: 'ecomap-tenant', required: false },
    tenant5: { value: '', type: 'ecomap-tenant', required: false },
    tenant6: { value: '', type: 'ecomap-tenant', required: false },
    tenant7: { value: '', type: 'ecomap-tenant', required: false },
    tenant8: { value: '', type: 'ecomap-tenant', required: false },
    selectorWaitMs: { value: 250, required: true, validate: RED.validators.number() },
    estimator: { value: 'auto' },
    trialWindows: {
      value: 2,
      validate(value: unknown) {
        const text = String(value ?? '').trim();
        const windows = Number(text);
        return text === '' || (Number.isInteger(windows) && windows >= 0 && windows <= 20);
      },
    },
    calibrationSamples: {
      value: 160,
      validate(value: unknown) {
        // Flows of before have no such setting.
        const text = String(value ?? '').trim();
        const samples = Number(text);
        return text === '' || (Number.isInteger(samples) && samples >= 40 && samples <= 1000);
      },
    },
  },
  inputs: 1,
  outputs: 3,
  icon: 'ecomap-mapping-estimator.svg',
  paletteLabel: 'mapping estimator',
  label() {
    return this.name || 'mapping estimator';
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('port.signals');
  },
  outputLabels(index: number) {
    return this._(['port.plan', 'port.violated', 'port.calibration'][index] ?? '');
  },
  oneditprepare() {
    showTenantSlots();
    // A node from before there was a choice.
    if (!this.estimator) $('#node-input-estimator').val('auto');
  },
});
