import * as React from 'react';
import { useLanguage } from '../context';

export interface ColumnOf<Row> {
  key: string;
  label: string;
  cell: (row: Row) => React.ReactNode;
  /** What the column sorts by; a column without it cannot be sorted. */
  sortBy?: (row: Row) => string | number | null;
  numeric?: boolean;
  /** The cell that names the row for a screen reader. */
  heading?: boolean;
}

type Sort = { key: string; descending: boolean } | null;

function compare(a: string | number | null, b: string | number | null): number {
  if (a === null || b === null) {
    return a === b ? 0 : a === null ? 1 : -1;
  }
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
}

/** Rows in the order asked for; rows without a value stay last either way. */
export function sorted<Row>(
  rows: Row[],
  by: (row: Row) => string | number | null,
  descending: boolean
): Row[] {
  return [...rows].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    const order = compare(x, y);
    return descending && x !== null && y !== null ? -order : order;
  });
}

/** A table whose headings sort. It shows `first` rows and offers the rest. */
export function Table<Row>(props: {
  caption: string;
  columns: Array<ColumnOf<Row>>;
  rows: Row[];
  rowKey: (row: Row, index: number) => string;
  first?: number;
  showCaption?: boolean;
}) {
  const trans = useLanguage();
  const [sort, setSort] = React.useState<Sort>(null);
  const [all, setAll] = React.useState(false);
  const by = props.columns.find(column => column.key === sort?.key)?.sortBy;
  const rows = by ? sorted(props.rows, by, sort?.descending ?? false) : props.rows;
  const shown = all ? rows : rows.slice(0, props.first ?? rows.length);
  return (
    <div className="wb-Scroll" tabIndex={0} role="region" aria-label={props.caption}>
      <table className="wb-Table">
        <caption className={props.showCaption ? undefined : 'wb-Hidden'}>{props.caption}</caption>
        <thead>
          <tr>
            {props.columns.map(column => (
              <ColumnHeading key={column.key} column={column} sort={sort} onSort={setSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row, index) => (
            <tr key={props.rowKey(row, index)}>
              {props.columns.map(column => {
                const className = column.numeric ? 'wb-Numeric' : undefined;
                return column.heading ? (
                  <th key={column.key} scope="row" className={className}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.key} className={className}>
                    {column.cell(row)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < rows.length && (
        <button className="wb-Button" type="button" onClick={() => setAll(true)}>
          {trans.__('Show all %1 rows', rows.length)}
        </button>
      )}
    </div>
  );
}

function ColumnHeading<Row>(props: { column: ColumnOf<Row>; sort: Sort; onSort: (sort: Sort) => void }) {
  const { column, sort } = props;
  const mine = sort?.key === column.key;
  const direction = mine ? (sort?.descending ? 'descending' : 'ascending') : undefined;
  return (
    <th scope="col" aria-sort={direction} className={column.numeric ? 'wb-Numeric' : undefined}>
      {column.sortBy ? (
        <button
          type="button"
          className="wb-Sort"
          onClick={() =>
            props.onSort({
              key: column.key,
              descending: mine ? !sort?.descending : false
            })
          }
        >
          {column.label}
          <span aria-hidden="true" className="wb-Sort-arrow">
            {mine ? (sort?.descending ? '▾' : '▴') : '▵'}
          </span>
        </button>
      ) : (
        column.label
      )}
    </th>
  );
}
