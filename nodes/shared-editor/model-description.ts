/** The parts of an answer of `ecomap/tenant/describe` that are shown; see src/models/description/model-description.ts. */
export interface Description {
  sha256: string;
  fileBytes: number;
  irVersion: number;
  producer: string;
  opsets: { domain: string; version: number }[];
  inputs: Value[];
  outputs: Value[];
  batchOpen: boolean;
  operators: { name: string; domain: string; count: number }[];
  parameters: number;
  parameterBytes: number;
  macs: number | null;
  runDims: Record<string, number[]> | null;
  cuts: Cut[];
  cutsNotOffered: number;
  externalFiles: string[];
  warnings: { kind: string; text: string }[];
}

export interface Value {
  name: string;
  type: string | null;
  dims: (number | string | null)[] | null;
}

export interface Cut {
  firstNode: number;
  label: string;
  crossing: (Value & { bytes: number | null })[];
  bytes: number | null;
  macsBefore: number | null;
}

/** The parts of an answer of `ecomap/tenant/predict` that are shown; see src/loop/prediction. */
export interface Prediction {
  costs: ModelledCost[];
  warnings: string[];
}

export interface ModelledCost {
  componentClass: string;
  latencyMs: number;
  energyJ: number;
  coveredShare: number;
  unknownOperators: number;
}

const steps = ['', ' k', ' M', ' G', ' T'];

/** 64128 as "64.1 k": three digits are enough to compare. */
export function inShort(number: number): string {
  let value = number;
  let step = 0;
  while (value >= 999.5 && step < steps.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)}${steps[step] ?? ''}`;
}

/** 264192 as "264 kB"; a dash where it is not known. */
export function inBytes(bytes: number | null): string {
  if (bytes === null) return '–';
  const short = inShort(bytes);
  return short.includes(' ') ? `${short}B` : `${short} B`;
}

export function inPercent(share: number | null): string {
  return share === null ? '–' : `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

/** "float32 [batch, 1, 96, 96]" */
export function typeOf({ type, dims }: Value): string {
  const shape = dims === null ? '' : ` [${dims.map((dim) => dim ?? '?').join(', ')}]`;
  return `${type ?? '?'}${shape}`;
}
