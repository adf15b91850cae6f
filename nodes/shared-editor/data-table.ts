const border = '1px solid var(--red-ui-secondary-border-color)';
const cellStyle = { padding: '3px 8px 3px 0', textAlign: 'left', verticalAlign: 'top', borderTop: border };

export interface Column {
  readonly name: string;
  /** Numbers stand under each other. */
  readonly isNumber?: boolean;
}

/** A table whose columns have names; texts are never taken for HTML. */
export function dataTable(columns: readonly Column[], rows: readonly (readonly string[])[], label: string): JQuery {
  const style = ({ isNumber }: Column) => ({
    ...cellStyle,
    ...(isNumber === true
      ? { padding: '3px 8px', textAlign: 'right', whiteSpace: 'nowrap', fontVariantNumeric: 'tabular-nums' }
      : {}),
  });
  const head = $('<tr>');
  for (const column of columns)
    $('<th scope="col">').text(column.name).css(style(column)).css({ borderTop: 'none' }).appendTo(head);
  const body = $('<tbody>');
  for (const cells of rows) {
    const row = $('<tr>').appendTo(body);
    columns.forEach((column, index) => {
      $(index === 0 ? '<th scope="row">' : '<td>')
        .text(cells[index] ?? '')
        .css({ fontWeight: 'normal', overflowWrap: 'anywhere' })
        .css(style(column))
        .appendTo(row);
    });
  }
  return $('<table>')
    .attr('aria-label', label)
    .css({ width: '100%', borderCollapse: 'collapse' })
    .append($('<thead>').append(head), body);
}

/** A line with an icon in a column of its own, so that long texts keep to themselves. */
export function notice(icon: string, text: string): JQuery {
  const line = $('<div>').css({ display: 'flex', gap: '6px', padding: '2px 0' });
  $('<i class="fa fa-fw" aria-hidden="true">')
    .addClass(icon)
    .css({ flex: 'none', lineHeight: 'inherit' })
    .appendTo(line);
  return line.append($('<span>').text(text).css({ overflowWrap: 'anywhere' }));
}
