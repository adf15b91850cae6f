import { z } from 'zod';

/**
 * How an image becomes the input tensor: a JPEG, PNG, WebP, GIF, TIFF or AVIF file in a Buffer, or raw pixels of exactly
 * width x height x channels bytes, by rows, with the channels of a pixel together in the declared order.
 */
export const imageDeclarationSchema = z
  .object({
    width: z.number().int().positive().max(16_384),
    height: z.number().int().positive().max(16_384),
    channels: z.enum(['rgb', 'bgr', 'grey']).default('rgb'),
    layout: z.enum(['nchw', 'nhwc']).default('nchw'),
    /** How another aspect ratio is made to fit: distorted, cut at the edges, or padded with black. */
    fit: z.enum(['stretch', 'cover', 'contain']).default('stretch'),
    /** A pixel of 0..255 becomes `(pixel * scale - mean[channel]) / deviation[channel]`; one number serves all channels. */
    scale: z
      .number()
      .positive()
      .default(1 / 255),
    /** In the declared order of the channels. */
    mean: z.array(z.number()).default([0]),
    deviation: z.array(z.number().positive()).default([1]),
  })
  .superRefine((image, context) => {
    const channels = channelCount(image);
    for (const field of ['mean', 'deviation'] as const) {
      const { length } = image[field];
      if (length === 1 || length === channels) continue;
      const wanted = channels === 1 ? 'one number' : `one number, or ${channels}, one per channel`;
      context.addIssue({ code: 'custom', path: [field], message: `expected ${wanted}, got ${length}` });
    }
  });
export type ImageDeclaration = z.infer<typeof imageDeclarationSchema>;

/** Numbers per pixel. */
export function channelCount({ channels }: { readonly channels: 'rgb' | 'bgr' | 'grey' }): number {
  return channels === 'grey' ? 1 : 3;
}
