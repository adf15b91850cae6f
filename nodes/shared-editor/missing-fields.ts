/**
 * A flow from before some of the fields, or written by hand, shows their defaults: what then applies.
 * @param inputs how the ids of the inputs begin, e.g. `#node-input-`
 */
export function fillInMissing(type: string, node: Readonly<Record<string, unknown>>, inputs: string): void {
  const { defaults } = RED.nodes.getType(type) as { defaults: Record<string, { value: unknown }> };
  for (const [name, { value }] of Object.entries(defaults)) {
    if (node[name] !== undefined || typeof value === 'object') continue;
    const input = $(`${inputs}${name}`);
    if (typeof value === 'boolean') input.prop('checked', value);
    else input.val(String(value));
  }
}
