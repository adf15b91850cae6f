import type { Random } from '../random';

export const IMAGE_SIZE_PIXELS = 96;

/** 1 inside a shape, 0 outside and a ramp of one pixel between: antialiasing from a signed distance (negative inside). */
export function coverage(distance: number, rampPixels = 1): number {
  const share = 0.5 - distance / rampPixels;
  return share <= 0 ? 0 : share >= 1 ? 1 : share;
}

/** A grey image that shapes are painted on, as a small industrial camera would see them. */
export class Canvas {
  readonly size = IMAGE_SIZE_PIXELS;
  readonly pixels = new Float32Array(IMAGE_SIZE_PIXELS * IMAGE_SIZE_PIXELS);

  /** Sets every pixel from its coordinates. */
  fill(shade: (x: number, y: number) => number): void {
    let index = 0;
    for (let y = 0; y < this.size; y += 1) {
      for (let x = 0; x < this.size; x += 1) {
        this.pixels[index] = shade(x, y);
        index += 1;
      }
    }
  }

  /** Repaints the square around a point; the callback gets the offset from the point and what is there already. */
  paint(x: number, y: number, reach: number, shade: (dx: number, dy: number, under: number) => number): void {
    const left = Math.max(0, Math.floor(x - reach));
    const right = Math.min(this.size - 1, Math.ceil(x + reach));
    const top = Math.max(0, Math.floor(y - reach));
    const bottom = Math.min(this.size - 1, Math.ceil(y + reach));
    for (let row = top; row <= bottom; row += 1) {
      for (let column = left; column <= right; column += 1) {
        const index = row * this.size + column;
        this.pixels[index] = shade(column - x, row - y, this.pixels[index] ?? 0);
      }
    }
  }

  disc(x: number, y: number, radius: number, value: number, opacity = 1, rampPixels = 1): void {
    this.paint(x, y, radius + rampPixels, (dx, dy, under) => {
      const share = opacity * coverage(Math.sqrt(dx * dx + dy * dy) - radius, rampPixels);
      return under + share * (value - under);
    });
  }

  /** A straight stroke with round ends whose half width may change from one end to the other. */
  stroke(from: Point, to: Point, halfWidths: readonly [number, number], value: number, opacity = 1): void {
    const [startHalfWidth, endHalfWidth] = halfWidths;
    const spanX = to.x - from.x;
    const spanY = to.y - from.y;
    const lengthSquare = spanX * spanX + spanY * spanY + 1e-6;
    const margin = Math.max(startHalfWidth, endHalfWidth) + 1;
    const left = Math.max(0, Math.floor(Math.min(from.x, to.x) - margin));
    const right = Math.min(this.size - 1, Math.ceil(Math.max(from.x, to.x) + margin));
    const top = Math.max(0, Math.floor(Math.min(from.y, to.y) - margin));
    const bottom = Math.min(this.size - 1, Math.ceil(Math.max(from.y, to.y) + margin));
    for (let row = top; row <= bottom; row += 1) {
      for (let column = left; column <= right; column += 1) {
        const dx = column - from.x;
        const dy = row - from.y;
        const along = Math.min(1, Math.max(0, (dx * spanX + dy * spanY) / lengthSquare));
        const offX = dx - along * spanX;
        const offY = dy - along * spanY;
        const halfWidth = startHalfWidth + along * (endHalfWidth - startHalfWidth);
        const distance = Math.sqrt(offX * offX + offY * offY) - halfWidth;
        if (distance > 0.5) continue;
        // A stroke thinner than a pixel gets fainter, not thinner.
        const share = opacity * coverage(distance) * Math.min(1, 2 * halfWidth + 0.2);
        const index = row * this.size + column;
        const under = this.pixels[index] ?? 0;
        this.pixels[index] = under + share * (value - under);
      }
    }
  }

  /** A lens slightly out of focus: two passes of a three-point kernel whose outer weights are given. */
  blur(outerWeight: number): void {
    const { pixels, size } = this;
    const centreWeight = 1 - 2 * outerWeight;
    const pass = (start: number, step: number): void => {
      let before = pixels[start] ?? 0;
      let here = before;
      for (let position = 0, index = start; position < size; position += 1, index += step) {
        const after = position + 1 < size ? (pixels[index + step] ?? 0) : here;
        pixels[index] = centreWeight * here + outerWeight * (before + after);
        before = here;
        here = after;
      }
    };
    for (let line = 0; line < size; line += 1) pass(line * size, 1);
    for (let line = 0; line < size; line += 1) pass(line, size);
  }

  /** Contrast, sensor noise and the 256 grey levels of an ordinary camera. */
  expose(random: Random, contrast: number, brightness: number, noise: number): Float32Array {
    const { pixels } = this;
    for (let index = 0; index < pixels.length; index += 1) {
      const signal = 0.5 + brightness + contrast * ((pixels[index] ?? 0) - 0.5);
      const level = Math.round(255 * (signal + noise * random.grain()));
      pixels[index] = (level < 0 ? 0 : level > 255 ? 255 : level) / 255;
    }
    return pixels;
  }
}

export interface Point {
  readonly x: number;
  readonly y: number;
}
