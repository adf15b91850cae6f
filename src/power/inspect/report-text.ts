import type { Inspection, InspectionFinding } from './inspection';

const marks: Readonly<Record<InspectionFinding['level'], string>> = {
  ok: 'ok',
  missing: 'missing',
  problem: 'PROBLEM',
  unknown: 'unknown',
};

const unknown = 'unknown';

/** `4.64 W`; a dash where there is no number. */
const watts = (powerW: number | null): string => (powerW === null ? '–' : `${powerW.toFixed(2)} W`);

const orUnknown = (value: string | number | null): string => (value === null ? unknown : String(value));

/** A vertical bar would end the cell, a line break the table. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

const list = (findings: readonly InspectionFinding[]): string[] =>
  findings.map(({ level, text }) => `- ${marks[level]}: ${text.replace(/\s*\n\s*/g, ' ')}`);

/** `0-3,8` of ascending numbers. */
export function coreRanges(cores: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const core of cores) {
    const last = ranges.at(-1);
    if (last !== undefined && core === last[1] + 1) last[1] = core;
    else ranges.push([core, core]);
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}

function machineSection({ board, system, ofFolder }: Inspection): string[] {
  const { libc } = system;
  const memory =
    system.memoryMiB === null
      ? unknown
      : `${system.memoryMiB} MiB${system.availableMemoryMiB === null ? '' : `, ${system.availableMemoryMiB} MiB available`}`;
  const release = system.l4t === null ? null : `${system.jetpack ?? 'unknown JetPack'} (L4T ${system.l4t})`;
  const isJetson = board.id.startsWith('jetson');
  return [
    `- board: ${board.label}${board.model !== null && board.model !== board.label ? ` ("${board.model}")` : ''}, by ${board.from}`,
    ...(board.soc === null ? [] : [`- chip: ${board.soc}`]),
    `- processor: ${board.cpuModel} (${board.arch})`,
    ...(isJetson || release !== null
      ? [`- JetPack: ${release ?? 'unknown (no /etc/nv_tegra_release; in a container the file belongs to the host)'}`]
      : []),
    `- system: ${system.distribution ?? system.platform}, kernel ${orUnknown(system.kernel)}`,
    `- C library: ${libc.kind === 'unknown' ? unknown : `${libc.kind} ${libc.version ?? ''}`.trim()}${libc.kind === 'musl' ? ' (ONNX Runtime needs glibc: use a Debian-based image)' : ''}`,
    `- container: ${system.container ?? 'no'}; virtual machine: ${system.virtualMachine ?? 'no'}`,
    `- memory: ${memory}`,
    ...(ofFolder
      ? ['- this report is about a folder, not about the machine that made it']
      : [
          `- Node.js ${system.nodeVersion}, ${system.runsAsRoot === null ? 'user unknown' : system.runsAsRoot ? 'as root' : 'as an ordinary user'}`,
        ]),
  ];
}

function coresSection({ cores }: Inspection): string[] {
  const { clusters, flags } = cores;
  return [
    `- usable: ${cores.usable.length} (${coreRanges(cores.usable)}), ${cores.from === 'affinity' ? 'by the affinity of this process' : 'counted'}`,
    `- pinning: ${cores.canPin ? 'taskset is there' : 'no taskset (install util-linux)'}`,
    ...(clusters.length === 0
      ? ['- clusters: not told (no cpufreq)']
      : clusters.map(
          ({ cores: own, highestMhz, capacity }) =>
            `- cluster ${coreRanges(own)}: up to ${highestMhz === null ? '?' : highestMhz.toFixed(0)} MHz${capacity === null ? '' : `, capacity ${capacity}`}`,
        )),
    flags === null
      ? '- instructions: unknown'
      : `- instructions: ${flags.present.join(' ') || 'none of those that matter'}; not there: ${flags.absent.join(' ') || 'none'}`,
  ];
}

function sensorsSection({ sensors, sensorFindings }: Inspection): string[] {
  const lines = list(sensorFindings);
  for (const { method, scope, source, accuracy, powerW, rails } of sensors) {
    const error = accuracy === null ? 'accuracy unknown' : `±${(accuracy * 100).toFixed(0)} %`;
    lines.push('', `${method}: ${watts(powerW)} (${scope}, ${source}, ${error})`);
    if (rails.length > 0) {
      const rows = rails.map((rail) => [
        rail.name,
        watts(rail.powerW),
        rail.inTotal ? 'yes' : 'no',
        rail.problem ?? '',
      ]);
      lines.push('', ...table(['rail', 'now', 'in total', 'problem'], rows));
    }
  }
  if (sensors.length === 0)
    lines.push('- no power sensor can be read here: watts are modelled from the CPU time of the inference processes');
  return lines;
}

const clock = (mhz: number | null): string => (mhz === null ? '' : mhz.toFixed(0));

/** More than this many clock steps tell nothing more. */
const mostStates = 24;

function actuatorsSection({ actuators, cpuQuotas }: Inspection): string[] {
  const lines = actuators.map(
    ({ name, level, text, problem }) => `- ${name}: ${level}. ${text}${problem === null ? '' : ` PROBLEM: ${problem}`}`,
  );
  lines.push(`- CPU quotas: ${marks[cpuQuotas.level]}. ${cpuQuotas.text}`);
  for (const { name, states } of actuators) {
    if (states.length === 0) continue;
    const rows = states
      .slice(0, mostStates)
      .map((state) => [
        `${state.name}${state.inForce ? ' (in force)' : ''}`,
        clock(state.gpuMhz),
        clock(state.cpuMhz),
        clock(state.emcMhz),
        clock(state.dlaMhz),
        state.cores === null ? '' : String(state.cores),
        state.powerLimitW === null ? '' : watts(state.powerLimitW),
        state.refusal ?? '',
      ]);
    const heads = ['state', 'GPU MHz', 'CPU MHz', 'EMC MHz', 'DLA MHz', 'cores', 'limit', 'why not'];
    // Columns in which nothing stands say nothing.
    const kept = heads.map((_, index) => index === 0 || rows.some((row) => row[index] !== ''));
    const only = (cells: readonly string[]): string[] => cells.filter((_, index) => kept[index]);
    lines.push('', `${name}:`, '', ...table(only(heads), rows.map(only)));
    if (states.length > mostStates) lines.push('', `and ${states.length - mostStates} more`);
  }
  return lines;
}

function acceleratorSection({ accelerators, runtime, ofFolder }: Inspection): string[] {
  const ran = runtime?.providers.filter((provider) => provider.ran && provider.name !== 'cpu') ?? [];
  const verdict =
    runtime === null || runtime.version === null
      ? 'whether anything computes on it here is unknown'
      : ran.length === 0
        ? 'no execution provider of onnxruntime-node runs here'
        : `execution provider ${ran.map(({ name }) => name).join(', ')} runs here`;
  if (accelerators.length === 0) return [`- none found beside the CPU${ofFolder ? ' in this folder' : ''}`];
  return accelerators.map(({ name, hardware, kind }) => `- ${name.toUpperCase()} (${kind}, ${hardware}): ${verdict}`);
}

function runtimeSection({ runtime, ofFolder }: Inspection): string[] {
  if (runtime === null) return [`- not tried${ofFolder ? ': the folder is not this machine' : ''}`];
  if (runtime.version === null) return ['- onnxruntime-node is not installed'];
  return [
    `- onnxruntime-node ${runtime.version}`,
    ...runtime.providers.map(({ name, ran, why }) => `- ${name}: ${ran ? 'ran a model' : `did not run (${why})`}`),
  ];
}

function permissionsSection({ permissions }: Inspection): string[] {
  if (permissions.length === 0) return ['- none of the files that set or measure power is here'];
  const yes = (allowed: boolean | null): string => (allowed === null ? '' : allowed ? 'yes' : 'no');
  return table(
    ['what', 'file', 'readable', 'writable'],
    permissions.map(({ what, path, readable, writable }) => [what, path, yes(readable), yes(writable)]),
  );
}

function modelCostsSection({ modelCosts, ofFolder }: Inspection): string[] {
  if (modelCosts === null) return [`- not looked for${ofFolder ? ': the folder is not this machine' : ''}`];
  if (modelCosts.length === 0) {
    return [
      '- operators were not measured on this machine, so that the cost of a model that never ran here and the scores of the device are ' +
        'unknown: `npx ecomap-doctor --measure-operators` measures them (some minutes, with nothing else running)',
    ];
  }
  return modelCosts.flatMap(({ componentClass, models, runtimeVersion, energyMethod, scores }) => [
    `- ${componentClass}: learned from ${models} models with ONNX Runtime ${runtimeVersion}; energy: ${energyMethod}`,
    scores === null
      ? `- ${componentClass}: no device scores, because a reference model was not measured`
      : `- ${componentClass}: inference energy score ${scores.inferenceEnergyScore.toFixed(1)}, power score ` +
        `${scores.powerScore.toFixed(1)} (${scores.source}, ${scores.models} models; 100: 1 nJ per multiply-accumulate, 10 W; more is better)`,
  ]);
}

/** The inspection as Markdown that also reads well as plain text: for a bug ticket. */
export function reportText(inspection: Inspection): string {
  const { otherManagers, problems } = inspection;
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['Machine', machineSection(inspection)],
    ['Cores', coresSection(inspection)],
    ['Accelerators', acceleratorSection(inspection)],
    ['ONNX Runtime', runtimeSection(inspection)],
    ['Power sensors', sensorsSection(inspection)],
    ['Power limits', actuatorsSection(inspection)],
    ['Other managers', otherManagers.length === 0 ? ['- none found'] : list(otherManagers)],
    ['Permissions', permissionsSection(inspection)],
    ['Cost of models', modelCostsSection(inspection)],
    ...(problems.length === 0 ? [] : [['Failed while looking', problems.map((problem) => `- ${problem}`)] as const]),
  ];
  const head = [
    '# Ecomap doctor',
    '',
    `@ecomap/node-red-ecomap ${inspection.packageVersion}, ${inspection.inspectedAt.slice(0, 19)}Z`,
  ];
  const body = sections.flatMap(([title, lines]) => ['', `## ${title}`, '', ...lines]);
  return `${[...head, ...body].join('\n')}\n`;
}
