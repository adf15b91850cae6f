import { systemClock, type Clock } from '../../clock';
import type { Programs } from '../../machine/programs';
import { judgePower, type PowerBounds } from '../rails/quantity';
import type { PowerSample, PowerSensor, RailReading } from '../sensor';

/** No line of a board with a 27 W supply carries more. */
const bounds: PowerBounds = { mostW: 30, offsetW: 0.01 };
const timeoutMs = 2000;

// Fitted by jfikar against a power meter at the input of a Raspberry Pi 5; what hangs on its USB ports is not seen.
const inputPerRailsW = 1.1451;
const inputOffsetW = 0.5879;

/**
 * The rails of `vcgencmd pmic_read_adc`: currents `X_A` and voltages `X_V` belong together by name, their indexes differ. A
 * voltage without a current (EXT5V, BATT) is no rail.
 */
export function parsePmic(text: string): RailReading[] {
  const currents = new Map<string, number>();
  const voltages = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^\s*(\S+)_([AV])\s+(?:current|volt)\(\d+\)=(\S+?)[AV]?\s*$/.exec(line);
    if (match === null) continue;
    const [, name = '', unit, value] = match;
    (unit === 'A' ? currents : voltages).set(name, Number(value));
  }
  return [...currents].map(([name, amperes]) => {
    const volts = voltages.get(name);
    if (volts === undefined) return { name, inTotal: true, powerW: null, problem: 'has a current but no voltage' };
    return { name, inTotal: true, ...judgePower(amperes * volts, bounds) };
  });
}

/** Power at the input of a Raspberry Pi 5, W; null when a rail is missing. */
export function inputPowerW(rails: readonly RailReading[], expected: readonly string[]): number | null {
  let sumW = 0;
  for (const { powerW } of rails) {
    if (powerW === null) return null;
    sumW += powerW;
  }
  const complete = expected.every((name) => rails.some((rail) => rail.name === name));
  return rails.length > 0 && complete && sumW > 0 ? sumW * inputPerRailsW + inputOffsetW : null;
}

/** The power management chip of a Raspberry Pi 5. Its tool has no way to run on, so it is run seldom. */
export class PiPmicSensor implements PowerSensor {
  readonly name = 'pi-pmic';
  readonly scope = 'module';
  readonly accuracy = null;
  readonly method = `Raspberry Pi 5 PMIC: sum of the rails x ${inputPerRailsW} + ${inputOffsetW} W, without USB devices`;
  readonly intervalMs = 2000;
  private expected: readonly string[] = [];
  /** What the tool said last when it gave no rails; empty otherwise. */
  lastWords = '';
  missing = false;

  constructor(
    private readonly programs: Programs,
    private readonly clock: Clock = systemClock,
  ) {}

  async sample(): Promise<PowerSample> {
    const startedAtMs = this.clock.monotonicMs();
    const outcome = await this.programs.run('vcgencmd', ['pmic_read_adc'], { timeoutMs });
    const atMs = (startedAtMs + this.clock.monotonicMs()) / 2;
    const found = outcome.timedOut ? [] : parsePmic(outcome.text);
    this.missing = outcome.missing;
    this.lastWords = found.length > 0 ? '' : outcome.timedOut ? 'vcgencmd does not end' : outcome.text.trim();
    if (this.expected.length === 0) this.expected = found.map(({ name }) => name);
    const gone = this.expected
      .filter((name) => !found.some((rail) => rail.name === name))
      .map((name) => ({ name, inTotal: true, powerW: null, problem: this.lastWords || 'is gone' }));
    return { atMs, energyJ: null, powerW: inputPowerW(found, this.expected), rails: [...found, ...gone] };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
