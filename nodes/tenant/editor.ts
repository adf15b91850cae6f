import { fillInMissing } from '../shared-editor/missing-fields';
import { showModelInfo } from '../shared-editor/model-info';
import { pixelPresets, presetOf } from '../shared-editor/pixel-presets';
import { showTabs } from '../shared-editor/tabs';
import { showVariantList, variantsFrom, type VariantRow } from '../shared-editor/variant-list';

const field = (name: string): JQuery => $(`#node-config-input-${name}`);

/** What an open form says, or what is deployed when no form is open. */
const chosen = (name: string, deployed: unknown): string => String(field(name).val() ?? deployed ?? '');

const isWhole = (value: unknown, least: number): boolean => {
  const number = Number(value);
  return Number.isInteger(number) && number >= least;
};

/** Empty, or a whole number from `least` on. */
const isOptionalWhole = (value: unknown, least: number): boolean =>
  String(value ?? '').trim() === '' || isWhole(value, least);

/** Numbers, one or one per channel, with blanks or commas between; all of them above `bound`. */
const isNumberList = (value: unknown, bound = Number.NEGATIVE_INFINITY): boolean =>
  String(value ?? '')
    .split(/[\s,;]+/)
    .every((part) => part === '' || Number(part) > bound);

/** Shows the fields that the choices need, and hides the others. */
function refresh(): void {
  const own = field('source').val() === 'own';
  const output = field('outputKind').val();
  const image = field('inputKind').val() === 'image';
  $('.ecomap-tenant-own').toggle(own);
  $('.ecomap-tenant-demonstration').toggle(!own);
  $('.ecomap-tenant-pin').toggle(field('overrideMode').val() === 'pin');
  $('.ecomap-tenant-output').toggle(own && output !== 'tensors');
  $('.ecomap-tenant-label').toggle(own && output === 'label');
  $('.ecomap-tenant-value').toggle(own && output === 'value');
  $('.ecomap-tenant-image').toggle(image);
  $('.ecomap-tenant-pixels-own').toggle(image && $('#ecomap-tenant-pixels').val() === 'own');
  $('.ecomap-tenant-drop').toggle(field('whenFull').val() === 'reject');
  $('.ecomap-tenant-batch').toggle(Number(field('largestBatch').val()) > 1);
}

function fillIn(names: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(names)) field(name).val(value).trigger('change');
}

/** The choice of a usual scaling writes the three numbers; numbers of one's own are typed in. */
function tiePixelPresets(): void {
  const preset = $('#ecomap-tenant-pixels');
  const text = (name: string): string => String(field(name).val() ?? '').trim();
  preset.val(presetOf({ scale: text('imageScale'), mean: text('imageMean'), deviation: text('imageDeviation') }));
  preset.on('change', () => {
    const numbers = pixelPresets[String(preset.val())];
    if (numbers !== undefined)
      fillIn({ imageScale: numbers.scale, imageMean: numbers.mean, imageDeviation: numbers.deviation });
    refresh();
  });
}

RED.nodes.registerType('ecomap-tenant', {
  category: 'config',
  defaults: {
    name: { value: '' },
    source: { value: 'inspect', required: true },
    latencyLimitMs: { value: 100, required: true, validate: RED.validators.number() },
    priority: { value: 1, required: true, validate: RED.validators.number() },
    leastAccuracy: { value: 0, required: true, validate: RED.validators.number() },
    arrivalRatePerS: { value: 5, required: true, validate: RED.validators.number() },
    nonFiniteInput: { value: 'pass', required: true },
    overrideMode: { value: 'auto', required: true },
    pinnedVariant: {
      value: '',
      validate(value: string) {
        return chosen('overrideMode', this.overrideMode) !== 'pin' || value.trim() !== '';
      },
    },
    variants: { value: [] as VariantRow[] },
    profileFile: { value: '' },
    inputName: { value: '' },
    inputDims: { value: '' },
    inputType: { value: 'model' },
    inputKind: { value: 'numbers' },
    imageWidth: {
      value: '',
      validate(value: unknown) {
        return isOptionalWhole(value, 1);
      },
    },
    imageHeight: {
      value: '',
      validate(value: unknown) {
        return isOptionalWhole(value, 1);
      },
    },
    imageChannels: { value: 'auto' },
    imageLayout: { value: 'auto' },
    imageFit: { value: 'stretch' },
    imageScale: {
      value: '1/255',
      validate(value: unknown) {
        return /^\s*(\d*\.?\d+(e-?\d+)?\s*(\/\s*\d*\.?\d+)?)?\s*$/i.test(String(value ?? ''));
      },
    },
    imageMean: {
      value: '0',
      validate(value: unknown) {
        return isNumberList(value);
      },
    },
    imageDeviation: {
      value: '1',
      validate(value: unknown) {
        return isNumberList(value, 0);
      },
    },
    outputKind: { value: 'tensors' },
    outputName: { value: '' },
    labels: {
      value: '',
      validate(value: unknown) {
        const needed = chosen('source', this.source) === 'own' && chosen('outputKind', this.outputKind) === 'label';
        return !needed || String(value ?? '').trim() !== '';
      },
    },
    unit: { value: '' },
    tolerance: { value: '', validate: RED.validators.number(true) },
    queueLength: {
      value: '',
      validate(value: unknown) {
        return isOptionalWhole(value, 1);
      },
    },
    weight: {
      value: 1,
      validate(value: unknown) {
        return String(value ?? '').trim() === '' || Number(value) > 0;
      },
    },
    whenFull: { value: 'reject' },
    whenLate: { value: 'reject' },
    drop: { value: 'newest' },
    largestBatch: {
      value: 1,
      validate(value: unknown) {
        return isOptionalWhole(value, 1) && Number(value ?? 1) <= 256;
      },
    },
    deferrableUntilH: {
      value: '',
      validate(value: unknown) {
        const text = String(value ?? '').trim();
        return text === '' || (Number(text) > 0 && Number(text) <= 168);
      },
    },
    batchDelayMs: {
      value: 0,
      validate(value: unknown) {
        return String(value ?? '').trim() === '' || Number(value) >= 0;
      },
    },
  },
  label() {
    return this.name || (String(this.source) === 'own' ? this._('label.unnamed') : this.source);
  },
  oneditprepare() {
    showVariantList(field('variant-list'), this.variants, (key) => this._(key));
    fillInMissing('ecomap-tenant', this as unknown as Readonly<Record<string, unknown>>, '#node-config-input-');
    tiePixelPresets();
    for (const name of ['source', 'overrideMode', 'outputKind', 'inputKind', 'whenFull', 'largestBatch']) {
      field(name).on('change', refresh);
    }
    // What these fields need depends on the choice.
    field('overrideMode').on('change', () => field('pinnedVariant').trigger('change'));
    field('source')
      .add(field('outputKind'))
      .on('change', () => field('labels').trigger('change'));
    refresh();
    const describe = (): void => {
      const form = {
        source: chosen('source', this.source),
        variants: variantsFrom(field('variant-list')),
        inputDims: chosen('inputDims', ''),
      };
      void showModelInfo($('#ecomap-tenant-descriptions'), form, (key, values) => this._(key, values));
    };
    $('#ecomap-tenant-describe').on('click', describe);
    showTabs($('#ecomap-tenant-tabs'), [
      { id: 'ecomap-tenant-service', label: this._('tab.service') },
      { id: 'ecomap-tenant-data', label: this._('tab.data') },
      { id: 'ecomap-tenant-load', label: this._('tab.load') },
      { id: 'ecomap-tenant-model-info', label: this._('tab.modelInfo'), onShow: describe },
    ]);
  },
  oneditsave() {
    this.variants = variantsFrom(field('variant-list'));
  },
});
