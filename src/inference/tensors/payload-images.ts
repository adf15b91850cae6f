import type { Tensor } from '../../signals/tensor';
import { channelCount, type ImageDeclaration } from '../../signals/image';
import { describePayload, mismatch, typedArrayKind } from './payload-description';
import { describeTensor, type TensorSpec } from './tensors';

/** Larger files are refused unseen: a photograph of 50 million pixels has 10 to 30 MB. */
const mostFileBytes = 64 * 1024 * 1024;

/** What a host decodes, by the first bytes of the file: other formats (SVG, PDF) are programs rather than pictures. */
const signatures: readonly (readonly [format: string, pattern: RegExp])[] = [
  ['JPEG', /^\xff\xd8\xff/],
  ['PNG', /^\x89PNG\r\n/],
  ['GIF', /^GIF8[79]a/],
  ['WebP', /^RIFF[^]{4}WEBP/],
  ['TIFF', /^(?:II\*\0|MM\0\*)/],
  ['AVIF', /^[^]{4}ftypavi[fs]/],
];
export const imageFormats = signatures.map(([format]) => format).join(', ');

/** "JPEG" and so on by the first bytes, or null. */
export function imageFormat(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString('latin1');
  return signatures.find(([, pattern]) => pattern.test(head))?.[0] ?? null;
}

/** The shape that an image takes on: the model's, with 1 where it leaves the batch dimension open. */
export function imageDims(spec: TensorSpec, { width, height, layout, ...rest }: ImageDeclaration): number[] {
  const channels = channelCount(rest);
  const dims = layout === 'nchw' ? [channels, height, width] : [height, width, channels];
  if (spec.dims.length === 4) dims.unshift(1);
  if (spec.dims.length === 2 && channels === 1) return [height, width];
  return dims;
}

/**
 * The bytes of an image, with what the host has to make of them; null for anything that is no bytes.
 * @throws EcomapError INPUT_MISMATCH for bytes that are neither an image nor as many raw pixels as declared
 */
export function encodeImage(value: unknown, spec: TensorSpec, declaration: ImageDeclaration): Tensor | null {
  const kind = typedArrayKind(value);
  if (!ArrayBuffer.isView(value) || (kind !== 'Uint8Array' && kind !== 'Uint8ClampedArray')) return null;
  const shared = value.buffer instanceof SharedArrayBuffer;
  const view = new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
  const data = shared ? view.slice() : view;
  const { width, height } = declaration;
  const channels = channelCount(declaration);
  const isFile = imageFormat(data) !== null;
  if (!isFile && data.length !== width * height * channels) {
    throw mismatch(
      `Expected an image (${imageFormats}) or ${width * height * channels} bytes of pixels ` +
        `(${width} x ${height} x ${channels}) for ${describeTensor(spec.type, spec.dims)}. ` +
        `Got ${describePayload(value)}, which is neither.`,
    );
  }
  if (data.length > mostFileBytes) {
    throw mismatch(`Expected an image of at most ${mostFileBytes / 1024 / 1024} MB. Got ${describePayload(value)}.`);
  }
  const image = {
    declaration,
    form: isFile ? ('file' as const) : ('pixels' as const),
  };
  return { type: spec.type, dims: imageDims(spec, declaration), data, image };
}
