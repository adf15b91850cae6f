import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { ModelInspectorProcess } from '../../src/inference/model-inspector';
import { CostPredictor } from '../../src/loop/prediction/cost-predictor';
import { confinePath } from '../../src/models/allowed-roots';
import { demonstrationFamilies, demonstrationFamily } from '../../src/models/family-card';
import type { AdminRequest, AdminRoute } from '../../src/node-red/types';
import { describeMachine } from '../../src/power/describe-machine';
import { detectMachine } from '../../src/power/detect';
import { parseAtTheDoor } from '../../src/signals/parse';
import { dims, optionalText, text } from './fields';
import { modelRootsOf } from './model-roots';

/** One variant as the open form has it, deployed or not. */
const describeRequest = z.object({
  path: text.pipe(z.string().min(1, 'missing: write the path of an ONNX file')),
  sha256: optionalText
    .pipe(
      z
        .string()
        .regex(/^[0-9a-f]{64}$/i, 'not a SHA-256: 64 hexadecimal digits')
        .nullable(),
    )
    .default(null),
  inputDims: dims.default(null),
});

/** One for the whole runtime, by its user directory: models are described one after the other, whoever asks. */
const inspectors = new Map<string, ModelInspectorProcess>();

function inspectorOf(stateDirectory: string): ModelInspectorProcess {
  const known = inspectors.get(stateDirectory) ?? new ModelInspectorProcess({ stateDirectory });
  inspectors.set(stateDirectory, known);
  return known;
}

/** As inspectors. */
const predictors = new Map<string, CostPredictor>();

function predictorOf(stateDirectory: string): CostPredictor {
  const { fingerprint } = describeMachine(detectMachine());
  const key = `${stateDirectory}\n${fingerprint}`;
  const known = predictors.get(key) ?? new CostPredictor({ stateDirectory, deviceFingerprint: fingerprint });
  predictors.set(key, known);
  return known;
}

/** The file that a request names, where it may be opened. @throws EcomapError INVALID_CONFIG, MODEL_NOT_FOUND */
function fileOf({ body, settings, stateDirectory }: Pick<AdminRequest, 'body' | 'settings' | 'stateDirectory'>) {
  const { path: asked, sha256, inputDims } = parseAtTheDoor(describeRequest, body, 'INVALID_CONFIG', 'The variant');
  const declared = isAbsolute(asked) ? asked : resolve(stateDirectory, asked);
  const roots = modelRootsOf(settings);
  return { path: roots === null ? declared : confinePath(declared, roots), sha256, dims: inputDims };
}

/** What the tab *Model info* of a tenant asks for. Files are opened as at deploy: no other than a deployed tenant could use. */
export const modelInfoRoutes: readonly AdminRoute[] = [
  {
    method: 'get',
    path: '/ecomap/tenant/family/:family',
    permission: 'ecomap-tenant.read',
    handle({ params }) {
      const name = parseAtTheDoor(z.enum(demonstrationFamilies), params['family'], 'INVALID_CONFIG', 'The family');
      const { card, directory } = demonstrationFamily(name);
      return {
        inputDims: card.input.dims.join(', '),
        variants: card.variants.map(({ name: variant, file }) => ({ name: variant, path: join(directory, file) })),
      };
    },
  },
  {
    method: 'post',
    path: '/ecomap/tenant/describe',
    permission: 'ecomap-tenant.write',
    handle: (request) => inspectorOf(request.stateDirectory).describe(fileOf(request)),
  },
  {
    method: 'post',
    path: '/ecomap/tenant/predict',
    permission: 'ecomap-tenant.write',
    handle: (request) => predictorOf(request.stateDirectory).predict(fileOf(request)),
  },
];
