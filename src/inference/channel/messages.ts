import type { HostCommand, HostMessage } from '../host/protocol';
import { ByteReader, ByteWriter } from './bytes';
import { frameHeaderBytes } from './frame-splitter';
import { rareCommandSchema, rareMessageSchema } from './rare-messages';
import { readFrames, writeFrames } from './tensor-frames';

type RunCommand = Extract<HostCommand, { kind: 'run' }>;
type RunReply = Extract<HostMessage, { of: 'run' }>;

/** The first byte of a frame: what comes thousands of times per second is laid out by hand, the rest is JSON. */
const isRun = 1;
const isRare = 2;

const refuseNonFinite = 1;
const handOver = 2;

/** Turns commands and answers into frames, one at a time. */
export class MessageEncoder {
  readonly #writer = new ByteWriter();

  /**
   * The frame of a command, with its header. Valid until the next one.
   * @throws ZodError when there is something in the command that cannot be sent
   */
  command(command: HostCommand): Buffer {
    return this.#frame((writer) => {
      if (command.kind === 'run') writeRun(writer, command);
      else writeRare(writer, rareCommandSchema.parse(command));
    });
  }

  /** The frame of what a host says, with its header. Valid until the next one. */
  message(message: HostMessage): Buffer {
    return this.#frame((writer) => {
      if (message.kind === 'answer' && message.of === 'run') writeRunReply(writer, message);
      else writeRare(writer, message);
    });
  }

  #frame(write: (writer: ByteWriter) => void): Buffer {
    const writer = this.#writer;
    writer.reset();
    writer.uint32(0);
    write(writer);
    const { written } = writer;
    writer.setUint32(0, written.length - frameHeaderBytes);
    return written;
  }
}

/** A frame without its header as a command. @throws Error, of several kinds, when it is none */
export function decodeCommand(frame: Buffer): HostCommand {
  const reader = new ByteReader(frame);
  return whole(reader, reader.uint8() === isRun ? readRun(reader) : rareCommandSchema.parse(readRare(reader)));
}

/** A frame without its header as what a host says. @throws Error, of several kinds, when it is nothing of the kind */
export function decodeMessage(frame: Buffer): HostMessage {
  const reader = new ByteReader(frame);
  return whole(reader, reader.uint8() === isRun ? readRunReply(reader) : rareMessageSchema.parse(readRare(reader)));
}

function whole<T>(reader: ByteReader, message: T): T {
  if (reader.left > 0) throw new RangeError(`${reader.left} bytes too many`);
  return message;
}

function writeRun(writer: ByteWriter, command: RunCommand): void {
  writer.uint8(isRun);
  writer.uint32(command.id);
  writer.uint32(command.model);
  writer.uint32(command.slot);
  writer.uint8((command.refuseNonFinite ? refuseNonFinite : 0) | (command.handOver ? handOver : 0));
  writer.float64(command.outputFrom ?? 0);
  writeFrames(writer, command.requests);
}

function readRun(reader: ByteReader): RunCommand {
  const [id, model, slot, flags] = [reader.uint32(), reader.uint32(), reader.uint32(), reader.uint8()];
  return {
    kind: 'run',
    id,
    model,
    slot,
    refuseNonFinite: (flags & refuseNonFinite) !== 0,
    handOver: (flags & handOver) !== 0,
    outputFrom: reader.float64(),
    requests: readFrames(reader),
  };
}

function writeRunReply(writer: ByteWriter, { id, value, usage }: RunReply): void {
  writer.uint8(isRun);
  writer.uint32(id);
  writer.float64(usage.cpuSeconds);
  writer.float64(usage.rssBytes);
  writer.float64(value.runMs);
  writer.float64(value.decodeMs);
  writer.float64(value.cpuMs);
  writeFrames(
    writer,
    value.results.map(({ outputs }) => outputs),
  );
  for (const { nonFiniteInput } of value.results) writer.uint8(nonFiniteInput ? 1 : 0);
}

function readRunReply(reader: ByteReader): RunReply {
  const id = reader.uint32();
  const usage = { cpuSeconds: reader.float64(), rssBytes: reader.float64() };
  const times = { runMs: reader.float64(), decodeMs: reader.float64(), cpuMs: reader.float64() };
  const results = readFrames(reader).map((outputs) => ({ outputs, nonFiniteInput: reader.uint8() !== 0 }));
  return { kind: 'answer', of: 'run', id, value: { results, ...times }, usage };
}

function writeRare(writer: ByteWriter, message: object): void {
  writer.uint8(isRare);
  writer.text(JSON.stringify(message));
}

function readRare(reader: ByteReader): unknown {
  return JSON.parse(reader.text());
}
