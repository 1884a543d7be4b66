/** One column: its heading, and what a row shows there. Numbers are right-aligned. */
export interface Column<T> {
  readonly title: string;
  readonly of: (row: T) => string | number | boolean | null | undefined;
}

/** Rows as lines of aligned columns under a heading, two spaces apart, no trailing blanks. */
export function alignedTable<T>(columns: readonly Column<T>[], rows: readonly T[]): readonly string[] {
  const cells = rows.map((row) => columns.map((column) => column.of(row)));
  const rights = columns.map(
    (_, at) => cells.length > 0 && cells.every((row) => typeof row[at] === 'number' || row[at] === null),
  );
  const texts = [columns.map((column) => column.title), ...cells.map((row) => row.map(shown))];
  const widths = columns.map((_, at) => Math.max(...texts.map((row) => row[at]!.length)));
  return texts.map((row) =>
    row
      .map((text, at) => (rights[at] === true ? text.padStart(widths[at]!) : text.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd(),
  );
}

function shown(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined || value === '') return '-';
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value);
}
