export interface FormTab {
  /** Of the element in the form that the tab shows. */
  readonly id: string;
  readonly label: string;
  readonly onShow?: () => void;
}

/** Node-RED's own tabs above parts of a form, the first of them open. `list` is an empty `<ul>` with an id. */
export function showTabs(list: JQuery, tabs: readonly FormTab[]): void {
  const strip = RED.tabs.create({
    element: list,
    onchange: (item: unknown) => {
      const chosen = (item as { id: string }).id;
      for (const { id, onShow } of tabs) {
        $(`#${id}`).toggle(id === chosen);
        if (id === chosen) onShow?.();
      }
    },
  });
  tabs.forEach(({ id, label }, index) => strip.addTab({ id, label }, index));
  const [first] = tabs;
  if (first !== undefined) strip.activateTab(first.id);
}
