import { dataTable, notice } from './data-table';

interface Rail {
  name: string;
  powerW: number | null;
  inTotal: boolean;
  problem: string | null;
}

interface Power {
  powerW: number | null;
  scope: string;
  source: string;
  method: string;
}

/** The answer of `ecomap/device-power`; see nodes/device/live-reading.ts. */
interface LiveReading {
  device: Power | null;
  sensors: (Power & { accuracy: number | null; rails: Rail[] })[];
}

type Text = (key: string, values?: Readonly<Record<string, string | number>>) => string;

/** What the open form says, asked anew each time. */
export interface PowerOfForm {
  readonly id: string;
  readonly hardware: string;
  /** Whether what is deployed is what the form says. */
  readonly deployed: boolean;
}

const everyMs = 2_000;

const watts = (powerW: number | null): string => (powerW === null ? '–' : `${powerW.toFixed(2)} W`);

function line({ powerW, scope, source, method }: Power, accuracy: number | null, text: Text): JQuery {
  const error = accuracy === null ? '' : `, ±${(accuracy * 100).toFixed(0)} %`;
  const row = $('<div>').css({ display: 'flex', gap: '10px', alignItems: 'baseline', padding: '2px 0' });
  $('<b>')
    .text(watts(powerW))
    .css({ fontSize: '1.3em', whiteSpace: 'nowrap', fontVariantNumeric: 'tabular-nums' })
    .appendTo(row);
  $('<span>')
    .text(`${text(`source.${source}`)}, ${text(`scope.${scope}`)}${error}: ${method}`)
    .css({ overflowWrap: 'anywhere' })
    .appendTo(row);
  return row;
}

function draw(place: JQuery, { device, sensors }: LiveReading, form: PowerOfForm, text: Text): void {
  const parts: JQuery[] = [];
  for (const sensor of sensors) {
    parts.push(line(sensor, sensor.accuracy, text));
    if (sensor.rails.length === 0) continue;
    const rows = sensor.rails.map((rail) => [
      rail.name,
      watts(rail.powerW),
      text(rail.inTotal ? 'power.yes' : 'power.no'),
      rail.problem ?? '',
    ]);
    const columns = [
      { name: text('power.rail') },
      { name: text('power.now'), isNumber: true },
      { name: text('power.inTotal') },
      { name: text('power.problem') },
    ];
    parts.push(dataTable(columns, rows, sensor.method).css({ margin: '2px 0 8px' }));
  }
  if (sensors.length === 0 && form.hardware === 'auto') parts.push(notice('fa-minus-circle', text('power.noSensor')));
  // A device that is metered by one of these sensors would say the same again.
  const isSaid = sensors.some(({ source }) => source === device?.source);
  if (device !== null && !isSaid) parts.push(line(device, null, text));
  if (device === null && sensors.length === 0) parts.push(notice('fa-info-circle', text('power.notDeployed')));
  place.empty().append(...parts);
}

/**
 * Shows the watts and keeps them fresh for as long as the form is open and the place can be seen.
 * @returns how to refresh them at once
 */
export function showPower(place: JQuery, formNow: () => PowerOfForm, text: Text): () => void {
  let asking = false;
  const refresh = (): void => {
    if (asking || !place.is(':visible')) return;
    const form = formNow();
    asking = true;
    $.getJSON('ecomap/device-power', { hardware: form.hardware, ...(form.deployed ? { id: form.id } : {}) })
      .done((reading: LiveReading) => draw(place, reading, form, text))
      .fail(() => place.empty().append(notice('fa-times-circle', text('power.failed'))))
      .always(() => {
        asking = false;
      });
  };
  place.empty().append(notice('fa-spinner fa-spin', text('power.looking')));
  refresh();
  const timer = setInterval(() => {
    if (document.contains(place[0] ?? null)) refresh();
    else clearInterval(timer);
  }, everyMs);
  return refresh;
}
