import { showTenantSlots } from '../shared-editor/tenant-slots';

RED.nodes.registerType('ecomap-inference-executor', {
  category: 'ecomap',
  color: '#CDBDE0',
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
    defaultTenant: { value: '', type: 'ecomap-tenant', required: false },
    queueLength: { value: 32, required: true, validate: RED.validators.number() },
    hostMemoryLimitMb: {
      value: '',
      validate(value: unknown) {
        const text = String(value ?? '').trim();
        return text === '' || Number(text) >= 64;
      },
    },
    recycleHours: { value: 24, required: false, validate: RED.validators.number(true) },
    recycleGrowthMb: { value: 512, required: false, validate: RED.validators.number(true) },
    telemetryS: { value: 5, required: true, validate: RED.validators.number() },
  },
  inputs: 1,
  outputs: 2,
  icon: 'ecomap-inference-executor.svg',
  paletteLabel: 'inference executor',
  label() {
    return this.name || 'inference executor';
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('port.requests');
  },
  outputLabels(index: number) {
    return this._(index === 0 ? 'port.results' : 'port.telemetry');
  },
  oneditprepare() {
    showTenantSlots();
    // A flow from before these fields shows their defaults.
    const old: Readonly<Record<string, unknown>> = {
      recycleHours: this.recycleHours,
      recycleGrowthMb: this.recycleGrowthMb,
    };
    if (old['recycleHours'] === undefined) $('#node-input-recycleHours').val('24');
    if (old['recycleGrowthMb'] === undefined) $('#node-input-recycleGrowthMb').val('512');
  },
});
