/** One variant as the form and the flow keep it. */
export interface VariantRow {
  name: string;
  path: string;
  accuracy: string | number;
  sha256: string;
}

const columns = [
  { field: 'name', width: '20%' },
  { field: 'path', width: '42%' },
  { field: 'accuracy', width: '12%' },
  { field: 'sha256', width: '20%' },
] as const;

/** The editable list of a tenant's own models. */
export function showVariantList(list: JQuery, variants: readonly VariantRow[], text: (key: string) => string): void {
  list.css('min-height', '160px').editableList({
    addItem(row: JQuery, _index: number, data: Partial<VariantRow>) {
      const line = $('<div/>').css({ display: 'flex', gap: '4px' }).appendTo(row);
      for (const { field, width } of columns) {
        $('<input type="text">')
          .attr({ 'data-field': field, placeholder: text(`variant.${field}`), 'aria-label': text(`variant.${field}`) })
          .css({ width })
          .val(String(data[field] ?? ''))
          .appendTo(line);
      }
    },
    removable: true,
    sortable: true,
  });
  for (const variant of variants) list.editableList('addItem', variant);
}

/** What stands in the list; lines without name and path are left out. */
export function variantsFrom(list: JQuery): VariantRow[] {
  const rows: VariantRow[] = [];
  list.editableList('items').each((_, item) => {
    const value = (field: string): string => String($(item).find(`[data-field="${field}"]`).val() ?? '').trim();
    const row = { name: value('name'), path: value('path'), accuracy: value('accuracy'), sha256: value('sha256') };
    if (row.name !== '' || row.path !== '') rows.push(row);
  });
  return rows;
}
