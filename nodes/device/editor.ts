import { showReport } from '../shared-editor/device-report';

RED.nodes.registerType('ecomap-device', {
  category: 'config',
  defaults: {
    name: { value: '' },
    hardware: { value: 'auto', required: true },
    idleW: { value: '', validate: RED.validators.number(true) },
    fullLoadW: { value: '', validate: RED.validators.number(true) },
    components: { value: '' },
  },
  label() {
    return this.name || (this.hardware === 'auto' ? this._('hardware.auto') : this._(`hardware.${this.hardware}`));
  },
  oneditprepare() {
    const hardware = $('#node-config-input-hardware');
    const refresh = (): void => {
      const chosen = String(hardware.val() ?? 'auto');
      $('.ecomap-device-real-only').toggle(chosen === 'auto');
      // What is deployed speaks for itself; a changed choice shows what it would be.
      showReport($('#ecomap-device-report'), this.id, chosen, chosen === this.hardware, (key) => this._(key));
    };
    hardware.on('change', refresh);
    refresh();
  },
});
