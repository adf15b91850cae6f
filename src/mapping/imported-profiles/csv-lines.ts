/** A line of a CSV file as its cells; `line` counts from 1. */
export interface CsvLine {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Cells are separated by commas; one in double quotes may hold commas, and doubled quotes stand for one. */
function cellsOf(text: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else quoted = false;
    } else if (character === '"' && cell.trim() === '') {
      cell = '';
      quoted = true;
    } else if (character === ',') {
      cells.push(cell.trim());
      cell = '';
    } else cell += character;
  }
  return [...cells, cell.trim()];
}

/** Every line that holds something. Lines that begin with `#` are remarks. */
export function csvLines(text: string): CsvLine[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .flatMap((content, index) =>
      content.trim() === '' || content.trimStart().startsWith('#')
        ? []
        : [{ line: index + 1, cells: cellsOf(content) }],
    );
}
