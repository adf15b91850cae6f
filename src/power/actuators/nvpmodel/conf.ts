import { z } from 'zod';
import { EcomapError, messageOf } from '../../../signals/errors';
import { describeIssues, quoted } from '../../../signals/parse';

/** One thing that a parameter can set. */
export interface ConfArgument {
  readonly name: string;
  /** Where it may be: the path of this kernel, then that of the next (`*_KNEXT`). Whichever exists counts. */
  readonly paths: readonly string[];
  /** HWMON only: the file in the hwmon folder below the path. */
  readonly hwmonFile: string | null;
}

export interface ConfParameter {
  readonly name: string;
  /** `other` is a type that only a newer nvpmodel knows. */
  readonly type: 'FILE' | 'CLOCK' | 'HWMON' | 'other';
  readonly arguments: readonly ConfArgument[];
}

/** `PARAMETER ARGUMENT VALUE`, as it stands in the file. */
export interface ConfValue {
  readonly parameter: string;
  readonly argument: string;
  readonly value: string;
}

export interface ConfMode {
  /** What `nvpmodel -m` takes. IDs have gaps and say nothing about order: 0 need not be the highest mode. */
  readonly id: number;
  readonly name: string;
  /** In the order of the file, which is the order in which nvpmodel sets them. */
  readonly values: readonly ConfValue[];
}

export interface NvpmodelConf {
  readonly parameters: readonly ConfParameter[];
  readonly modes: readonly ConfMode[];
  /** The mode of the first boot; null when the file does not say, or names none of its modes. */
  readonly defaultMode: string | null;
  readonly defaultFanMode: string | null;
  /** What was odd but does no harm, with line numbers. */
  readonly remarks: readonly string[];
}

const nameSchema = z.string().min(1);
const parameterHeader = z.object({ TYPE: nameSchema, NAME: nameSchema });
const modeHeader = z.object({
  ID: z.string().regex(/^\d{1,9}$/, 'not a whole number'),
  NAME: nameSchema,
});
const defaultHeader = z.object({ DEFAULT: nameSchema });

const nextKernelSuffix = '_KNEXT';

interface OpenParameter {
  readonly name: string;
  readonly type: ConfParameter['type'];
  readonly arguments: Map<string, { paths: string[]; hwmonFile: string | null }>;
}

interface OpenMode {
  readonly id: number;
  readonly name: string;
  readonly values: (ConfValue & { readonly line: number })[];
}

type Section = { parameter: OpenParameter } | { mode: OpenMode } | 'elsewhere';

/** Reads the file line by line; thrown errors are turned into ones with file and line by {@link parseNvpmodelConf}. */
class ConfReader {
  private readonly parameters = new Map<string, OpenParameter>();
  private readonly modes: OpenMode[] = [];
  private readonly remarks: string[] = [];
  private section: Section | null = null;
  private defaultMode: { readonly text: string; readonly line: number } | null = null;
  private defaultFanMode: string | null = null;

  readLine(text: string, line: number): void {
    const words = text.split(/\s+/);
    if (text.startsWith('<')) this.openSection(text, line);
    else if (this.section === null) throw new Error(`${quoted(text)} stands before the first section`);
    else if (this.section === 'elsewhere') return;
    else if ('parameter' in this.section) this.readArgument(this.section.parameter, words);
    else this.readValue(this.section.mode, words, line);
  }

  private openSection(text: string, line: number): void {
    if (!text.endsWith('>')) throw new Error(`${quoted(text)} has no closing ">"`);
    const [kind, ...attributes] = text
      .slice(1, -1)
      .replace(/\s*=\s*/g, '=')
      .trim()
      .split(/\s+/);
    const fields: Record<string, string> = {};
    for (const attribute of attributes) {
      const at = attribute.indexOf('=');
      if (at < 1) throw new Error(`${quoted(attribute)} is not of the form KEY=VALUE`);
      fields[attribute.slice(0, at)] = attribute.slice(at + 1);
    }
    switch (kind) {
      case 'PARAM':
        return this.openParameter(fields, line);
      case 'POWER_MODEL':
        return this.openMode(fields);
      case 'PM_CONFIG':
        return this.readDefault(fields, line);
      case 'FAN_CONFIG':
        this.section = 'elsewhere';
        this.defaultFanMode = fields['DEFAULT'] ?? null;
        return;
      default:
        this.section = 'elsewhere';
        this.remarks.push(`line ${line}: section ${quoted(kind)} is not known and was left out`);
    }
  }

  private openParameter(fields: Record<string, string>, line: number): void {
    const { TYPE, NAME } = parseHeader(parameterHeader, fields, 'PARAM');
    if (this.parameters.has(NAME)) throw new Error(`parameter ${NAME} is defined a second time`);
    const type = TYPE === 'FILE' || TYPE === 'CLOCK' || TYPE === 'HWMON' ? TYPE : 'other';
    if (type === 'other') this.remarks.push(`line ${line}: the type ${quoted(TYPE)} of parameter ${NAME} is not known`);
    const parameter: OpenParameter = { name: NAME, type, arguments: new Map() };
    this.parameters.set(NAME, parameter);
    this.section = { parameter };
  }

  private openMode(fields: Record<string, string>): void {
    const { ID, NAME } = parseHeader(modeHeader, fields, 'POWER_MODEL');
    const id = Number(ID);
    const twin = this.modes.find((mode) => mode.id === id || mode.name === NAME);
    if (twin !== undefined) {
      throw new Error(`mode ${id} ${NAME} has the number or the name of an earlier mode (${twin.id} ${twin.name})`);
    }
    const mode: OpenMode = { id, name: NAME, values: [] };
    this.modes.push(mode);
    this.section = { mode };
  }

  private readDefault(fields: Record<string, string>, line: number): void {
    this.section = 'elsewhere';
    const parsed = defaultHeader.safeParse(fields);
    if (parsed.success) this.defaultMode = { text: parsed.data.DEFAULT, line };
    else this.remarks.push(`line ${line}: PM_CONFIG names no default mode`);
  }

  private readArgument(parameter: OpenParameter, words: readonly string[]): void {
    const expected = parameter.type === 'HWMON' ? 3 : 2;
    const [name = '', path = '', hwmonFile = null] = words;
    if (parameter.type !== 'other' && words.length !== expected) {
      const form = parameter.type === 'HWMON' ? 'ARGUMENT FOLDER FILE' : 'ARGUMENT PATH';
      throw new Error(`${quoted(words.join(' '))} of parameter ${parameter.name} is not of the form ${form}`);
    }
    if (!path.startsWith('/'))
      throw new Error(`${quoted(path)} of parameter ${parameter.name} is not an absolute path`);
    const isNext = name.endsWith(nextKernelSuffix);
    const base = isNext ? name.slice(0, -nextKernelSuffix.length) : name;
    const known = parameter.arguments.get(base);
    if (known === undefined) parameter.arguments.set(base, { paths: [path], hwmonFile });
    else if (isNext) known.paths.push(path);
    else known.paths.unshift(path);
  }

  private readValue(mode: OpenMode, words: readonly string[], line: number): void {
    const [parameter = '', argument = '', value = ''] = words;
    if (words.length !== 3) {
      throw new Error(`${quoted(words.join(' '))} in mode ${mode.name} is not of the form PARAMETER ARGUMENT VALUE`);
    }
    mode.values.push({ parameter, argument, value, line });
  }

  /** @param fail turns a line and a problem into the error to throw */
  close(fail: (line: number | null, problem: string) => EcomapError): NvpmodelConf {
    if (this.modes.length === 0) throw fail(null, 'it holds no POWER_MODEL section');
    // Sections may come in any order, so what modes refer to is checked at the end.
    for (const mode of this.modes) {
      for (const { parameter, argument, line } of mode.values) {
        if (this.parameters.get(parameter)?.arguments.has(argument) !== true)
          throw fail(line, `mode ${mode.name} sets ${parameter} ${argument}, which no PARAM section defines`);
      }
    }
    return {
      parameters: [...this.parameters.values()].map(({ name, type, arguments: args }) => ({
        name,
        type,
        arguments: [...args].map(([argument, places]) => ({ name: argument, ...places })),
      })),
      modes: this.modes.map(({ id, name, values }) => ({
        id,
        name,
        values: values.map(({ parameter, argument, value }) => ({ parameter, argument, value })),
      })),
      defaultMode: this.resolveDefault(),
      defaultFanMode: this.defaultFanMode,
      remarks: this.remarks,
    };
  }

  private resolveDefault(): string | null {
    if (this.defaultMode === null) {
      this.remarks.push('no default mode is given (PM_CONFIG)');
      return null;
    }
    const { text, line } = this.defaultMode;
    const mode = this.modes.find(({ id, name }) => (/^\d+$/.test(text) ? id === Number(text) : name === text));
    if (mode === undefined) this.remarks.push(`line ${line}: the default mode ${quoted(text)} is none of the modes`);
    return mode?.name ?? null;
  }
}

function parseHeader<T>(schema: z.ZodType<T>, fields: Record<string, string>, kind: string): T {
  const result = schema.safeParse(fields);
  if (result.success) return result.data;
  throw new Error(`section ${kind} is not valid: ${describeIssues(result.error)}`);
}

/**
 * Parses an `nvpmodel.conf`: PARAM sections say what can be set and where, POWER_MODEL sections what each mode sets.
 *
 * @param source the file's path, for messages
 * @throws EcomapError INVALID_CONFIG with the line where the text is not one that nvpmodel takes
 */
export function parseNvpmodelConf(text: string, source: string): NvpmodelConf {
  const fail = (line: number | null, problem: string): EcomapError =>
    new EcomapError(
      'INVALID_CONFIG',
      `${source}${line === null ? '' : `, line ${line}`}: ${problem}. Its modes cannot be used until the file is put right.`,
    );
  const reader = new ConfReader();
  text.split(/\r?\n|\r/).forEach((whole, index) => {
    const line = whole.replace(/#.*/, '').trim();
    if (line === '') return;
    try {
      reader.readLine(line, index + 1);
    } catch (error) {
      throw fail(index + 1, messageOf(error));
    }
  });
  return reader.close(fail);
}
