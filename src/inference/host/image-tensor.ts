import type { ImageEncoding, NumericData } from '../../signals/tensor';
import { channelCount } from '../../signals/image';
import { toFloat16 } from '../tensors/float16';
import { integerRange } from '../tensors/payload-numbers';
import { emptyData, type NumericType } from '../tensors/tensors';

/**
 * Writes pixels (by rows, channels together, 0..255) into the memory of a tensor, in the declared layout and normalised:
 * `(pixel * scale - mean[channel]) / deviation[channel]`. Integer types take the nearest value in their range.
 */
export function pixelsToTensor(
  pixels: Uint8Array,
  encoding: ImageEncoding,
  type: NumericType,
  target: NumericData,
): void {
  const { declaration, form } = encoding;
  const channels = channelCount(declaration);
  const area = declaration.width * declaration.height;
  // A file decodes to red, green, blue; raw pixels come in the declared order already.
  const isReversed = declaration.channels === 'bgr' && form === 'file';
  // One of the kinds of typed array without big integers: a tenant's declaration is compared with the model.
  const values = target as Float32Array;
  for (let channel = 0; channel < channels; channel += 1) {
    const table = valueOfPixel(encoding, type, channel);
    const from = isReversed ? channels - 1 - channel : channel;
    const isPlanar = declaration.layout === 'nchw';
    const start = isPlanar ? channel * area : channel;
    const step = isPlanar ? 1 : channels;
    for (let index = 0; index < area; index += 1) {
      values[start + index * step] = table[pixels[index * channels + from] ?? 0] ?? 0;
    }
  }
}

/** The value of each of the 256 pixels, in the type of the tensor (halves as bits). */
function valueOfPixel({ declaration }: ImageEncoding, type: NumericType, channel: number): Float32Array {
  const { scale, mean, deviation } = declaration;
  const range = integerRange[type];
  const table = emptyData(type, 256) as Float32Array;
  for (let pixel = 0; pixel < 256; pixel += 1) {
    const value = (pixel * scale - (mean[channel] ?? mean[0] ?? 0)) / (deviation[channel] ?? deviation[0] ?? 1);
    if (range !== undefined) table[pixel] = Math.min(range[1], Math.max(range[0], Math.round(value)));
    else table[pixel] = type === 'float16' ? toFloat16(value) : value;
  }
  return table;
}
