/** What a reading of a rail came to: watts, or why there are none. */
export interface JudgedPower {
  readonly powerW: number | null;
  readonly problem: string | null;
}

/** A number as sensors write it, some with their unit: `19080`, `32760 ma`, `0.077A`; null for anything else. */
export function parseQuantity(text: string): number | null {
  const match = /^(-?\d+(?:\.\d+)?)\s*[a-z]{0,3}$/i.exec(text.trim());
  return match === null ? null : Number(match[1]);
}

export interface PowerBounds {
  /** More than this on one line is a broken reading, W. */
  readonly mostW: number;
  /** So little below zero is the sensor's offset and counts as zero, W. */
  readonly offsetW: number;
}

/** A rail of a Jetson: Thor's whole module throttles at 168 W. The INA3221's offset is 80 uV on 5 mOhm at 19 V, its data sheet says. */
export const jetsonRailBounds: PowerBounds = { mostW: 250, offsetW: 0.3 };
/** A processor package or a GPU. */
export const processorBounds: PowerBounds = { mostW: 2000, offsetW: 0 };

/** Takes only what can be: no number, a negative or an absurdly high one becomes null, with the reason in words. */
export function judgePower(powerW: number, { mostW, offsetW }: PowerBounds): JudgedPower {
  if (Number.isNaN(powerW)) return { powerW: null, problem: 'is not a number' };
  if (powerW < -offsetW) return { powerW: null, problem: `reads ${powerW.toFixed(2)} W, which cannot be negative` };
  if (powerW > mostW) return { powerW: null, problem: `reads ${powerW.toFixed(0)} W, more than ${mostW} W cannot be` };
  return { powerW: Math.max(0, powerW), problem: null };
}
