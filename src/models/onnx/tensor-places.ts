/**
 * Where tensors stand in an ONNX file: which fields of a message lead to which messages. Everything else cannot hold a tensor and
 * is stepped over.
 */
export interface MessagePlaces {
  readonly isTensor?: true;
  readonly fields: Readonly<Record<number, MessagePlaces>>;
}

const tensor: MessagePlaces = { isTensor: true, fields: {} };
/** `SparseTensorProto`: values, indices. */
const sparseTensor: MessagePlaces = { fields: { 1: tensor, 2: tensor } };
const attributeFields: Record<number, MessagePlaces> = { 5: tensor, 10: tensor, 22: sparseTensor, 23: sparseTensor };
const node: MessagePlaces = { fields: { 5: { fields: attributeFields } } };
const graph: MessagePlaces = { fields: { 1: node, 5: tensor, 15: sparseTensor } };
// A graph may be an attribute of a node: the branches of If, the body of Loop.
attributeFields[6] = graph;
attributeFields[11] = graph;

/** Of `ModelProto`: the graph, training graphs, and functions with their nodes. */
export const modelPlaces: MessagePlaces = {
  fields: { 7: graph, 20: { fields: { 1: graph, 2: graph } }, 25: { fields: { 7: node } } },
};
