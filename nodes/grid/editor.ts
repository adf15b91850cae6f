import { showStrip } from '../shared-editor/grid-strip';
import { tieTest } from '../shared-editor/grid-test';

/** What the open form says about the provider, or what is deployed when no form is open. */
function isChosen(provider: string, deployed: string): boolean {
  return ($('#node-config-input-provider').val() ?? deployed) === provider;
}

const secrets = ['token', 'username', 'password'];
const prefix = 'node-config-input-';

/** The form as it is typed: settings and, apart from them, secrets. */
function formOf(): { config: Record<string, unknown>; credentials: Record<string, string> } {
  const config: Record<string, unknown> = {};
  const credentials: Record<string, string> = {};
  for (const field of $(`#${prefix}provider`).closest('form').find<HTMLInputElement>(`[id^="${prefix}"]`)) {
    const name = field.id.slice(prefix.length);
    if (secrets.includes(name)) credentials[name] = field.value;
    else if (name !== 'name') config[name] = field.type === 'checkbox' ? field.checked : field.value;
  }
  return { config, credentials };
}

RED.nodes.registerType('ecomap-grid', {
  category: 'config',
  defaults: {
    name: { value: '' },
    provider: { value: 'simulated', required: true },
    zone: {
      value: '',
      validate(value: string) {
        const needsOne = isChosen('static', this.provider) || isChosen('electricity-maps', this.provider);
        return !needsOne || value.trim() !== '';
      },
    },
    region: {
      value: 'CAISO_NORTH',
      validate(value: string) {
        return !isChosen('watttime', this.provider) || (value ?? '').trim() !== '';
      },
    },
    location: {
      value: '',
      validate(value: string) {
        return !isChosen('carbon-aware-sdk', this.provider) || (value ?? '').trim() !== '';
      },
    },
    postcode: {
      value: '',
      validate(value: string) {
        const text = (value ?? '').trim();
        return !isChosen('gb', this.provider) || text === '' || /^[a-z]{1,2}[0-9][a-z0-9]?$/i.test(text);
      },
    },
    regionId: {
      value: '',
      validate(value: string) {
        const text = String(value ?? '').trim();
        return text === '' || (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 17);
      },
    },
    emissionsRate: { value: 'co2_moer' },
    apiVersion: { value: 'v4' },
    factorType: { value: 'lifecycle' },
    granularity: { value: 'hourly' },
    horizonH: { value: '24' },
    staleAfterS: { value: 3600, validate: RED.validators.number(true) },
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
    baseUrl: {
      value: '',
      validate(value: string) {
        const text = (value ?? '').trim();
        if (text === '') return !isChosen('carbon-aware-sdk', this.provider);
        // Flows are exported and shared: a key in an address would travel along.
        return /^https?:\/\/[^/?#@]+(\/[^?#]*)?$/i.test(text);
      },
    },
    fallbackZone: { value: '' },
  },
  credentials: {
    token: { type: 'password' },
    username: { type: 'text' },
    password: { type: 'password' },
  },
  label() {
    const places: Record<string, string> = {
      gb: this.postcode || this.regionId || '',
      'energy-charts': this.country,
      watttime: this.region,
      'carbon-aware-sdk': this.location,
    };
    const place = places[this.provider] ?? this.zone;
    return this.name || [this._(`provider.${this.provider}`), place].filter(Boolean).join(' ');
  },
  oneditprepare() {
    // A flow from before a choice was there says nothing about it: what it means is the first one.
    for (const choice of $('#node-config-input-provider').closest('form').find('select')) {
      if ($(choice).val() === null) $(choice).prop('selectedIndex', 0);
    }
    const provider = $('#node-config-input-provider');
    const mode = $('#node-config-input-mode');
    const refresh = (): void => {
      const chosen = String(provider.val() ?? 'simulated');
      $('[data-ecomap-providers]').each((_, row) => {
        const providers = (row.dataset['ecomapProviders'] ?? '').split(' ');
        $(row).toggle(providers.includes(chosen));
      });
      const plays = chosen === 'trace' || chosen === 'simulated';
      const zoneKeys: Record<string, string> = {
        static: 'placeholder.zone',
        'electricity-maps': 'placeholder.zoneElectricityMaps',
      };
      const zoneKey = zoneKeys[chosen] ?? 'placeholder.zoneName';
      const baseUrlKey = chosen === 'carbon-aware-sdk' ? 'placeholder.ownUrl' : 'placeholder.baseUrl';
      $('#node-config-input-baseUrl').attr('placeholder', this._(baseUrlKey));
      $('#node-config-input-zone').attr('placeholder', this._(zoneKey));
      $('#ecomap-grid-dayLength').toggle(plays && mode.val() === 'accelerated');
    };
    const validateAgain = (): void => {
      const fields = ['zone', 'country', 'path', 'region', 'location', 'postcode', 'regionId', 'baseUrl'];
      $(fields.map((field) => `#node-config-input-${field}`).join()).trigger('change');
    };
    provider.on('change', refresh).on('change', validateAgain);
    mode.on('change', refresh);
    refresh();

    const text = (key: string, values?: Readonly<Record<string, string | number>>): string => this._(key, values);
    tieTest($('#ecomap-grid-test'), $('#ecomap-grid-test-answer'), () => ({ id: this.id, ...formOf() }), text);
    showStrip($('#ecomap-grid-strip'), this.id, text);
  },
});
