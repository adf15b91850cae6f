RED.nodes.registerType('ecomap-carbon-intensity', {
  category: 'ecomap',
  color: '#B5D6A8',
  defaults: {
    name: { value: '' },
    grid: { value: '', type: 'ecomap-grid', required: true },
    intervalS: { value: '', validate: RED.validators.number(true) },
    onlyOnChange: { value: false },
  },
  inputs: 1,
  outputs: 1,
  icon: 'ecomap-carbon-intensity.svg',
  paletteLabel: 'carbon intensity',
  label() {
    return this.name || 'carbon intensity';
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._('port.refresh');
  },
  outputLabels() {
    return this._('port.carbon');
  },
});
