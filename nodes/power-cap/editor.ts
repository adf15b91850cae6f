import { fillInMissing } from '../shared-editor/missing-fields';

/** What an open form says, or what is deployed when no form is open. */
function chosen(field: string, deployed: string): string {
  return String($(`#node-input-${field}`).val() ?? deployed);
}

/** The policies that have a clean and a dirty end of the grid. */
const isByEnds = (policy: string): boolean => policy === 'linear' || policy === 'two-level';

/** Watts, grams or g/kWh that a form needs only for some choices. */
function isAmount(value: unknown, needed: boolean): boolean {
  const text = String(value ?? '').trim();
  return text === '' ? !needed : Number(text) >= 0;
}

RED.nodes.registerType('ecomap-power-cap', {
  category: 'ecomap',
  color: '#E6D690',
  defaults: {
    name: { value: '' },
    device: { value: '', type: 'ecomap-device', required: true },
    policy: { value: 'linear', required: true },
    fixedW: {
      value: '',
      validate(value: unknown) {
        return isAmount(value, chosen('policy', this.policy) === 'fixed');
      },
    },
    gramsPerDay: {
      value: '',
      validate(value: unknown) {
        const text = String(value ?? '').trim();
        return text === '' ? chosen('policy', this.policy) !== 'budget' : Number(text) > 0;
      },
    },
    allowancePt: {
      value: 1,
      validate(value: unknown) {
        return isAmount(value, false) && Number(value ?? 0) <= 100;
      },
    },
    within: { value: 'highest', required: true },
    staleAfterS: { value: 900, validate: RED.validators.number(true) },
    minimumW: { value: '', validate: RED.validators.number(true) },
    maximumW: { value: '', validate: RED.validators.number(true) },
    bounds: { value: 'auto', required: true },
    cleanGPerKwh: {
      value: '',
      validate(value: unknown) {
        const byHand = isByEnds(chosen('policy', this.policy)) && chosen('bounds', this.bounds) === 'manual';
        return isAmount(value, byHand);
      },
    },
    dirtyGPerKwh: {
      value: '',
      validate(value: unknown) {
        const byHand = isByEnds(chosen('policy', this.policy)) && chosen('bounds', this.bounds) === 'manual';
        return isAmount(value, byHand);
      },
    },
    leastChangeW: { value: '', validate: RED.validators.number(true) },
    leastDwellS: { value: 60, validate: RED.validators.number(true) },
    holdUnknownS: { value: 900, validate: RED.validators.number(true) },
    actuator: { value: 'auto', required: true },
    apply: { value: false },
    guardBandPct: {
      value: 5,
      validate(value: unknown) {
        return isAmount(value, false) && Number(value ?? 0) <= 40;
      },
    },
  },
  inputs: 1,
  outputs: 1,
  icon: 'ecomap-power-cap.svg',
  paletteLabel: 'power cap',
  label() {
    if (this.name) return this.name;
    const policy = String(this.policy ?? 'linear');
    if (policy === 'fixed' && this.fixedW) return `power cap ${this.fixedW} W`;
    return policy === 'linear' || policy === 'fixed' ? 'power cap' : `power cap ${policy}`;
  },
  labelStyle() {
    return this.name ? 'node_label_italic' : '';
  },
  inputLabels() {
    return this._(String(this.policy) === 'external' ? 'port.watts' : 'port.carbon');
  },
  outputLabels() {
    return this._('port.cap');
  },
  oneditprepare() {
    fillInMissing('ecomap-power-cap', this as unknown as Readonly<Record<string, unknown>>, '#node-input-');
    const policy = $('#node-input-policy');
    const bounds = $('#node-input-bounds');
    const within = $('#node-input-within');
    const refresh = (): void => {
      const now = String(policy.val());
      $('.ecomap-power-cap-policy').hide();
      $(`.ecomap-power-cap-${now}`).show();
      $('.ecomap-power-cap-manual').toggle(isByEnds(now) && bounds.val() === 'manual');
      if (now === 'quality') $('.ecomap-power-cap-within-linear').toggle(within.val() === 'linear');
    };
    const validateAgain = (): void => {
      $('#node-input-fixedW, #node-input-gramsPerDay, #node-input-cleanGPerKwh, #node-input-dirtyGPerKwh').trigger(
        'change',
      );
    };
    const actuator = $('#node-input-actuator');
    const apply = $('#node-input-apply');
    const refreshHardware = (): void => {
      $('.ecomap-power-cap-hardware').toggle(!['software', 'simulated', 'none'].includes(String(actuator.val())));
      $('.ecomap-power-cap-apply-tip').toggle(apply.is(':checked'));
    };
    for (const field of [actuator, apply]) field.on('change', refreshHardware);
    refreshHardware();
    for (const choice of [policy, bounds, within]) choice.on('change', refresh).on('change', validateAgain);
    refresh();
  },
});
