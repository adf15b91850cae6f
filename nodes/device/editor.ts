import { showCalibration } from '../shared-editor/calibration-panel';
import { tieDoctor } from '../shared-editor/device-doctor';
import { showInspection } from '../shared-editor/device-inspection';
import { showPower } from '../shared-editor/device-power';
import { showReport } from '../shared-editor/device-report';
import { showTabs } from '../shared-editor/tabs';

RED.nodes.registerType('ecomap-device', {
  category: 'config',
  defaults: {
    name: { value: '' },
    hardware: { value: 'auto', required: true },
    idleW: { value: '', validate: RED.validators.number(true) },
    fullLoadW: { value: '', validate: RED.validators.number(true) },
    components: { value: '' },
    profileFile: { value: '' },
  },
  label() {
    return this.name || (this.hardware === 'auto' ? this._('hardware.auto') : this._(`hardware.${this.hardware}`));
  },
  oneditprepare() {
    const text = (key: string, values?: Readonly<Record<string, string | number>>): string => this._(key, values);
    const hardware = $('#node-config-input-hardware');
    const chosen = (): string => String(hardware.val() ?? 'auto');
    // What is deployed speaks for itself; a changed choice shows what it would be.
    const isDeployed = (): boolean => chosen() === this.hardware;
    const refresh = (): void => {
      const isReal = chosen() === 'auto';
      $('.ecomap-device-real-only').toggle(isReal);
      const places = { list: $('#ecomap-device-report'), components: $('#ecomap-device-components') };
      showReport(places, this.id, chosen(), isDeployed(), text);
    };
    const inspect = (): void => {
      if (chosen() !== 'auto') return;
      showInspection(
        {
          machine: $('#ecomap-device-machine'),
          accelerators: $('#ecomap-device-accelerators'),
          limits: $('#ecomap-device-limits'),
        },
        text,
      );
    };
    hardware.on('change', refresh);
    const showDoctor = tieDoctor(
      $('#ecomap-device-doctor'),
      $('#ecomap-device-doctor-again'),
      $('#ecomap-device-doctor-copy'),
      text,
    );
    const formNow = () => ({ id: this.id, hardware: chosen(), deployed: isDeployed() });
    const refreshPower = showPower($('#ecomap-device-power'), formNow, text);
    const refreshCalibration = showCalibration(
      {
        offer: $('#ecomap-device-calibration-offer'),
        start: $('#ecomap-device-calibration-start'),
        cancel: $('#ecomap-device-calibration-cancel'),
        progress: $('#ecomap-device-calibration-progress'),
        state: $('#ecomap-device-calibration-state'),
        problem: $('#ecomap-device-calibration-problem'),
        report: $('#ecomap-device-calibration-report'),
      },
      this.id,
      text,
    );
    let isAsked = false;
    showTabs($('#ecomap-device-tabs'), [
      { id: 'ecomap-device-settings', label: text('tab.settings') },
      {
        id: 'ecomap-device-found',
        label: text('tab.found'),
        onShow: () => {
          refresh();
          refreshPower();
          inspect();
        },
      },
      { id: 'ecomap-device-calibrate', label: text('tab.calibrate'), onShow: refreshCalibration },
      {
        id: 'ecomap-device-full-report',
        label: text('tab.report'),
        onShow: () => {
          if (!isAsked) showDoctor();
          isAsked = true;
        },
      },
    ]);
    refresh();
  },
});
