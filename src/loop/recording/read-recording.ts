import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { EcomapError, messageOf } from '../../signals/errors';
import { describeIssues } from '../../signals/parse';
import { recordedEventSchema, type EventOf, type RecordedEvent } from './events';
import { recordingFormat, recordingHeaderSchema, recordingVersion, type RecordingHeader } from './header';

/** One step of the loop with what came in and what was decided, in order. */
export interface RecordedStep {
  readonly begin: EventOf<'step'>;
  readonly events: readonly RecordedEvent[];
}

export interface Recording {
  readonly header: RecordingHeader;
  readonly steps: readonly RecordedStep[];
  /** What is missing of the file, for people. */
  readonly warnings: readonly string[];
}

/** A line as JSON; undefined where it is none. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;

/**
 * A recording from its file. Fields that are not known are ignored, so are lines of an unknown kind; a last line that was cut off is
 * left out, and with it the step that it belongs to.
 * @throws EcomapError RECORDING_INVALID for a file that is missing, empty, no recording, damaged, or contradicts itself about its device;
 * RECORDING_TOO_NEW for one of a later version
 */
export async function readRecording(path: string): Promise<Recording> {
  const reader = new RecordingReader(path);
  // The last line may be cut off, so each waits for the next one.
  let before: string | null = null;
  for await (const line of linesOf(path)) {
    if (before !== null) reader.take(before, false);
    before = line;
  }
  if (before !== null) reader.take(before, true);
  return reader.recording();
}

async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    for await (const line of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity }))
      if (line.trim() !== '') yield line;
  } catch (error) {
    throw new EcomapError('RECORDING_INVALID', `The recording ${path} cannot be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

class RecordingReader {
  private header: RecordingHeader | null = null;
  private readonly steps: { begin: EventOf<'step'>; events: RecordedEvent[] }[] = [];
  private readonly warnings: string[] = [];
  private lines = 0;
  private unknownKinds = 0;
  private isComplete = false;

  constructor(private readonly path: string) {}

  take(line: string, isLast: boolean): void {
    this.lines += 1;
    const lineNumber = this.lines;
    const value = jsonOf(line);
    if (this.header === null) {
      this.header = this.headerOf(value);
      return;
    }
    if (value === undefined) {
      if (!isLast) throw this.invalid(`line ${lineNumber} is no JSON`);
      this.warnings.push(`The last line, ${lineNumber}, was cut off while it was written: it is left out.`);
      return;
    }
    const kind = fieldOf(value, 'kind');
    if (typeof kind === 'string' && !knownKinds.has(kind)) {
      this.unknownKinds += 1;
      return;
    }
    this.add(this.parsed(recordedEventSchema, value, `line ${lineNumber}`), lineNumber);
  }

  /** @throws EcomapError RECORDING_INVALID when there was no header, or no step */
  recording(): Recording {
    const { header, steps, warnings, path } = this;
    if (header === null) throw this.invalid('it is empty');
    if (this.unknownKinds > 0) warnings.push(`${this.unknownKinds} lines of an unknown kind are ignored.`);
    if (!this.isComplete) {
      const cutOff = steps.pop();
      const which = cutOff === undefined ? '' : `, and its last step (${cutOff.begin.time}) is left out`;
      warnings.push(`The recording was not closed: it ends early${which}.`);
    }
    if (steps.length === 0) throw new EcomapError('RECORDING_INVALID', `The recording ${path} holds no whole step.`);
    return { header, steps, warnings };
  }

  private add(event: RecordedEvent, lineNumber: number): void {
    if (event.kind === 'end') {
      this.isComplete = true;
      return;
    }
    if (event.kind === 'step') {
      this.steps.push({ begin: event, events: [] });
      return;
    }
    if (event.kind === 'applied') this.checkPoint(event, lineNumber);
    const step = this.steps.at(-1);
    if (step === undefined) throw this.invalid(`line ${lineNumber} comes before the first step`);
    step.events.push(event);
  }

  private headerOf(value: unknown): RecordingHeader {
    if (fieldOf(value, 'format') !== recordingFormat)
      throw this.invalid(`its first line is no header of format "${recordingFormat}"`);
    const version = fieldOf(value, 'schemaVersion');
    if (typeof version === 'number' && version > recordingVersion) {
      throw new EcomapError(
        'RECORDING_TOO_NEW',
        `The recording ${this.path} was made by a newer version of this package (layout ${version}, this one reads up to ` +
          `${recordingVersion}): update the package to replay it.`,
      );
    }
    const header = this.parsed(recordingHeaderSchema, value, 'the header');
    this.checkDevice(header);
    return header;
  }

  /** Profiles tell for which device they were measured. */
  private checkDevice({ device, knowledge }: RecordingHeader): void {
    for (const { tenant, variant, profiles } of knowledge) {
      const foreign = profiles.find(
        ({ deviceFingerprint, imported }) => imported === undefined && deviceFingerprint !== device.fingerprint,
      );
      if (foreign === undefined) continue;
      const whose = `was measured on another device (${foreign.deviceFingerprint}) than the recorded one`;
      throw this.invalid(`the profile of ${tenant} ${variant} ${whose} (${device.label}, ${device.fingerprint})`);
    }
  }

  /** What a device answers can only be a state of its own components. */
  private checkPoint({ operatingPoint }: EventOf<'applied'>, lineNumber: number): void {
    const known = this.header?.device.components.map(({ name }) => name) ?? [];
    const foreign = Object.keys(operatingPoint.activeW).find((name) => !known.includes(name));
    if (foreign === undefined) return;
    throw this.invalid(`line ${lineNumber} is of another device: it has no component ${foreign}`);
  }

  private parsed<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    throw this.invalid(`${what}: ${describeIssues(result.error)}`);
  }

  private invalid(why: string): EcomapError {
    return new EcomapError('RECORDING_INVALID', `${this.path} cannot be replayed: ${why}.`);
  }
}

const knownKinds = new Set<string>(recordedEventSchema.options.map((option) => option.shape.kind.value));
