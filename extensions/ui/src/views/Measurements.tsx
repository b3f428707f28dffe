import * as React from 'react';
import { useLanguage } from '../context';
import { count, estimate } from '../format';
import { family } from '../judge';
import { Chip } from '../parts/Chip';
import { Select } from '../parts/Select';
import { ColumnOf, Table } from '../parts/Table';
import { Domain, Whisker, domainOf } from '../parts/Whisker';
import type { Evidence, Measurement, Outcome } from '../records';

export interface Row extends Measurement {
  audit: string;
}

export const rowsOf = (evidence: Evidence[]): Row[] =>
  evidence.flatMap(e => e.measurements.map(m => ({ ...m, audit: e.audit })));

/** One scale for every row of a metric, so that dots can be compared by eye. */
export function domains(rows: Measurement[]): Map<string, Domain> {
  const values = new Map<string, Array<number | null>>();
  for (const { metric, value, low, high } of rows) {
    values.set(metric, [...(values.get(metric) ?? []), value, low, high]);
  }
  return new Map([...values].map(([metric, found]) => [metric, domainOf(found)]));
}

export interface Filter {
  audit: string;
  /** `*` every slice, empty for overall, else the family: `race`, `race & sex`. */
  family: string;
  outcome: string;
}

export const matching = (rows: Row[], filter: Filter): Row[] =>
  rows.filter(
    row =>
      (filter.audit === '' || row.audit === filter.audit) &&
      (filter.family === '*' || family(row.slice) === filter.family) &&
      (filter.outcome === '' || row.outcome === filter.outcome)
  );

const distinct = (values: string[]): string[] => [...new Set(values)];

/** Every number, to be filtered and sorted. */
export function MeasurementTable(props: { rows: Row[] }) {
  const trans = useLanguage();
  const { rows } = props;
  const [filter, setFilter] = React.useState<Filter>({
    audit: '',
    family: '*',
    outcome: ''
  });
  const scale = React.useMemo(() => domains(rows), [rows]);
  const shown = matching(rows, filter);
  const change = (part: Partial<Filter>) => setFilter({ ...filter, ...part });
  return (
    <>
      <div className="wb-Bar">
        <Select
          label={trans.__('Audit')}
          value={filter.audit}
          onChange={audit => change({ audit })}
          options={[
            ['', trans.__('all')],
            ...distinct(rows.map(r => r.audit)).map(a => [a, a] as [string, string])
          ]}
        />
        <Select
          label={trans.__('Slices')}
          value={filter.family}
          onChange={chosen => change({ family: chosen })}
          options={[
            ['*', trans.__('all')],
            ...distinct(rows.map(r => family(r.slice))).map(
              f => [f, f || trans.__('overall')] as [string, string]
            )
          ]}
        />
        <Select
          label={trans.__('Outcome')}
          value={filter.outcome}
          onChange={outcome => change({ outcome })}
          options={[
            ['', trans.__('all')],
            ...distinct(rows.map(r => r.outcome)).map(o => [o, o] as [string, string])
          ]}
        />
        <span className="wb-Muted" aria-live="polite">
          {trans.__('%1 of %2 numbers', count(shown.length), count(rows.length))}
        </span>
      </div>
      <Table
        caption={trans.__('Measurements')}
        columns={useColumns(scale)}
        rows={shown}
        rowKey={(row, index) => `${row.audit} ${row.metric} ${row.slice} ${index}`}
        first={40}
      />
    </>
  );
}

function useColumns(scale: Map<string, Domain>): Array<ColumnOf<Row>> {
  const trans = useLanguage();
  return [
    {
      key: 'audit',
      label: trans.__('audit'),
      cell: r => r.audit,
      sortBy: r => r.audit
    },
    {
      key: 'metric',
      label: trans.__('metric'),
      cell: r => r.metric,
      sortBy: r => r.metric,
      heading: true
    },
    {
      key: 'slice',
      label: trans.__('slice'),
      cell: r => r.slice || <span className="wb-Muted">{trans.__('overall')}</span>,
      sortBy: r => r.slice
    },
    {
      key: 'value',
      label: trans.__('value'),
      cell: r => <Value measurement={r} />,
      sortBy: r => r.value,
      numeric: true
    },
    {
      key: 'whisker',
      label: trans.__('on its scale'),
      cell: r => <Whisker {...r} domain={scale.get(r.metric) ?? { low: 0, high: 1 }} />
    },
    {
      key: 'n',
      label: trans.__('n'),
      cell: r => count(r.n),
      sortBy: r => r.n,
      numeric: true
    },
    {
      key: 'outcome',
      label: trans.__('outcome'),
      cell: r => <Judged outcome={r.outcome} note={r.note} />,
      sortBy: r => r.outcome
    }
  ];
}

function Value(props: { measurement: Measurement }) {
  const [value, interval] = estimate(props.measurement);
  return (
    <>
      {value} <small className="wb-Interval">{interval}</small>
    </>
  );
}

function Judged(props: { outcome: Outcome; note: string }) {
  return (
    <>
      {props.outcome === 'measured' ? (
        <span className="wb-Muted">{props.outcome}</span>
      ) : (
        <Chip outcome={props.outcome} />
      )}
      {props.note && <small className="wb-Note"> {props.note}</small>}
    </>
  );
}
