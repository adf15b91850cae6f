import { EcomapError } from '../../src/signals/errors';
import { channelCount, type ImageDeclaration } from '../../src/signals/image';
import type { TenantConfig } from './config';

type Size = Pick<ImageDeclaration, 'width' | 'height'>;
type Form = Readonly<Pick<TenantConfig, `image${string}` & keyof TenantConfig>>;

/** A shape read as that of an image, or null where it is none: batch, channels, height, width in one order or the other. */
function readShape(dims: readonly number[] | null, layout: Form['imageLayout']) {
  if (dims?.length !== 4) return null;
  const [, second = 0, third = 0, fourth = 0] = dims;
  const few = (channels: number): boolean => channels === 1 || channels === 3;
  const last = layout === 'auto' ? !few(second) && few(fourth) : layout === 'nhwc';
  return last
    ? { layout: 'nhwc' as const, channels: fourth, height: second, width: third }
    : { layout: 'nchw' as const, channels: second, height: third, width: fourth };
}

/**
 * How the images of a tenant become its input: what the form leaves open comes from the shape of the input, where that is known.
 * @param dims shape of the input with its batch dimension, or null
 * @throws EcomapError INVALID_CONFIG where the size stays open, or contradicts the shape
 */
export function imageOf(form: Form, dims: readonly number[] | null): ImageDeclaration {
  const shape = readShape(dims, form.imageLayout);
  const width = form.imageWidth ?? shape?.width ?? null;
  const height = form.imageHeight ?? shape?.height ?? null;
  if (width === null || height === null) {
    throw new EcomapError(
      'INVALID_CONFIG',
      'The size of the images is not known: enter their width and height, or an input shape such as 1, 3, 224, 224.',
    );
  }
  const channels =
    form.imageChannels === 'auto' ? (shape?.channels === 1 ? ('grey' as const) : ('rgb' as const)) : form.imageChannels;
  refuseContradiction({ width, height }, channelCount({ channels }), dims, shape);
  return {
    width,
    height,
    channels,
    layout: form.imageLayout === 'auto' ? (shape?.layout ?? 'nchw') : form.imageLayout,
    fit: form.imageFit,
    scale: form.imageScale,
    mean: [...form.imageMean],
    deviation: [...form.imageDeviation],
  };
}

function refuseContradiction(
  { width, height }: Size,
  channels: number,
  dims: readonly number[] | null,
  shape: ReturnType<typeof readShape>,
): void {
  if (dims === null) return;
  const fits = shape?.width === width && shape.height === height && shape.channels === channels;
  if (fits) return;
  throw new EcomapError(
    'INVALID_CONFIG',
    `Images of ${width} x ${height} with ${channels} channel${channels === 1 ? '' : 's'} do not make an input of shape ` +
      `[${dims.join(', ')}]: correct one of them, or leave size and channels empty.`,
  );
}
