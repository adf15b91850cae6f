const slotCount = 8;

/**
 * Shows the tenant selectors of a form one after the other: all that are filled in, and one empty one to add the next.
 * Node-RED has already turned each input into its own selector of config nodes, with add and edit buttons.
 */
export function showTenantSlots(): void {
  const rows = Array.from({ length: slotCount }, (_, index) => $(`#ecomap-row-tenant${index + 1}`));
  const inputs = Array.from({ length: slotCount }, (_, index) => $(`#node-input-tenant${index + 1}`));
  const chosen = (index: number): boolean => {
    const value = inputs[index]?.val();
    return typeof value === 'string' && value !== '' && value !== '_ADD_';
  };
  const refresh = () => {
    const last = inputs.reduce((found, _, index) => (chosen(index) ? index : found), -1);
    rows.forEach((row, index) => row.toggle(index <= last + 1));
  };
  for (const input of inputs) input.on('change', refresh);
  refresh();
}
