import { EcomapError } from '../../signals/errors';
import { nodesInOrder } from './data-flow';
import { elementTypeName } from './element-types';
import type { OnnxModel } from './model';

/**
 * Refuses a model whose graph or weights cannot be, and says which node or weight it is: the runtime's own words leave that out.
 * What only the runtime knows, such as its operators, is not looked at.
 * @throws EcomapError MODEL_INVALID
 */
export function checkModel(model: OnnxModel): void {
  nodesInOrder(model.graph);
  for (const { name, tensor } of model.graph.initializers) {
    if (tensor === null) continue;
    const shape = `${elementTypeName(tensor.type)} [${tensor.dims.join(', ')}]`;
    const refuse = (why: string) =>
      new EcomapError('MODEL_INVALID', `The weight "${name}" of shape ${shape} ${why}. Export the model again.`);
    if (tensor.dims.some((dim) => dim < 0)) throw refuse('has a negative dimension');
    if (!Number.isSafeInteger(tensor.elements)) throw refuse('has more elements than any memory holds');
    const found = tensor.rawData?.length;
    if (found !== undefined && !tensor.isExternal && tensor.bytes !== null && found !== tensor.bytes) {
      throw refuse(`needs ${tensor.bytes} bytes, but ${found} are there`);
    }
  }
}
