import { createRequire } from 'node:module';
import type * as SharpModule from 'sharp';
import { EcomapError, messageOf } from '../../signals/errors';
import { channelCount, type ImageDeclaration } from '../../signals/tenant';

type Sharp = typeof SharpModule.default;

/** A picture of more pixels than this is refused before it is decoded: a small file may claim to be a huge one. */
const mostPixels = 64 * 1024 * 1024;
/** Shorter than what a host may take to answer before it counts as hanging. */
const mostSeconds = 8;
/** The loaders of libvips for the formats that are let in (see payload-images.ts); all others are switched off. */
const loaders = ['Jpeg', 'Png', 'Nsgif', 'Webp', 'Tiff', 'Heif'].map((format) => `VipsForeignLoad${format}Buffer`);

const fits = { stretch: 'fill', cover: 'cover', contain: 'contain' } as const;

let sharp: Sharp | null = null;

/**
 * The image library, loaded on first use. This file is the only one that does so and runs in inference hosts alone. Its
 * threads are as many as the component has, and inherit the cores of the process.
 * @throws EcomapError RUNTIME_UNAVAILABLE with the one line that mends it
 */
export function loadSharp(threads: number, load: (name: string) => unknown = createRequire(__filename)): Sharp {
  if (sharp !== null) return sharp;
  try {
    const loaded = load('sharp') as Sharp;
    loaded.concurrency(threads);
    loaded.cache(false);
    loaded.block({ operation: ['VipsForeignLoad'] });
    loaded.unblock({ operation: loaders });
    sharp = loaded;
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
 * The pixels of an image file in the declared size: by rows, red, green and blue together (or grey alone), 0..255 in sRGB.
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
  const library = loadSharp(threads);
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
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return withChannels(data, info.channels, channels);
  } catch (error) {
    throw new EcomapError('INPUT_MISMATCH', `The image cannot be decoded: ${inWords(error)}`, { cause: error });
  }
}

/** Of pixels with other channels: grey is repeated, what comes after the wanted ones is left out. */
function withChannels(pixels: Uint8Array, given: number, wanted: number): Uint8Array {
  if (given === wanted) return pixels;
  const result = new Uint8Array((pixels.length / given) * wanted);
  for (let index = 0; index < result.length; index += 1) {
    const channel = given < wanted ? 0 : index % wanted;
    result[index] = pixels[Math.floor(index / wanted) * given + channel] ?? 0;
  }
  return result;
}

function inWords(error: unknown): string {
  const text = messageOf(error).trim().split('\n')[0] ?? '';
  if (text.includes('pixel limit')) {
    return `it has more than ${mostPixels / 1024 / 1024} million pixels. Send a smaller one.`;
  }
  if (text.includes('imeout')) return `it took longer than ${mostSeconds} s. Send a smaller one.`;
  return `it is damaged or incomplete (${text.slice(0, 200)}). Look at where it comes from.`;
}
