RED.nodes.registerType('ecomap-carbon-ledger', {
  category: 'ecomap',
  color: '#CFCFCF',
  defaults: {
    name: { value: '' },
    persist: { value: false },
    logEveryS: { value: '', validate: RED.validators.number(true) },
  },
  inputs: 1,
  outputs: 2,
  icon: 'ecomap-carbon-ledger.svg',
  paletteLabel: 'carbon ledger',
  label() {
    return this.name || 'carbon ledger';
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('port.input');
  },
  outputLabels(index) {
    return index === 0 ? this._('port.receipt') : this._('port.dashboard');
  },
});
