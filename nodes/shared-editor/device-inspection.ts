import { dataTable, notice } from './data-table';

type Level = 'ok' | 'missing' | 'problem' | 'unknown';

interface Finding {
  level: Level;
  text: string;
}

interface State {
  name: string;
  gpuMhz: number | null;
  cpuMhz: number | null;
  emcMhz: number | null;
  dlaMhz: number | null;
  cores: number | null;
  powerLimitW: number | null;
  refusal: string | null;
  inForce: boolean;
}

/** The parts of an answer of `ecomap/device-inspection` that are shown; see src/power/inspect/inspection.ts. */
interface Inspection {
  board: { label: string };
  system: { jetpack: string | null; l4t: string | null; container: string | null };
  accelerators: { name: string; kind: string; hardware: string }[];
  actuators: {
    name: string;
    level: 'usable' | 'denied' | 'missing';
    text: string;
    states: State[];
    problem: string | null;
  }[];
  cpuQuotas: Finding;
  sensorFindings: Finding[];
  otherManagers: Finding[];
  problems: string[];
  runtime: { version: string | null; providers: { name: string; ran: boolean }[] } | null;
}

export interface Component {
  name: string;
  kind: string;
  cores: number[];
  threads: number;
  provider?: string;
  componentClass: string;
}

type Text = (key: string, values?: Readonly<Record<string, string | number>>) => string;

const icons: Record<Level, string> = {
  ok: 'fa-check',
  missing: 'fa-minus-circle',
  problem: 'fa-exclamation-triangle',
  unknown: 'fa-question-circle',
};

const number = (value: number | null): string => (value === null ? '' : value.toFixed(0));

/** Components of the device and what drives them. */
export function componentTable(components: readonly Component[], text: Text): JQuery {
  const rows = components.map(({ name, kind, cores, threads, provider, componentClass }) => [
    name,
    kind === 'cpu' && provider === undefined
      ? cores.length > 0
        ? text('components.cores', { cores: cores.join(', ') })
        : text('components.notPinned')
      : text('components.provider', { provider: provider ?? '?' }),
    String(threads),
    componentClass,
  ]);
  const columns = [
    { name: text('components.name') },
    { name: text('components.runsOn') },
    { name: text('components.threads'), isNumber: true },
    { name: text('components.class') },
  ];
  return dataTable(columns, rows, text('found.components'));
}

function stateTable(name: string, states: readonly State[], text: Text): JQuery {
  const heads = ['name', 'gpuMhz', 'cpuMhz', 'emcMhz', 'dlaMhz', 'cores', 'powerLimitW', 'refusal'] as const;
  const rows = states.map((state) => [
    state.inForce ? text('states.inForce', { name: state.name }) : state.name,
    number(state.gpuMhz),
    number(state.cpuMhz),
    number(state.emcMhz),
    number(state.dlaMhz),
    number(state.cores),
    number(state.powerLimitW),
    state.refusal ?? '',
  ]);
  // Columns in which nothing stands say nothing.
  const kept = heads.map((_, index) => index === 0 || rows.some((row) => row[index] !== ''));
  const details = $('<details>').css({ padding: '4px 0 8px' });
  $('<summary>')
    .text(text('states.of', { count: states.length, name }))
    .css({ cursor: 'pointer' })
    .appendTo(details);
  details.append(
    dataTable(
      heads
        .map((key) => ({ name: text(`states.${key}`), isNumber: key !== 'name' && key !== 'refusal' }))
        .filter((_, index) => kept[index]),
      rows.map((row) => row.filter((_, index) => kept[index])),
      name,
    ),
  );
  return details;
}

const actuatorIcons = { usable: 'fa-check', denied: 'fa-lock', missing: 'fa-minus-circle' } as const;

function drawLimits(place: JQuery, inspection: Inspection, text: Text): void {
  place.empty();
  for (const { name, level, text: words, states, problem } of inspection.actuators) {
    place.append(notice(actuatorIcons[level], `${name}: ${text(`level.${level}`)}. ${words}`));
    if (problem !== null) place.append(notice(icons.problem, problem));
    if (states.length > 0) place.append(stateTable(name, states, text));
  }
  const { cpuQuotas, otherManagers } = inspection;
  place.append(notice(icons[cpuQuotas.level], text('found.quotas', { text: cpuQuotas.text })));
  for (const { level, text: words } of otherManagers) place.append(notice(icons[level], words));
}

function drawMachine(place: JQuery, inspection: Inspection): void {
  const { board, system, sensorFindings, problems } = inspection;
  const release = system.l4t === null ? [] : [`${system.jetpack ?? 'Jetson Linux'} (L4T ${system.l4t})`];
  const container = system.container === null || system.container === 'unknown' ? [] : [system.container];
  place.empty().append(notice(icons.ok, [board.label, ...release, ...container].join(', ')));
  for (const { level, text: words } of sensorFindings) place.append(notice(icons[level], words));
  for (const problem of problems) place.append(notice(icons.problem, problem));
}

/** Honest about hardware that nothing here computes on: only a provider that has run a model counts. */
function drawAccelerators(place: JQuery, { accelerators, runtime }: Inspection, text: Text): void {
  const ran = runtime?.providers.filter((provider) => provider.ran && provider.name !== 'cpu') ?? [];
  for (const { name, hardware } of accelerators) {
    const unit = `${name.toUpperCase()} (${hardware})`;
    if (runtime === null || runtime.version === null)
      place.append(notice(icons.unknown, text('accelerator.unknown', { unit })));
    else if (ran.length === 0) place.append(notice(icons.missing, text('accelerator.none', { unit })));
    else {
      const providers = ran.map((provider) => provider.name).join(', ');
      place.append(notice(icons.ok, text('accelerator.ran', { unit, providers })));
    }
  }
}

/** Where the parts of an inspection go. */
export interface InspectionPlaces {
  readonly machine: JQuery;
  readonly accelerators: JQuery;
  readonly limits: JQuery;
}

/** Shows what the runtime finds on its machine; says so where it cannot be asked. */
export function showInspection({ machine, accelerators, limits }: InspectionPlaces, text: Text): void {
  machine.empty().append(notice('fa-spinner fa-spin', text('report.looking')));
  limits.empty();
  accelerators.empty();
  $.getJSON('ecomap/device-inspection')
    .done((inspection: Inspection) => {
      drawMachine(machine, inspection);
      drawLimits(limits, inspection, text);
      drawAccelerators(accelerators, inspection, text);
    })
    .fail(() => machine.empty().append(notice('fa-times-circle', text('report.failed'))));
}
