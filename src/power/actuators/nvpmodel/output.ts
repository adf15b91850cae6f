/** A mode as nvpmodel names it. */
export interface NamedMode {
  readonly name: string;
  /** null where only the name was told. */
  readonly id: number | null;
}

/** What nvpmodel said, whichever option it was called with. It does not always say the truth: see `mode-in-force.ts`. */
export interface NvpmodelAnswer {
  /** From `-q`. */
  readonly mode: NamedMode | null;
  /** From `-q` on JetPack 4. */
  readonly fanMode: string | null;
  /** It asked whether to reboot. */
  readonly asksForReboot: boolean;
  /** It is rebooting, which it does when the question was answered or `--force` was given: neither is ever ours. */
  readonly isRebooting: boolean;
  /** Without the `NVPM ERROR:` in front. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

const textLines = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

const messagesOf = (lines: readonly string[], level: 'ERROR' | 'WARN'): string[] =>
  lines.filter((line) => line.startsWith(`NVPM ${level}:`)).map((line) => line.slice(`NVPM ${level}:`.length).trim());

/** The text of `nvpmodel -q` or `-m`, standard output and standard error in any order. */
export function parseAnswer(text: string): NvpmodelAnswer {
  const lines = textLines(text);
  const at = lines.findIndex((line) => /NV Power Mode:/.test(line));
  const name = at < 0 ? null : /NV Power Mode:\s*(\S+)/.exec(lines[at] ?? '')?.[1];
  // The number is on a line of its own, though a warning may have come between.
  const id = lines.slice(at + 1).find((line) => /^\d+$/.test(line));
  return {
    mode: name === null || name === undefined ? null : { name, id: id === undefined ? null : Number(id) },
    fanMode: /NV Fan Mode:\s*(\S+)/.exec(text)?.[1] ?? null,
    asksForReboot: /reboot required|DO YOU WANT TO REBOOT|Golden image context is already created/i.test(text),
    isRebooting: /NVPM WARN:\s*rebooting/i.test(text),
    errors: messagesOf(lines, 'ERROR'),
    warnings: messagesOf(lines, 'WARN'),
  };
}

/** A value that a mode asks for, and what is really there. */
export interface RequestedValue {
  readonly path: string;
  readonly requested: string;
  /** null when it was not told. */
  readonly found: string | null;
}

export interface VerboseQuery {
  readonly mode: NamedMode | null;
  readonly defaultMode: NamedMode | null;
  readonly values: readonly RequestedValue[];
}

const verbose = /^NVPM VERB:\s*(.*)$/;
const nameAndId = /^(.*)\((\d+)\)$/;

function namedMode(text: string | undefined): NamedMode | null {
  if (text === undefined || text === '') return null;
  const match = nameAndId.exec(text);
  return match?.[1] === undefined ? { name: text, id: null } : { name: match[1], id: Number(match[2]) };
}

const verboseLines = (text: string): string[] =>
  textLines(text).flatMap((line) => {
    const said = verbose.exec(line)?.[1];
    return said === undefined ? [] : [said];
  });

/** The text of `nvpmodel -q --verbose`: for each file the value that the mode asks for, then the value found. */
export function parseVerboseQuery(text: string): VerboseQuery {
  const values: { path: string; requested: string; found: string | null }[] = [];
  let active: NamedMode | null = null;
  let defaultMode: NamedMode | null = null;
  for (const said of verboseLines(text)) {
    const value = /^value = (.*)$/.exec(said)?.[1];
    const request = /^(\/\S+)\s+(\S+)$/.exec(said);
    const last = values.at(-1);
    if (value !== undefined && last?.found === null) last.found = value;
    else if (request !== null) values.push({ path: request[1] ?? '', requested: request[2] ?? '', found: null });
    else if (said.startsWith('ACTIVE=')) active = namedMode(said.slice('ACTIVE='.length));
    else if (said.startsWith('PM_CONFIG: DEFAULT=')) defaultMode = namedMode(said.slice('PM_CONFIG: DEFAULT='.length));
  }
  return { mode: active ?? parseAnswer(text).mode, defaultMode, values };
}

/** A mode as `nvpmodel -p --verbose` lists it. */
export interface ListedMode {
  readonly id: number;
  readonly name: string;
  /** `value` is null for "as much as there is". */
  readonly values: readonly {
    readonly parameter: string;
    readonly argument: string;
    readonly value: string | null;
  }[];
}

export interface VerboseListing {
  readonly modes: readonly ListedMode[];
  readonly defaultMode: NamedMode | null;
}

/** -1 of the configuration file comes out of nvpmodel as the largest 32-bit integer. */
const noLimitTexts = new Set(['-1', '2147483647']);

/** The text of `nvpmodel -p --verbose`: the configuration as nvpmodel has understood it. */
export function parseVerboseListing(text: string): VerboseListing {
  const modes: { id: number; name: string; values: ListedMode['values'][number][] }[] = [];
  let defaultMode: NamedMode | null = null;
  for (const said of verboseLines(text)) {
    const mode = /^POWER_MODEL:\s*ID=(\d+)\s+NAME=(\S+)$/.exec(said);
    const value = /^([A-Za-z_]\w*)\s+([A-Za-z_]\w*)\s+(\S+)$/.exec(said);
    if (mode !== null) modes.push({ id: Number(mode[1]), name: mode[2] ?? '', values: [] });
    else if (said.startsWith('PM_CONFIG: DEFAULT=')) defaultMode = namedMode(said.slice('PM_CONFIG: DEFAULT='.length));
    else if (value !== null && !said.startsWith('PARAM ')) {
      const [, parameter = '', argument = '', setting = ''] = value;
      modes.at(-1)?.values.push({ parameter, argument, value: noLimitTexts.has(setting) ? null : setting });
    }
  }
  return { modes, defaultMode };
}

/**
 * `/var/lib/nvpmodel/status`, e.g. `pmode:0002 fmode:quiet`: the mode that was last asked for. It outlives a reboot, and may
 * name a mode that never came into force.
 * @returns the ID, or null when the text is something else
 */
export function parseStatusFile(text: string): number | null {
  const id = /\bpmode:(\d{1,9})\b/.exec(text)?.[1];
  return id === undefined ? null : Number(id);
}
