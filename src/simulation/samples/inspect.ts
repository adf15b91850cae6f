import type { Random } from '../random';
import { Canvas, IMAGE_SIZE_PIXELS } from './canvas';
import { addDefect, addHandlingMarks } from './inspect-defects';
import { drawPart, makePart } from './inspect-part';
import type { DemonstrationSample } from './sample';

export const INSPECT_LABELS = ['ok', 'scratch', 'dent', 'crack', 'burr', 'missing-hole'] as const;
export const INSPECT_DIMS: readonly number[] = [1, 1, IMAGE_SIZE_PIXELS, IMAGE_SIZE_PIXELS];

/** Cells along one side of the map that tells the trainer where the defect is. */
export const DEFECT_MAP_CELLS = 12;

/** A machined flange or plate under a ring light, sound or with one defect. Every class is equally likely. */
export function generateInspect(random: Random): DemonstrationSample {
  return renderInspect(random);
}

/**
 * The same sample, and which of 12 x 12 cells show the defect (row by row, 1 or 0). Only training reads it: a network that
 * is told where to look learns in minutes what would otherwise take hours.
 */
export function generateInspectWithMap(random: Random): { sample: DemonstrationSample; map: Float32Array } {
  const map = new Float32Array(DEFECT_MAP_CELLS * DEFECT_MAP_CELLS);
  return { sample: renderInspect(random, map), map };
}

function renderInspect(random: Random, map?: Float32Array): DemonstrationSample {
  const index = random.integer(0, INSPECT_LABELS.length - 1);
  const label = INSPECT_LABELS[index] ?? 'ok';
  const canvas = new Canvas();
  const part = makePart(random, label === 'missing-hole');
  drawPart(canvas, part, random);
  addHandlingMarks(canvas, part, random);
  const sound = map === undefined ? undefined : canvas.pixels.slice();
  if (label !== 'ok' && label !== 'missing-hole') addDefect(canvas, part, label, random);
  if (map !== undefined && sound !== undefined) markChanges(map, sound, canvas.pixels);
  if (map !== undefined && part.missingHole !== undefined) {
    map[cellOf(Math.round(part.missingHole.x), Math.round(part.missingHole.y))] = 1;
  }
  canvas.blur(random.uniform(0.03, 0.2));
  const data = canvas.expose(
    random,
    random.uniform(0.75, 1.1),
    random.uniform(-0.08, 0.08),
    random.uniform(0.008, 0.035),
  );
  return { family: 'inspect', data, dims: INSPECT_DIMS, truth: { kind: 'class', label, index } };
}

function cellOf(x: number, y: number): number {
  const pixelsPerCell = IMAGE_SIZE_PIXELS / DEFECT_MAP_CELLS;
  return Math.floor(y / pixelsPerCell) * DEFECT_MAP_CELLS + Math.floor(x / pixelsPerCell);
}

/** A cell shows the defect when painting it changed the cell visibly. */
function markChanges(map: Float32Array, before: Float32Array, after: Float32Array): void {
  after.forEach((value, index) => {
    if (Math.abs(value - (before[index] ?? 0)) < 0.06) return;
    map[cellOf(index % IMAGE_SIZE_PIXELS, Math.floor(index / IMAGE_SIZE_PIXELS))] = 1;
  });
}
