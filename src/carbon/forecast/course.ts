import { DailyProfile } from './daily-profile';
import { DepartureModel } from './departure';

/** A departure is never carried on larger than this many times the recent ones. */
const largestGrowth = 2;

/** One view of how the intensity goes on: a daily profile of one memory and the departure from it. Fed hour by hour. */
export class Course {
  readonly #profile: DailyProfile;
  readonly #model = new DepartureModel();
  /** How the last three hours departed from the profile as it was before them, newest first. */
  #e1 = 0;
  #e2 = 0;
  #e3 = 0;
  /** How many of the last hours were known without a break. */
  #knownInARow = 0;
  #next: number;

  /** @param firstHour hours since the epoch of the first value that will be added */
  constructor(dailyDecay: number, firstHour: number) {
    this.#profile = new DailyProfile(dailyDecay, firstHour);
    this.#next = firstHour;
  }

  /** Takes the next hour's value, g/kWh; NaN where it is missing. The first must be known. */
  add(intensityGPerKwh: number): void {
    let departure: number;
    if (Number.isNaN(intensityGPerKwh)) {
      // Through a gap the departure goes on as expected, and nothing is learned.
      const [c1, c2, c3] = this.#model.coefficients();
      departure = c1 * this.#e1 + c2 * this.#e2 + c3 * this.#e3;
      this.#knownInARow = 0;
    } else {
      // On the first day there is no profile to depart from: against the mean so far the sun itself would look like a departure.
      const usual = this.#profile.knows(this.#next) ? this.#profile.at(this.#next) : null;
      departure = usual === null ? 0 : intensityGPerKwh - usual;
      this.#profile.add(this.#next, intensityGPerKwh);
      if (usual === null) this.#knownInARow = 0;
      else {
        if (this.#knownInARow >= 3) this.#model.learn(departure, this.#e1, this.#e2, this.#e3);
        this.#knownInARow += 1;
      }
    }
    this.#e3 = this.#e2;
    this.#e2 = this.#e1;
    this.#e1 = departure;
    this.#next += 1;
  }

  /** g/kWh of the hours after the last one added. */
  ahead(hours: number): Float64Array {
    let [e1, e2, e3] = [this.#e1, this.#e2, this.#e3];
    const limit = largestGrowth * Math.max(Math.abs(e1), Math.abs(e2), Math.abs(e3));
    const [c1, c2, c3] = this.#model.coefficients();
    const values = new Float64Array(hours);
    for (let k = 0; k < hours; k += 1) {
      const e = Math.max(-limit, Math.min(limit, c1 * e1 + c2 * e2 + c3 * e3));
      values[k] = Math.max(0, (this.#profile.at(this.#next + k) ?? 0) + e);
      e3 = e2;
      e2 = e1;
      e1 = e;
    }
    return values;
  }
}
