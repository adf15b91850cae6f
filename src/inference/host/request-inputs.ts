import { EcomapError } from '../../signals/errors';
import type { NumericData, Tensor } from '../../signals/tensor';
import type { SlotFile } from '../shared-memory/slot-file';
import { bytesOf, elementCount, isTexts, type NamedTensors, type NumericType } from '../tensors/tensors';
import { decodeImage } from './image-decoder';
import { pixelsToTensor } from './image-tensor';
import { InputMemory } from './input-memory';
import { firstNonFinite, nonFiniteRefused } from './non-finite';
import type { TensorFrame } from './protocol';

/** The inputs of one run, ready for the model. */
export interface RunInputs {
  /** Of all requests together, joined along axis 0. Valid until the next inputs are read. */
  readonly joined: NamedTensors;
  /** How many rows each request has there. */
  readonly rows: readonly number[];
  /** Of each request: whether its input holds NaN or infinity. */
  readonly nonFinite: readonly boolean[];
  /** Wall time of making images into tensors; 0 without images. */
  readonly decodeMs: number;
  /** CPU time of all threads meanwhile. */
  readonly decodeCpuMs: number;
}

type Frames = readonly TensorFrame[];

/** The files of a run: what was sent, and what earlier stages of the model have computed of it. */
export interface RunSlots {
  readonly input: SlotFile;
  readonly output: SlotFile;
}

function fileOf({ isComputed }: TensorFrame, slots: RunSlots): SlotFile {
  return isComputed ? slots.output : slots.input;
}

/** Sees the numbers of each part of an input. */
type Look = (part: Tensor, index: number) => void;

/** Reads the inputs of the requests of a run out of their slot and the message, and decodes images. */
export class RequestInputs {
  private readonly memory = new InputMemory();

  constructor(private readonly threads: number) {}

  /**
   * @throws EcomapError INPUT_MISMATCH when the requests do not fit together, hold NaN or infinity where that is refused, or
   * an image is broken; RUNTIME_UNAVAILABLE when an image comes and the image library is missing
   */
  async read(requests: readonly Frames[], slots: RunSlots, refuseNonFinite: boolean): Promise<RunInputs> {
    const [first] = requests;
    if (first === undefined) throw new EcomapError('INTERNAL_ERROR', 'A run without a request.');
    const hasImages = requests.some((frames) => frames.some((frame) => frame.image !== undefined));
    const cpuBefore = hasImages ? process.cpuUsage() : null;
    const started = performance.now();
    const nonFinite = requests.map(() => false);
    const joined: [string, Tensor][] = [];
    for (const [position, { name }] of first.entries()) {
      const parts = partsOf(name, requests);
      const look = (part: Tensor, index: number) => {
        // Infinity inside a model is its own affair: attention masks are made of it.
        if (parts[index]?.isComputed) return;
        const found = firstNonFinite(part);
        if (found !== null && refuseNonFinite) throw nonFiniteRefused(name, found);
        if (found !== null) nonFinite[index] = true;
      };
      // Numbers, which most inputs are, are there without a pause.
      const needsTime = parts[0]?.type === 'string' || parts.some(({ image }) => image !== undefined);
      const tensor = needsTime
        ? await this.decode(parts, position, slots, look)
        : this.join(parts, position, slots, look);
      joined.push([name, tensor]);
    }
    const cpu = cpuBefore === null ? null : process.cpuUsage(cpuBefore);
    return {
      joined: Object.fromEntries(joined),
      rows: requests.map((frames) => rowsOf(frames[0])),
      nonFinite,
      decodeMs: cpu === null ? 0 : performance.now() - started,
      decodeCpuMs: cpu === null ? 0 : (cpu.user + cpu.system) / 1000,
    };
  }

  /** The parts of one input of numbers as one tensor: each is read to where it belongs. */
  private join(parts: Frames, position: number, slots: RunSlots, look: Look): Tensor {
    const like = firstOf(parts);
    const dims = joinedDims(parts);
    if (parts.length === 1 && like.data !== undefined) {
      const tensor = { type: like.type, dims, data: like.data };
      look(tensor, 0);
      return tensor;
    }
    const type = numericTypeOf(like);
    const data = this.memory.take(position, type, elementCount(dims));
    for (const { frame, part, index } of places(parts, data)) readNumbers(frame, part, index, slots, look);
    return { type, dims, data };
  }

  /** The same for texts, and where there are images among the parts. */
  private async decode(parts: Frames, position: number, slots: RunSlots, look: Look): Promise<Tensor> {
    const like = firstOf(parts);
    const dims = joinedDims(parts);
    if (like.type === 'string') return { type: 'string', dims, data: await readTexts(parts, slots) };
    const type = numericTypeOf(like);
    const data = this.memory.take(position, type, elementCount(dims));
    for (const { frame, part, index } of places(parts, data)) {
      if (frame.image === undefined) readNumbers(frame, part, index, slots, look);
      else await this.readImage(frame, slots.input, type, part);
    }
    return { type, dims, data };
  }

  private async readImage(frame: TensorFrame, slot: SlotFile, type: NumericType, target: NumericData): Promise<void> {
    const { name, image, data = await slot.readBytes(frame) } = frame;
    if (image === undefined || !(data instanceof Uint8Array)) {
      throw new EcomapError('INTERNAL_ERROR', `The image for the input "${name}" did not arrive as bytes.`);
    }
    const pixels = image.form === 'file' ? await decodeImage(data, image.declaration, this.threads) : data;
    pixelsToTensor(pixels, image, type, target);
  }
}

function firstOf(parts: Frames): TensorFrame {
  const [first] = parts;
  if (first === undefined) throw new EcomapError('INTERNAL_ERROR', 'An input without a request.');
  return first;
}

function numericTypeOf({ type, name }: TensorFrame): NumericType {
  if (type === 'string') throw new EcomapError('INTERNAL_ERROR', `The texts of "${name}" are no numbers.`);
  return type;
}

/** Where in the joined tensor each part belongs. */
function places(parts: Frames, data: NumericData): { frame: TensorFrame; part: NumericData; index: number }[] {
  let end = 0;
  return parts.map((frame, index) => {
    const start = end;
    end += elementCount(frame.dims);
    return { frame, part: data.subarray(start, end), index };
  });
}

function readNumbers(frame: TensorFrame, part: NumericData, index: number, slots: RunSlots, look: Look): void {
  if (frame.data === undefined) fileOf(frame, slots).readNow(bytesOf(part), frame.offset ?? 0);
  // Of the same kind: the types have been compared.
  else (part as Float32Array).set(frame.data as Float32Array);
  look({ type: frame.type, dims: frame.dims, data: part }, index);
}

function rowsOf(frame: TensorFrame | undefined): number {
  return frame?.dims[0] ?? 1;
}

/** One input of every request. @throws EcomapError INPUT_MISMATCH when they differ in name, type or any axis but the first */
function partsOf(name: string, requests: readonly Frames[]): Frames {
  const parts = requests.flatMap((frames) => frames.filter((frame) => frame.name === name));
  const like = parts[0];
  const fits = parts.every((part) => {
    const { type, dims } = part;
    return (
      type === like?.type &&
      dims.length === like.dims.length &&
      dims.every((dim, axis) => axis === 0 || dim === like.dims[axis])
    );
  });
  if (fits && parts.length === requests.length) return parts;
  throw new EcomapError('INPUT_MISMATCH', `The inputs "${name}" of one batch differ in type or shape.`);
}

function joinedDims(parts: Frames): readonly number[] {
  const dims = parts[0]?.dims ?? [];
  return parts.length === 1 ? dims : [parts.reduce((sum, part) => sum + rowsOf(part), 0), ...dims.slice(1)];
}

async function readTexts(parts: Frames, slots: RunSlots): Promise<string[]> {
  const texts: string[] = [];
  for (const part of parts) {
    const { data } = (await fileOf(part, slots).read([part]))[part.name] ?? {};
    if (data !== undefined && isTexts(data)) for (const text of data) texts.push(text);
  }
  return texts;
}
