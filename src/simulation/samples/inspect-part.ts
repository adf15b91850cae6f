import type { Random } from '../random';
import { coverage, type Canvas, type Point } from './canvas';

/** The geometry and look of one machined part. Lengths are pixels, angles radians. */
export interface Part {
  readonly shape: 'disc' | 'plate';
  readonly centre: Point;
  readonly turn: number;
  /** Radius of a disc, half the side of a plate. */
  readonly extent: number;
  readonly cornerRadius: number;
  readonly boreRadius: number;
  readonly holes: readonly Point[];
  /** Where a bolt hole should be and is not. */
  readonly missingHole: Point | undefined;
  readonly holeRadius: number;
  /** Direction the light comes from. */
  readonly light: Point;
  readonly metal: number;
}

const TURN = 2 * Math.PI;

/** A part with its bolt holes in a regular pattern, from which one hole may be missing. */
export function makePart(random: Random, holeMissing: boolean): Part {
  const shape = random.pick(['disc', 'plate'] as const);
  const centre = { x: 47.5 + random.uniform(-4, 4), y: 47.5 + random.uniform(-4, 4) };
  // Plates lie roughly straight in the fixture; a disc has no preferred direction.
  const quarter = (random.integer(0, 3) * TURN) / 4;
  const turn = shape === 'disc' ? random.uniform(0, TURN) : quarter + random.uniform(-0.3, 0.3);
  const extent = shape === 'disc' ? random.uniform(34, 40) : random.uniform(30, 35);
  const lightAngle = random.uniform(0, TURN);
  const holeCount = shape === 'plate' ? 4 : random.pick([4, 5, 6, 8]);
  const holeCircle = extent * (shape === 'plate' ? random.uniform(0.98, 1.06) : random.uniform(0.66, 0.74));
  const missing = holeMissing ? random.integer(0, holeCount - 1) : -1;
  const firstHole = shape === 'plate' ? TURN / 8 : 0;
  const holes: Point[] = [];
  let missingHole: Point | undefined;
  for (let hole = 0; hole < holeCount; hole += 1) {
    const angle = turn + firstHole + (hole * TURN) / holeCount;
    const at = { x: centre.x + holeCircle * Math.cos(angle), y: centre.y + holeCircle * Math.sin(angle) };
    if (hole === missing) missingHole = at;
    else holes.push(at);
  }
  return {
    shape,
    centre,
    turn,
    extent,
    cornerRadius: random.uniform(5, 11),
    boreRadius: extent * random.uniform(0.2, 0.36),
    holes,
    missingHole,
    holeRadius: random.uniform(2.8, 4.6),
    light: { x: Math.cos(lightAngle), y: Math.sin(lightAngle) },
    metal: random.uniform(0.5, 0.68),
  };
}

/** Signed distance of a point to the outline, negative inside. */
export function outlineDistance(part: Part, dx: number, dy: number): number {
  if (part.shape === 'disc') return Math.sqrt(dx * dx + dy * dy) - part.extent;
  const cosine = Math.cos(part.turn);
  const sine = Math.sin(part.turn);
  const x = Math.abs(dx * cosine + dy * sine) - part.extent + part.cornerRadius;
  const y = Math.abs(dy * cosine - dx * sine) - part.extent + part.cornerRadius;
  const outX = Math.max(x, 0);
  const outY = Math.max(y, 0);
  return Math.sqrt(outX * outX + outY * outY) + Math.min(Math.max(x, y), 0) - part.cornerRadius;
}

/** Where a ray from the centre leaves the part. */
export function outlinePoint(part: Part, angle: number, inset = 0): Point {
  const x = Math.cos(angle);
  const y = Math.sin(angle);
  let reach = part.extent * 1.5;
  // Sphere tracing from outside: the distance never overshoots, so a few steps are enough.
  for (let step = 0; step < 12; step += 1) reach -= outlineDistance(part, x * reach, y * reach) + inset;
  return { x: part.centre.x + x * reach, y: part.centre.y + y * reach };
}

/** Tool marks: a row of grey values that is looked up by radius (turned) or by distance across (brushed). */
function makeToolMarks(random: Random): Float32Array {
  const marks = new Float32Array(256);
  const depth = random.uniform(0.008, 0.035);
  const feed = random.uniform(0.5, 1.6);
  let wander = 0;
  for (let index = 0; index < marks.length; index += 1) {
    wander = 0.8 * wander + random.normal();
    marks[index] = depth * (0.6 * wander + Math.sin(index * feed));
  }
  return marks;
}

/** Paints the tray, the part's shadow, its surface with tool marks and bevel, the bore and the bolt holes. */
export function drawPart(canvas: Canvas, part: Part, random: Random): void {
  const tray = random.uniform(0.1, 0.3);
  const marks = makeToolMarks(random);
  const { centre, light, metal } = part;
  const gloss = random.uniform(0.04, 0.16);
  const slope = random.uniform(0, 0.12) / part.extent;
  const glossAngle = random.uniform(0, TURN);
  const glossCosine = Math.cos(glossAngle);
  const glossSine = Math.sin(glossAngle);
  const across = { x: -Math.sin(part.turn), y: Math.cos(part.turn) };
  const turned = part.shape === 'disc';
  canvas.fill((x, y) => {
    const dx = x - centre.x;
    const dy = y - centre.y;
    const distance = outlineDistance(part, dx, dy);
    const lit = slope * (dx * light.x + dy * light.y);
    let value = tray + lit;
    if (distance > -1) {
      value *= 1 - 0.55 * coverage(outlineDistance(part, dx + 2.5 * light.x, dy + 2.5 * light.y), 7);
      if (distance >= 0.5) return value;
    }
    const square = dx * dx + dy * dy;
    const radius = Math.sqrt(square) + 1e-6;
    const track = turned ? radius * 3 : (dx * across.x + dy * across.y) * 2 + 128;
    const cell = Math.floor(track);
    const mark = (marks[cell & 255] ?? 0) * (1 - track + cell) + (marks[(cell + 1) & 255] ?? 0) * (track - cell);
    let surface = metal + mark + lit;
    // Turned faces reflect a lamp as a bright bow tie, brushed ones as a broad band.
    if (turned) {
      const bowTie = ((dx * dx - dy * dy) * glossCosine + 2 * dx * dy * glossSine) / square;
      surface += gloss * (bowTie > 0 ? bowTie * bowTie : 0);
    } else {
      const band = (dx * glossCosine + dy * glossSine) / part.extent;
      surface += gloss * Math.exp(-4 * band * band);
    }
    // The bevelled rim faces outwards: light on the lamp's side, dark on the other.
    if (distance > -2.2) surface += 0.22 * ((dx * light.x + dy * light.y) / radius);
    return value + coverage(distance) * (surface - value);
  });
  drawHole(canvas, part, centre, part.boreRadius, random.uniform(0.05, 0.16));
  const depth = random.uniform(0.08, 0.24);
  for (const hole of part.holes) drawHole(canvas, part, hole, part.holeRadius, depth);
}

function drawHole(canvas: Canvas, part: Part, at: Point, radius: number, floor: number): void {
  const { light } = part;
  canvas.paint(at.x, at.y, radius + 2.5, (dx, dy, under) => {
    const distance = Math.sqrt(dx * dx + dy * dy);
    const facing = (dx * light.x + dy * light.y) / (distance + 0.5);
    // A countersunk rim faces inwards, so its far side catches the light; the wall below stays dark.
    const rim = under - 0.2 * facing * coverage(Math.abs(distance - radius - 0.7) - 0.8);
    const wall = floor - 0.1 * facing * (distance / radius);
    return rim + coverage(distance - radius) * (Math.max(0.02, wall) - rim);
  });
}
