import type { Random } from '../random';
import { Canvas, IMAGE_SIZE_PIXELS, type Point } from './canvas';
import { drawDialFace, makeDial, type Dial } from './gauge-dial';
import type { DemonstrationSample } from './sample';

export const GAUGE_DIMS: readonly number[] = [1, 1, IMAGE_SIZE_PIXELS, IMAGE_SIZE_PIXELS];

/** A round pressure gauge on a panel, seen by a camera that is never quite straight. The reading is uniform in 0..1. */
export function generateGauge(random: Random): DemonstrationSample {
  const value = random.uniform();
  const canvas = new Canvas();
  const dial = makeDial(random);
  drawDialFace(canvas, dial, random);
  if (random.chance(0.35)) drawSetPoint(canvas, dial, random);
  drawNeedle(canvas, dial, value, random);
  addGlass(canvas, dial, random);
  canvas.blur(random.uniform(0.05, 0.28));
  const data = canvas.expose(random, random.uniform(0.6, 1.05), random.uniform(-0.1, 0.1), random.uniform(0.01, 0.07));
  return { family: 'gauge', data, dims: GAUGE_DIMS, truth: { kind: 'value', value } };
}

/** A small pointer at the rim that marks a limit. It is not the reading, which is what makes it worth drawing. */
function drawSetPoint(canvas: Canvas, dial: Dial, random: Random): void {
  const share = random.uniform();
  const outer = dial.place(share, 0.98);
  const inner = dial.place(share, random.uniform(0.74, 0.82));
  canvas.stroke(inner, outer, [0.5, 1.8], dial.face > 0.5 ? 0.4 : 0.65, 0.9);
}

function drawNeedle(canvas: Canvas, dial: Dial, value: number, random: Random): void {
  const reach = random.uniform(0.62, 0.84);
  const tail = random.uniform(0.1, 0.28);
  const halfWidth = random.uniform(0.9, 1.9);
  const tip = dial.place(value, reach);
  const end = dial.place(value, -tail);
  const pivot = dial.place(value, 0);
  const colour = dial.face > 0.5 ? random.uniform(0.04, 0.38) : random.uniform(0.72, 1);
  const shadow: Point = { x: dial.light.x * -random.uniform(0.6, 2.4), y: dial.light.y * -random.uniform(0.6, 2.4) };
  const moved = (point: Point): Point => ({ x: point.x + shadow.x, y: point.y + shadow.y });
  canvas.stroke(moved(end), moved(tip), [halfWidth, 0.5], dial.face * 0.45, 0.45);
  canvas.stroke(pivot, tip, [halfWidth, 0.45], colour);
  canvas.stroke(pivot, end, [halfWidth, halfWidth * 1.25], colour);
  const hub = dial.radius * random.uniform(0.07, 0.13);
  canvas.disc(pivot.x, pivot.y, hub, dial.face > 0.5 ? 0.15 : 0.6);
  canvas.disc(pivot.x + dial.light.x, pivot.y + dial.light.y, hub * 0.45, 0.75, 0.7, 2);
}

/** Reflections of windows and lamps in the glass, and dirt on it. */
function addGlass(canvas: Canvas, dial: Dial, random: Random): void {
  if (random.chance(0.5)) {
    const angle = random.uniform(0, 2 * Math.PI);
    const across = { x: Math.cos(angle), y: Math.sin(angle) };
    const offset = random.uniform(-0.7, 0.7) * dial.radius;
    const halfWidth = random.uniform(3, 9);
    const strength = random.uniform(0.08, 0.4);
    canvas.paint(dial.centre.x, dial.centre.y, dial.radius * 0.9, (dx, dy, under) => {
      if (dx * dx + dy * dy > dial.radius * dial.radius * 0.78) return under;
      const distance = Math.abs(dx * across.x + dy * across.y - offset) - halfWidth;
      return under + strength * Math.min(1, Math.max(0, 0.5 - distance / 3)) * (1 - under);
    });
  }
  for (let spot = random.integer(0, 3); spot > 0; spot -= 1) {
    const x = dial.centre.x + random.uniform(-0.8, 0.8) * dial.radius;
    const y = dial.centre.y + random.uniform(-0.8, 0.8) * dial.radius;
    canvas.disc(x, y, random.uniform(0.8, 4), random.pick([0.25, 0.8]), random.uniform(0.1, 0.5), 3);
  }
}
