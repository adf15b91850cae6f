import type { Random } from '../random';
import { coverage, type Canvas, type Point } from './canvas';

/** Where a dial sits in the image and how it is printed. Lengths are pixels. */
export interface Dial {
  readonly centre: Point;
  readonly radius: number;
  /** Grey of the printed face; the print has the opposite shade. */
  readonly face: number;
  readonly light: Point;
  /** The image point at a share of full scale (0..1) and a share of the radius. */
  readonly place: (share: number, radiusShare: number) => Point;
  /** How far from the centre an image point is, as a share of the radius, with the camera's tilt undone. */
  readonly radiusShareAt: (dx: number, dy: number) => number;
}

/** 3 x 5 pixel digits, one string of five rows each. */
const DIGITS: readonly string[] = [
  '111101101101111',
  '010110010010111',
  '111001111100111',
  '111001111001111',
  '101101111001001',
  '111100111001111',
  '111100111101111',
  '111001001001001',
  '111101111101111',
  '111101111001111',
];

const SCALES: readonly (readonly string[])[] = [
  ['0', '2', '4', '6', '8', '10'],
  ['0', '1', '2', '3', '4', '5'],
  ['0', '20', '40', '60', '80', '100'],
  ['0', '5', '10', '15', '20', '25'],
];

const SWEEP = 1.5 * Math.PI;

export function makeDial(random: Random): Dial {
  const centre = { x: 47.5 + random.uniform(-3.5, 3.5), y: 47.5 + random.uniform(-3.5, 3.5) };
  const radius = random.uniform(33, 41);
  const roll = random.uniform(-0.2, 0.2);
  const tilt = random.uniform(0.9, 1);
  const tiltAngle = random.uniform(0, Math.PI);
  const lightAngle = random.uniform(0, 2 * Math.PI);
  const cosine = Math.cos(tiltAngle);
  const sine = Math.sin(tiltAngle);
  // Zero is at the lower left, full scale at the lower right, as on every pressure gauge.
  const zeroAngle = 0.75 * Math.PI + roll;
  const place = (share: number, radiusShare: number): Point => {
    const angle = zeroAngle + share * SWEEP;
    const x = radius * radiusShare * Math.cos(angle);
    const y = radius * radiusShare * Math.sin(angle);
    const along = tilt * (x * cosine + y * sine);
    const across = y * cosine - x * sine;
    return { x: centre.x + along * cosine - across * sine, y: centre.y + along * sine + across * cosine };
  };
  const radiusShareAt = (dx: number, dy: number): number => {
    const along = (dx * cosine + dy * sine) / tilt;
    const across = dy * cosine - dx * sine;
    return Math.sqrt(along * along + across * across) / radius;
  };
  const face = random.chance(0.7) ? random.uniform(0.72, 0.92) : random.uniform(0.08, 0.2);
  return { centre, radius, face, light: { x: Math.cos(lightAngle), y: Math.sin(lightAngle) }, place, radiusShareAt };
}

/** Panel, bezel, face, coloured zone, ticks and numerals. */
export function drawDialFace(canvas: Canvas, dial: Dial, random: Random): void {
  const { centre, light, radius, face } = dial;
  const panel = random.uniform(0.15, 0.65);
  const bezel = random.uniform(0.35, 0.6);
  const slope = random.uniform(0, 0.0035);
  const rim = 1.14;
  canvas.fill((x, y) => {
    const dx = x - centre.x;
    const dy = y - centre.y;
    const lit = slope * (dx * light.x + dy * light.y);
    const share = dial.radiusShareAt(dx, dy);
    const outer = coverage((share - rim) * radius);
    let value = panel + lit;
    if (outer < 1) {
      const shadow = dial.radiusShareAt(dx + 3 * light.x, dy + 3 * light.y);
      value *= 1 - 0.45 * coverage((shadow - rim) * radius, 6);
    }
    if (outer <= 0) return value;
    const inner = coverage((share - 1.02) * radius);
    const facing = (dx * light.x + dy * light.y) / (radius * share + 0.5);
    const metal = bezel + 0.32 * facing * Math.sin((share - 1.02) * 26);
    value += outer * (metal - value);
    if (inner <= 0) return value;
    // The bezel throws a soft shadow onto the face on the lamp's side.
    const shaded = face + lit - 0.12 * face * Math.max(0, facing) * coverage((0.9 - share) * radius, 6);
    return value + inner * (shaded - value);
  });
  drawPrint(canvas, dial, random);
}

function drawPrint(canvas: Canvas, dial: Dial, random: Random): void {
  const ink = dial.face > 0.5 ? random.uniform(0.08, 0.3) : random.uniform(0.75, 0.95);
  const scale = random.pick(SCALES);
  const minorTicks = random.pick([2, 4, 5]);
  if (random.chance(0.5)) {
    const zoneStart = random.uniform(0.6, 0.9);
    for (let share = zoneStart; share < 1; share += 0.03) {
      const from = dial.place(share, 0.93);
      const to = dial.place(Math.min(1, share + 0.03), 0.93);
      canvas.stroke(from, to, [1.3, 1.3], dial.face > 0.5 ? 0.5 : 0.45, 0.8);
    }
  }
  const tickCount = (scale.length - 1) * minorTicks;
  for (let tick = 0; tick <= tickCount; tick += 1) {
    const major = tick % minorTicks === 0;
    const share = tick / tickCount;
    const halfWidth = major ? 0.6 : 0.3;
    canvas.stroke(dial.place(share, 0.97), dial.place(share, major ? 0.84 : 0.9), [halfWidth, halfWidth], ink);
  }
  scale.forEach((text, index) => {
    drawNumber(canvas, dial.place(index / (scale.length - 1), text.length > 2 ? 0.64 : 0.68), text, ink);
  });
  // Maker's name and unit, too small to read.
  const label = dial.place(0.5, -random.uniform(0.38, 0.46));
  canvas.stroke({ x: label.x - 5, y: label.y }, { x: label.x + 5, y: label.y }, [0.7, 0.7], ink, 0.6);
  canvas.stroke({ x: label.x - 3, y: label.y + 4 }, { x: label.x + 3, y: label.y + 4 }, [0.6, 0.6], ink, 0.45);
}

function drawNumber(canvas: Canvas, at: Point, text: string, ink: number): void {
  const advance = 4;
  const left = at.x - ((text.length - 1) * advance) / 2;
  [...text].forEach((character, position) => {
    const rows = DIGITS[Number(character)] ?? '';
    const x = left + position * advance;
    for (let cell = 0; cell < rows.length; cell += 1) {
      if (rows[cell] !== '1') continue;
      const cellX = x + (cell % 3) - 1;
      const cellY = at.y + Math.floor(cell / 3) - 2;
      canvas.paint(cellX, cellY, 1, (dx, dy, under) => {
        const share = 0.85 * Math.max(0, 1 - Math.abs(dx)) * Math.max(0, 1 - Math.abs(dy));
        return under + share * (ink - under);
      });
    }
  });
}
