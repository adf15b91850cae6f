import { showVariantList, variantsFrom, type VariantRow } from '../shared-editor/variant-list';

RED.nodes.registerType('ecomap-tenant', {
  category: 'config',
  defaults: {
    name: { value: '' },
    source: { value: 'inspect', required: true },
    latencyLimitMs: { value: 100, required: true, validate: RED.validators.number() },
    priority: { value: 1, required: true, validate: RED.validators.number() },
    leastAccuracy: { value: 0, required: true, validate: RED.validators.number() },
    arrivalRatePerS: { value: 5, required: true, validate: RED.validators.number() },
    nonFiniteInput: { value: 'refuse', required: true },
    overrideMode: { value: 'auto', required: true },
    pinnedVariant: {
      value: '',
      validate(value: string) {
        const mode = $('#node-config-input-overrideMode').val() ?? this.overrideMode;
        return mode !== 'pin' || value.trim() !== '';
      },
    },
    variants: { value: [] as VariantRow[] },
    inputName: { value: '' },
    inputDims: { value: '' },
    outputKind: { value: 'tensors' },
    outputName: { value: '' },
    labels: { value: '' },
    unit: { value: '' },
    tolerance: { value: '', validate: RED.validators.number(true) },
  },
  label() {
    return this.name || (String(this.source) === 'own' ? this._('label.unnamed') : this.source);
  },
  oneditprepare() {
    const source = $('#node-config-input-source');
    const override = $('#node-config-input-overrideMode');
    const output = $('#node-config-input-outputKind');
    const refresh = (): void => {
      const own = source.val() === 'own';
      $('.ecomap-tenant-own').toggle(own);
      $('.ecomap-tenant-demonstration').toggle(!own);
      $('.ecomap-tenant-pin').toggle(override.val() === 'pin');
      $('.ecomap-tenant-output').toggle(own && output.val() !== 'tensors');
      $('.ecomap-tenant-label').toggle(own && output.val() === 'label');
      $('.ecomap-tenant-value').toggle(own && output.val() === 'value');
    };
    showVariantList($('#node-config-input-variant-list'), this.variants, (key) => this._(key));
    for (const field of [source, override, output]) field.on('change', refresh);
    override.on('change', () => $('#node-config-input-pinnedVariant').trigger('change'));
    refresh();
  },
  oneditsave() {
    this.variants = variantsFrom($('#node-config-input-variant-list'));
  },
});
