/** What an image becomes in numbers: `(pixel * scale - mean) / deviation`, as the form writes it. */
export interface PixelNumbers {
  readonly scale: string;
  readonly mean: string;
  readonly deviation: string;
}

/** The conventions that most networks were trained with; anything else is the user's `own`. */
export const pixelPresets: Readonly<Record<string, PixelNumbers>> = {
  unit: { scale: '1/255', mean: '0', deviation: '1' },
  signed: { scale: '1/255', mean: '0.5', deviation: '0.5' },
  imagenet: { scale: '1/255', mean: '0.485 0.456 0.406', deviation: '0.229 0.224 0.225' },
  raw: { scale: '1', mean: '0', deviation: '1' },
};

const isSame = (one: PixelNumbers, other: PixelNumbers): boolean =>
  one.scale === other.scale && one.mean === other.mean && one.deviation === other.deviation;

/** The name of the preset that these numbers are, or `own`. */
export function presetOf(numbers: PixelNumbers): string {
  return Object.entries(pixelPresets).find(([, preset]) => isSame(preset, numbers))?.[0] ?? 'own';
}
