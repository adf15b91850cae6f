import { showExportButtons } from '../shared-editor/export-buttons';

const isNumberIn = (value: string, least: number, most: number): boolean =>
  String(value).trim() === '' || (Number(value) >= least && Number(value) <= most);

/** What the open form says, or what is deployed when no form is open. */
function chosen(field: 'embodiedKg' | 'lifetimeYears', deployed: string | number | undefined): string {
  return String($(`#node-input-${field}`).val() ?? deployed ?? '').trim();
}

RED.nodes.registerType('ecomap-carbon-ledger', {
  category: 'ecomap',
  color: '#CFCFCF',
  defaults: {
    name: { value: '' },
    persist: { value: false },
    file: { value: '' },
    retentionDays: {
      value: '',
      validate(value: string) {
        return isNumberIn(value ?? '', 1, 400);
      },
    },
    embodiedKg: {
      value: '',
      validate(value: string) {
        return (
          isNumberIn(value ?? '', 0, 1e6) &&
          (String(value ?? '').trim() !== '' || chosen('lifetimeYears', this.lifetimeYears) === '')
        );
      },
    },
    lifetimeYears: {
      value: '',
      validate(value: string) {
        const isEmpty = String(value ?? '').trim() === '';
        return isEmpty ? chosen('embodiedKg', this.embodiedKg) === '' : Number(value) > 0 && Number(value) <= 100;
      },
    },
    reservedPct: {
      value: '',
      validate(value: string) {
        return String(value ?? '').trim() === '' || (Number(value) > 0 && Number(value) <= 100);
      },
    },
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
  oneditprepare() {
    const persist = $('#node-input-persist');
    const embodied = $('#node-input-embodiedKg');
    const lifetime = $('#node-input-lifetimeYears');
    const refresh = (): void => {
      $('.ecomap-ledger-kept').toggle(persist.is(':checked'));
      $('.ecomap-ledger-embodied').toggle(String(embodied.val() ?? '') !== '' || String(lifetime.val() ?? '') !== '');
    };
    persist.on('change', refresh);
    embodied.on('input', refresh).on('change', () => lifetime.trigger('change'));
    refresh();
    const note = $('#ecomap-ledger-export-note');
    showExportButtons($('#ecomap-ledger-exports'), note, this.id, (key) => this._(key));
  },
});
