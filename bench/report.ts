import os from 'node:os';

export interface BenchReport {
  readonly bench: string;
  readonly figures: Readonly<Record<string, unknown>>;
  readonly setup: Readonly<Record<string, unknown>>;
}

/** Prints the report as one JSON object on the last line, which is what reads it next. */
export function printReport(report: BenchReport): void {
  const machine = {
    node: process.version,
    platform: `${os.platform()} ${os.arch()}`,
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
  };
  console.log(JSON.stringify({ ...report, setup: { ...report.setup, machine } }));
}

/** Two digits after the point are more than these machines can repeat. */
export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));
