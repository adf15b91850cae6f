import type { CalibrationSummary } from '../../src/signals/calibration';
import { calibrationPlot } from './calibration-plot';
import { dataTable, notice } from './data-table';

type Text = (key: string, values?: Readonly<Record<string, string | number>>) => string;

const percent = (value: number | null): string => (value === null ? '–' : `${Number(value.toPrecision(2))} %`);

function errorTable({ before, after, additiveMapePct, floorPct, powerSource }: CalibrationSummary, text: Text): JQuery {
  const columns = [
    { name: text('calibrate.report.error') },
    ...['before', 'after', 'additive', 'floor'].map((key) => ({
      name: text(`calibrate.report.${key}`),
      isNumber: true,
    })),
  ];
  const rows = [
    [
      text('calibrate.report.latency'),
      ...[before.latencyMapePct, after.latencyMapePct, additiveMapePct, floorPct].map(percent),
    ],
    [
      text('calibrate.report.power', { source: text(`source.${powerSource}`) }),
      ...[before.powerMapePct, after.powerMapePct, null, null].map(percent),
    ],
  ];
  return dataTable(columns, rows, text('calibrate.report.title'));
}

/** What the last calibration found: whether it is in use, the errors, what was measured, and a plot. */
export function calibrationReport(summary: CalibrationSummary, text: Text): JQuery[] {
  const { kept, reason, samples, workloads, setAside, finishedAt, floorPct, points } = summary;
  const verdict = kept
    ? notice('fa-check', text('calibrate.report.kept'))
    : notice('fa-minus-circle', text('calibrate.report.notKept', { reason: reason ?? '' }));
  const facts = [
    text('calibrate.report.heldOut'),
    text('calibrate.report.samples', { samples, workloads }),
    ...(setAside === 0 ? [] : [text('calibrate.report.setAside', { count: setAside })]),
    ...(floorPct === null ? [] : [text('calibrate.report.floorMeans')]),
    text('calibrate.report.finished', { at: new Date(finishedAt).toLocaleString() }),
  ];
  const plot = calibrationPlot(points, text);
  return [
    verdict,
    errorTable(summary, text).css({ margin: '6px 0' }),
    $('<p>').text(facts.join(' ')).css({ margin: '6px 0 10px' }),
    ...(plot === null ? [] : [$(plot as unknown as HTMLElement)]),
  ];
}
