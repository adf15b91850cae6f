/** What the open form says about the provider, or what is deployed when no form is open. */
function isChosen(provider: string, deployed: string): boolean {
  return ($('#node-config-input-provider').val() ?? deployed) === provider;
}

RED.nodes.registerType('ecomap-grid', {
  category: 'config',
  defaults: {
    name: { value: '' },
    provider: { value: 'simulated', required: true },
    zone: {
      value: '',
      validate(value: string) {
        return !isChosen('static', this.provider) || value.trim() !== '';
      },
    },
    country: {
      value: '',
      validate(value: string) {
        return !isChosen('energy-charts', this.provider) || /^[a-z]{2}$/i.test(value.trim());
      },
    },
    path: {
      value: '',
      validate(value: string) {
        return !isChosen('trace', this.provider) || value.trim() !== '';
      },
    },
    column: { value: '' },
    mode: { value: 'accelerated' },
    dayLengthS: { value: 240, validate: RED.validators.number(true) },
    startOffsetH: { value: 0, validate: RED.validators.number(true) },
    loop: { value: true },
    signal: { value: 'average' },
    basis: { value: 'unknown' },
    rowStepS: { value: 3600, validate: RED.validators.number(true) },
    meanGPerKwh: { value: 400, validate: RED.validators.number(true) },
    swingGPerKwh: { value: 200, validate: RED.validators.number(true) },
    solarDipGPerKwh: { value: 150, validate: RED.validators.number(true) },
    noiseGPerKwh: { value: 0, validate: RED.validators.number(true) },
    seed: { value: 1, validate: RED.validators.number(true) },
    baseUrl: { value: '' },
    fallbackZone: { value: '' },
  },
  label() {
    const places: Record<string, string> = { gb: '', 'energy-charts': this.country };
    const place = places[this.provider] ?? this.zone;
    return this.name || [this._(`provider.${this.provider}`), place].filter(Boolean).join(' ');
  },
  oneditprepare() {
    const provider = $('#node-config-input-provider');
    const mode = $('#node-config-input-mode');
    const refresh = (): void => {
      const chosen = String(provider.val() ?? 'simulated');
      $('[data-ecomap-providers]').each((_, row) => {
        const providers = (row.dataset['ecomapProviders'] ?? '').split(' ');
        $(row).toggle(providers.includes(chosen));
      });
      const plays = chosen === 'trace' || chosen === 'simulated';
      const zoneKey = chosen === 'static' ? 'placeholder.zone' : 'placeholder.zoneName';
      $('#node-config-input-zone').attr('placeholder', this._(zoneKey));
      $('#ecomap-grid-dayLength').toggle(plays && mode.val() === 'accelerated');
    };
    const validateAgain = (): void => {
      $('#node-config-input-zone, #node-config-input-country, #node-config-input-path').trigger('change');
    };
    provider.on('change', refresh).on('change', validateAgain);
    mode.on('change', refresh);
    refresh();
  },
});
