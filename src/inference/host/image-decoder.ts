import { createRequire } from 'node:module';
import type * as SharpModule from 'sharp';
import { EcomapError, messageOf } from '../../signals/errors';
import { channelCount, type ImageDeclaration } from '../../signals/image';

type Sharp = typeof SharpModule.default;

/** A picture of more pixels than this is refused before it is decoded: a small file may claim to be a huge one. */
const mostPixels = 100_000_000;
/** Shorter than what a host may take to answer before it counts as hanging. */
const mostSeconds = 8;
/** The loaders of libvips for the formats that are let in (see payload-images.ts); all others are switched off. */
const loaders = ['Jpeg', 'Png', 'Nsgif', 'Webp', 'Tiff', 'Heif'].map((format) => `VipsForeignLoad${format}Buffer`);

const fits = { stretch: 'fill', cover: 'cover', contain: 'contain' } as const;

let sharp: Sharp | null = null;

/**
 * The image library, set up for a host; loaded when the first image comes. This file is the only one that does so and runs in inference hosts alone. Its
 * threads are as many as the component has, and inherit the cores of the process.
 * @throws EcomapError RUNTIME_UNAVAILABLE with the one line that mends it
 */
export function loadSharp(threads: number, load: (name: string) => unknown = createRequire(__filename)): Sharp {
  try {
    const loaded = load('sharp') as Sharp;
    loaded.concurrency(threads);
    loaded.cache(false);
    loaded.block({ operation: ['VipsForeignLoad'] });
    loaded.unblock({ operation: loaders });
    return loaded;
  } catch (error) {
    const missing =
      error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND'
        ? 'is not installed'
        : `does not load here (${messageOf(error).trim().split('\n')[0]})`;
    throw new EcomapError(
      'RUNTIME_UNAVAILABLE',
      `The package sharp, which decodes images, ${missing}. In the Node-RED user directory run \`npm install sharp\`, ` +
        'then restart Node-RED; or declare no image for the tenant and send pixels as numbers.',
      { cause: error },
    );
  }
}

/**
 * The pixels of an image file in the declared size: by rows, red, green and blue together (or luma alone), 0..255 in sRGB.
 * Upright as its EXIF orientation says, the first frame of several, transparency over black, made smaller or larger with
 * the Lanczos kernel.
 * @throws EcomapError RUNTIME_UNAVAILABLE without the image library, INPUT_MISMATCH when the file is broken or too large
 */
export async function decodeImage(
  file: Uint8Array,
  declaration: ImageDeclaration,
  threads: number,
): Promise<Uint8Array> {
  const { width, height, fit } = declaration;
  const channels = channelCount(declaration);
  const library = (sharp ??= loadSharp(threads));
  try {
    const { data, info } = await library(file, {
      limitInputPixels: mostPixels,
      failOn: 'error',
      autoOrient: true,
      sequentialRead: true,
    })
      .timeout({ seconds: mostSeconds })
      .flatten({ background: '#000' })
      .resize(width, height, { fit: fits[fit], background: '#000' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return channels === 1 ? greyOf(data, info.channels) : colourOf(data, info.channels);
  } catch (error) {
    throw new EcomapError('INPUT_MISMATCH', `The image cannot be decoded: ${inWords(error)}`, { cause: error });
  }
}

/** Red, green and blue of pixels with so many channels each: a grey one has all three alike. */
function colourOf(pixels: Uint8Array, given: number): Uint8Array {
  if (given === 3) return pixels;
  const result = new Uint8Array((pixels.length / given) * 3);
  for (let index = 0; index < result.length; index += 1) {
    const channel = given < 3 ? 0 : index % 3;
    result[index] = pixels[Math.floor(index / 3) * given + channel] ?? 0;
  }
  return result;
}

/** Luma as ITU-R BT.601 weighs it, which is what image libraries for training do; libvips would weigh linear light. */
function greyOf(pixels: Uint8Array, given: number): Uint8Array {
  const colours = colourOf(pixels, given);
  const result = new Uint8Array(colours.length / 3);
  for (let index = 0; index < result.length; index += 1) {
    const [red = 0, green = 0, blue = 0] = [colours[3 * index], colours[3 * index + 1], colours[3 * index + 2]];
    result[index] = Math.round((299 * red + 587 * green + 114 * blue) / 1000);
  }
  return result;
}

function inWords(error: unknown): string {
  const text = messageOf(error).trim().split('\n')[0] ?? '';
  if (text.includes('pixel limit')) {
    return `it has more than ${mostPixels / 1e6} million pixels. Send a smaller one.`;
  }
  if (text.includes('imeout')) return `it took longer than ${mostSeconds} s. Send a smaller one.`;
  return `it is damaged or incomplete (${text.slice(0, 200)}). Look at where it comes from.`;
}
