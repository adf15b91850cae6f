import type { Board } from '../boards/board';
import type { FolderWriter } from './folder-writer';
import type { TreeLayout } from './layout';

/** Power monitors: an iio device on JetPack 4, a hwmon device (volts and amperes, no watts) later. */
export function writePowerMonitors(tree: FolderWriter, board: Board, layout: TreeLayout): void {
  layout.monitors.forEach((monitor, index) => {
    const rails = board.monitors[index]?.rails ?? [];
    tree.file(`${monitor.device}/name`, `ina3221${layout.jetPack === 4 ? 'x' : ''}\n`);
    const driver = `/sys/bus/i2c/drivers/ina3221${layout.jetPack === 4 ? 'x' : ''}`;
    tree.link(`${driver}/1-${monitor.address}`, monitor.device);
    tree.link(`/sys/bus/i2c/devices/1-${monitor.address}`, monitor.device);
    if (monitor.hwmon === null) {
      tree.link(`/sys/bus/iio/devices/iio:device${index}`, monitor.folder);
      tree.file(`${monitor.folder}/name`, 'ina3221x\n');
    } else {
      tree.link(`/sys/class/hwmon/${monitor.hwmon}`, monitor.folder);
      tree.link(`${monitor.folder}/device`, monitor.device);
      tree.files(monitor.folder, { name: 'ina3221\n', update_interval: 1, samples: 1 });
    }
    monitor.rails.forEach((files, rail) => {
      const supplyMv = rails[rail]?.supplyMv ?? 0;
      tree.file(files.labelFile, `${files.label}\n`);
      tree.file(files.voltageFile, supplyMv);
      tree.file(files.currentFile, 0);
      if (files.powerFile !== null) {
        tree.file(files.powerFile, 0);
        // As one driver writes it, unit included.
        tree.file(`${monitor.folder}/crit_current_limit_${rail}`, '32760 ma\n');
      } else {
        tree.files(monitor.folder, {
          [`curr${rail + 1}_max`]: 32_760,
          [`curr${rail + 1}_crit`]: 32_760,
          [`curr${rail + 1}_max_alarm`]: 0,
          [`curr${rail + 1}_crit_alarm`]: 0,
          // What lies across the shunts, in microvolts: not a rail.
          [`in${rail + 4}_input`]: 0,
        });
      }
    });
    if (monitor.hwmon !== null) tree.files(monitor.folder, { in7_label: 'sum of shunt voltages\n', in7_input: 0 });
  });
}

const zonesOf = (board: Board, layout: TreeLayout): readonly string[] => {
  if (layout.jetPack === 6) return ['cpu-thermal', 'gpu-thermal', 'soc0-thermal', 'soc1-thermal', 'tj-thermal'];
  const xavier = ['CPU-therm', 'GPU-therm', 'AUX-therm', 'AO-therm', 'PMIC-Die', 'thermal-fan-est'];
  return board.gpu.node === 'gv11b' ? xavier : ['CPU-therm', 'GPU-therm', 'CV0-therm', 'SOC0-therm', 'tj-therm'];
};

/** Temperatures, throttle alerts and the counters of over-current events. */
export function writeThermal(tree: FolderWriter, board: Board, layout: TreeLayout): void {
  zonesOf(board, layout).forEach((type, zone) => {
    tree.files(`/sys/class/thermal/thermal_zone${zone}`, { type: `${type}\n`, temp: temperatureFor(type, 35) });
  });
  ['cpu-throttle-alert', 'gpu-throttle-alert', 'hot-surface-alert'].forEach((type, device) => {
    tree.files(`/sys/class/thermal/cooling_device${device}`, { type: `${type}\n`, cur_state: 0, max_state: 1 });
  });
  if (layout.overCurrent === null) return;
  tree.files(layout.overCurrent, {
    name: 'soctherm_oc\n',
    oc1_event_cnt: 0,
    oc2_event_cnt: 0,
    oc3_event_cnt: 0,
    oc1_throt_en: 1,
    oc2_throt_en: 1,
    oc3_throt_en: 1,
  });
  tree.link('/sys/class/hwmon/hwmon0', layout.overCurrent);
  // A supply on the USB connector looks like a power monitor and is none.
  const supply = '/sys/devices/platform/ucsi/hwmon/hwmon9';
  tree.files(supply, { name: 'ucsi_source_psy_1_00081\n', in0_input: 5000, curr1_input: 0, curr1_max: 0 });
  tree.link('/sys/class/hwmon/hwmon9', supply);
}

/** Millidegrees of a zone when the chip is this warm. Some zones never change. */
export function temperatureFor(type: string, celsius: number): number {
  if (type.startsWith('PMIC')) return 50_000;
  const offset = { AUX: -1, AO: -1.5, 'thermal-fan-est': -0.4, soc0: -2, soc1: -2.5 }[type.replace(/-therm(al)?$/, '')];
  return Math.round((celsius + (offset ?? 0)) * 2) * 500;
}
