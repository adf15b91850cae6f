import { z } from 'zod';
import { hardwareActuatorNames } from '../actuators/hardware-actuator';
import { powerScopeSchema, sourceSchema } from '../../signals/quantities';

/** `ok` is there, `missing` is not and the text says what would help, `problem` is there and does not work, `unknown` could not be told. */
export const findingLevels = ['ok', 'missing', 'problem', 'unknown'] as const;

const findingSchema = z.object({ level: z.enum(findingLevels), text: z.string() });

const boardSchema = z.object({
  /** Stable, e.g. `jetson-agx-xavier`; `other` for computers without an entry in the list of known boards. */
  id: z.string(),
  label: z.string(),
  /** As the firmware calls it; null when it says nothing. */
  model: z.string().nullable(),
  soc: z.string().nullable(),
  from: z.enum(['device tree', 'DMI', 'nothing']),
  arch: z.string(),
  cpuModel: z.string(),
});

const systemSchema = z.object({
  platform: z.string(),
  /** `PRETTY_NAME` of os-release. */
  distribution: z.string().nullable(),
  kernel: z.string().nullable(),
  /** e.g. `35.4.1`; null on machines that are no Jetson, or in a container that does not show the file. */
  l4t: z.string().nullable(),
  /** e.g. `JetPack 5`. */
  jetpack: z.string().nullable(),
  libc: z.object({ kind: z.enum(['glibc', 'musl', 'unknown']), version: z.string().nullable() }),
  /** e.g. `docker`; null when this is none; `unknown` when it cannot be told. */
  container: z.string().nullable(),
  virtualMachine: z.string().nullable(),
  memoryMiB: z.number().nullable(),
  availableMemoryMiB: z.number().nullable(),
  nodeVersion: z.string(),
  runsAsRoot: z.boolean().nullable(),
});

const coresSchema = z.object({
  usable: z.array(z.number().int()),
  /** How they were found. */
  from: z.enum(['affinity', 'count']),
  canPin: z.boolean(),
  clusters: z.array(
    z.object({ cores: z.array(z.number().int()), highestMhz: z.number().nullable(), capacity: z.number().nullable() }),
  ),
  /** Instructions that matter for inference, e.g. `avx512_vnni`; null when the kernel does not tell. */
  flags: z.object({ present: z.array(z.string()), absent: z.array(z.string()) }).nullable(),
});

const railSchema = z.object({
  name: z.string(),
  powerW: z.number().nullable(),
  inTotal: z.boolean(),
  problem: z.string().nullable(),
});

const sensorSchema = z.object({
  name: z.string(),
  method: z.string(),
  scope: powerScopeSchema,
  /** What a number from here is. */
  source: sourceSchema,
  accuracy: z.number().nullable(),
  powerW: z.number().nullable(),
  rails: z.array(railSchema),
});

const stateSchema = z.object({
  name: z.string(),
  gpuMhz: z.number().nullable(),
  cpuMhz: z.number().nullable(),
  emcMhz: z.number().nullable(),
  cores: z.number().nullable(),
  gpuUnits: z.number().nullable(),
  dlaMhz: z.number().nullable(),
  powerLimitW: z.number().nullable(),
  refusal: z.string().nullable(),
  inForce: z.boolean(),
});

const actuatorSchema = z.object({
  name: z.enum(hardwareActuatorNames),
  level: z.enum(['usable', 'denied', 'missing']),
  text: z.string(),
  /** Its operating points; empty where it is missing or they could not be read. */
  states: z.array(stateSchema),
  problem: z.string().nullable(),
});

const acceleratorSchema = z.object({
  name: z.string(),
  kind: z.enum(['gpu', 'dla']),
  /** e.g. `17000000.gv11b`. */
  hardware: z.string(),
});

/** A control file and what this process may do with it. */
const permissionSchema = z.object({
  path: z.string(),
  what: z.string(),
  readable: z.boolean(),
  /** null for files that nothing of ours ever writes. */
  writable: z.boolean().nullable(),
});

const runtimeSchema = z.object({
  /** Version of onnxruntime-node; null when it is not installed. */
  version: z.string().nullable(),
  providers: z.array(
    z.object({
      name: z.string(),
      /** Whether a tiny model really ran with it, in a process of its own. */
      ran: z.boolean(),
      /** The words of the runtime where it did not. */
      why: z.string(),
    }),
  ),
});

const scoresSchema = z.object({
  inferenceEnergyScore: z.number(),
  powerScore: z.number(),
  source: sourceSchema,
  models: z.number().int(),
});

/** What is known of the cost of models on one class of components of this machine. */
const modelCostsSchema = z.object({
  componentClass: z.string(),
  /** Models that were measured to learn from. */
  models: z.number().int(),
  runtimeVersion: z.string(),
  energyMethod: z.string(),
  /** null when a reference model could not be measured. */
  scores: scoresSchema.nullable(),
});

/** What can be told of a machine without changing anything on it: plain JSON, for the editor and for a report. */
export const machineInspectionSchema = z.object({
  board: boardSchema,
  system: systemSchema,
  cores: coresSchema,
  accelerators: z.array(acceleratorSchema),
  sensors: z.array(sensorSchema),
  sensorFindings: z.array(findingSchema),
  actuators: z.array(actuatorSchema),
  cpuQuotas: findingSchema,
  /** Other programs that set clocks or power. */
  otherManagers: z.array(findingSchema),
  permissions: z.array(permissionSchema),
  /** Parts of this that failed in an unforeseen way. */
  problems: z.array(z.string()),
});
export type MachineInspection = z.infer<typeof machineInspectionSchema>;

export const inspectionSchema = machineInspectionSchema.extend({
  /** Version of this package. */
  packageVersion: z.string(),
  inspectedAt: z.iso.datetime(),
  /** True when a folder stood for `/`: then nothing of it is about the machine that ran this. */
  ofFolder: z.boolean(),
  /** null when it was not asked for, or the folder is not this machine. */
  runtime: runtimeSchema.nullable(),
  /** null when it is not known where they are kept; empty when nothing was measured here. */
  modelCosts: z.array(modelCostsSchema).nullable(),
});
export type Inspection = z.infer<typeof inspectionSchema>;

export type InspectionFinding = z.infer<typeof findingSchema>;
export type BoardFacts = z.infer<typeof boardSchema>;
export type SystemFacts = z.infer<typeof systemSchema>;
export type CoreFacts = z.infer<typeof coresSchema>;
export type SensorFacts = z.infer<typeof sensorSchema>;
export type ActuatorFacts = z.infer<typeof actuatorSchema>;
export type Accelerator = z.infer<typeof acceleratorSchema>;
export type Permission = z.infer<typeof permissionSchema>;
export type ModelCosts = z.infer<typeof modelCostsSchema>;
