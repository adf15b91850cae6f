import type { Random } from '../random';
import { coverage, type Canvas, type Point } from './canvas';
import { outlineDistance, outlinePoint, type Part } from './inspect-part';

export type SurfaceDefect = 'scratch' | 'dent' | 'crack' | 'burr';

const TURN = 2 * Math.PI;

/** A point on the machined face that keeps clear of the bore, the bolt holes and the outline. */
function facePoint(part: Part, clearance: number, random: Random): Point {
  let point = part.centre;
  for (let attempt = 0; attempt < 24; attempt += 1) {
    const dx = random.uniform(-part.extent, part.extent);
    const dy = random.uniform(-part.extent, part.extent);
    point = { x: part.centre.x + dx, y: part.centre.y + dy };
    if (outlineDistance(part, dx, dy) > -clearance - 2) continue;
    if (Math.sqrt(dx * dx + dy * dy) < part.boreRadius + clearance + 1) continue;
    const { x, y } = point;
    if (part.holes.some((hole) => Math.hypot(hole.x - x, hole.y - y) < part.holeRadius + clearance)) continue;
    return point;
  }
  return point;
}

/** What every part may carry without being faulty: stains of coolant, dust and fine marks of handling. */
export function addHandlingMarks(canvas: Canvas, part: Part, random: Random): void {
  for (let stain = random.integer(0, 2); stain > 0; stain -= 1) {
    const at = facePoint(part, 0, random);
    const radius = random.uniform(4, 9);
    const depth = random.uniform(-0.06, 0.03);
    canvas.paint(at.x, at.y, radius * 1.6, (dx, dy, under) => {
      return under + depth * Math.max(0, 1 - (dx * dx + dy * dy) / (2.5 * radius * radius));
    });
  }
  for (let speck = random.integer(0, 5); speck > 0; speck -= 1) {
    const at = { x: random.uniform(4, 92), y: random.uniform(4, 92) };
    canvas.disc(at.x, at.y, random.uniform(0.4, 1), random.pick([0.15, 0.85]), random.uniform(0.2, 0.6));
  }
  for (let mark = random.integer(0, 2); mark > 0; mark -= 1) {
    const from = facePoint(part, 1, random);
    const angle = random.uniform(0, TURN);
    const length = random.uniform(4, 9);
    const to = { x: from.x + length * Math.cos(angle), y: from.y + length * Math.sin(angle) };
    canvas.stroke(from, to, [0.4, 0.3], part.metal + random.pick([-0.12, 0.12]), random.uniform(0.3, 0.7));
  }
}

export function addDefect(canvas: Canvas, part: Part, defect: SurfaceDefect, random: Random): void {
  if (defect === 'scratch') addScratch(canvas, part, random);
  else if (defect === 'dent') addDent(canvas, part, random);
  else if (defect === 'crack') addCrack(canvas, part, random);
  else addBurr(canvas, part, random);
}

/** A long, nearly straight groove: one bright flank and one dark flank. */
function addScratch(canvas: Canvas, part: Part, random: Random): void {
  const middle = facePoint(part, 2, random);
  const angle = random.uniform(0, TURN);
  const bend = random.uniform(-0.35, 0.35);
  const half = random.uniform(9, 21);
  const opacity = random.uniform(0.5, 1);
  const halfWidth = random.uniform(0.5, 1.05);
  const pieces = 6;
  let previous: Point | undefined;
  for (let piece = 0; piece <= pieces; piece += 1) {
    const along = (2 * piece) / pieces - 1;
    const side = half * bend * (1 - along * along);
    const point = {
      x: middle.x + half * along * Math.cos(angle) - side * Math.sin(angle),
      y: middle.y + half * along * Math.sin(angle) + side * Math.cos(angle),
    };
    const dx = point.x - part.centre.x;
    const dy = point.y - part.centre.y;
    // A groove ends where the metal ends: nothing is scratched over the bore or beside the part.
    const onMetal = outlineDistance(part, dx, dy) < -1 && Math.hypot(dx, dy) > part.boreRadius + 1;
    if (previous !== undefined && onMetal) {
      const shade = { x: 0.9 * part.light.x, y: 0.9 * part.light.y };
      const darkFrom = { x: previous.x + shade.x, y: previous.y + shade.y };
      const darkTo = { x: point.x + shade.x, y: point.y + shade.y };
      canvas.stroke(darkFrom, darkTo, [halfWidth, halfWidth], part.metal - 0.3, 0.55 * opacity);
      canvas.stroke(previous, point, [halfWidth, halfWidth], 0.98, opacity);
    }
    previous = onMetal ? point : undefined;
  }
}

/** A shallow bowl: its far side catches the light, its near side lies in shadow. */
function addDent(canvas: Canvas, part: Part, random: Random): void {
  const radius = random.uniform(3.4, 7);
  const at = facePoint(part, radius * 0.8, random);
  const depth = random.uniform(0.24, 0.6);
  const stretch = random.uniform(0.7, 1.3);
  canvas.paint(at.x, at.y, radius * 2, (dx, dy, under) => {
    const x = dx * stretch;
    const y = dy / stretch;
    const square = (x * x + y * y) / (radius * radius);
    const bowl = Math.exp(-1.6 * square * square) / radius;
    return under - depth * 1.6 * bowl * (x * part.light.x + y * part.light.y) - 0.12 * depth * radius * bowl;
  });
}

/** A dark, jagged line that starts at the rim or at a hole, thins out and sometimes forks. */
function addCrack(canvas: Canvas, part: Part, random: Random): void {
  const opacity = random.uniform(0.6, 1);
  const dark = random.uniform(0.03, 0.16);
  let at: Point;
  let heading: number;
  const fromRim = random.chance(0.6);
  if (fromRim) {
    const angle = random.uniform(0, TURN);
    at = outlinePoint(part, angle, 0.5);
    heading = angle + Math.PI + random.uniform(-0.5, 0.5);
  } else {
    heading = random.uniform(0, TURN);
    const reach = part.boreRadius;
    at = { x: part.centre.x + reach * Math.cos(heading), y: part.centre.y + reach * Math.sin(heading) };
  }
  const branch = (start: Point, direction: number, steps: number, halfWidth: number): void => {
    let here = start;
    for (let step = 0; step < steps; step += 1) {
      const angle = direction + random.uniform(-0.85, 0.85);
      const length = random.uniform(1.6, 3.4);
      const next = { x: here.x + length * Math.cos(angle), y: here.y + length * Math.sin(angle) };
      const width = halfWidth * (1 - (0.6 * step) / steps);
      canvas.stroke(here, next, [width, width * 0.9], dark, opacity);
      here = next;
      if (step === Math.floor(steps / 2) && halfWidth > 0.55 && random.chance(0.6)) {
        branch(here, direction + random.pick([-0.9, 0.9]), Math.ceil(steps / 2), halfWidth * 0.7);
      }
    }
  };
  branch(at, heading, random.integer(5, 10), random.uniform(0.6, 1.1));
}

/** Torn metal that stands out beyond the edge: a run of bright, uneven teeth. */
function addBurr(canvas: Canvas, part: Part, random: Random): void {
  const start = random.uniform(0, TURN);
  const teeth = random.integer(4, 9);
  const height = random.uniform(2, 4.6);
  const opacity = random.uniform(0.6, 1);
  // Burrs grow on the outer edge and into the bore.
  const inBore = random.chance(0.35);
  const radius = inBore ? part.boreRadius : part.extent;
  for (let tooth = 0; tooth < teeth; tooth += 1) {
    const angle = start + (tooth * random.uniform(1.6, 2.6)) / radius;
    const foot = inBore
      ? { x: part.centre.x + radius * Math.cos(angle), y: part.centre.y + radius * Math.sin(angle) }
      : outlinePoint(part, angle);
    const lean = angle + random.uniform(-0.6, 0.6) + (inBore ? Math.PI : 0);
    const length = height * random.uniform(0.4, 1.3);
    const tip = { x: foot.x + length * Math.cos(lean), y: foot.y + length * Math.sin(lean) };
    canvas.stroke(foot, tip, [random.uniform(0.6, 1.2), 0.3], random.uniform(0.7, 1), opacity);
    canvas.paint(foot.x, foot.y, 2, (dx, dy, under) => under - 0.12 * coverage(Math.hypot(dx, dy) - 1));
  }
}
