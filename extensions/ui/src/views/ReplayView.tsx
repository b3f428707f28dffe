import * as React from 'react';
import { Heading } from '../parts/Heading';
import { useLanguage } from '../context';
import { count, estimate, moment, number, short, text } from '../format';
import { ColumnOf, Table } from '../parts/Table';
import type { ReplayColumn, ReplayReport } from '../records';

export function ReplayView(props: { record: ReplayReport }) {
  const trans = useLanguage();
  const replay = props.record;
  return (
    <>
      <Heading level={2}>{trans.__('Replay of %1', replay.incident)}</Heading>
      <p className="wb-Muted">
        {trans.__('%1 rows, digest %2', count(replay.rows), short(replay.digest))} · {moment(replay.time)}
      </p>
      <Table
        caption={trans.__('Versions')}
        rows={replay.columns}
        rowKey={c => c.label}
        columns={useColumns(replay)}
      />
      {replay.examples.length > 0 && <Examples replay={replay} />}
    </>
  );
}

function useColumns(replay: ReplayReport): Array<ColumnOf<ReplayColumn>> {
  const trans = useLanguage();
  const share = (
    key: 'disagrees_with_recorded' | 'disagrees_with_first' | 'positive_rate',
    label: string
  ): ColumnOf<ReplayColumn> => ({
    key,
    label,
    cell: c => number(c[key], 'rate'),
    sortBy: c => c[key],
    numeric: true
  });
  const metrics = [...new Set(replay.columns.flatMap(c => c.metrics.map(m => m.metric)))];
  const first = replay.columns.find(c => c.n > 0) ?? replay.columns[0];
  return [
    {
      key: 'version',
      label: trans.__('version'),
      cell: c => <span className="wb-NoBreak">{c.label}</span>,
      sortBy: c => c.version,
      heading: true
    },
    {
      key: 'errors',
      label: trans.__('errors'),
      cell: c => count(c.errors),
      sortBy: c => c.errors,
      numeric: true
    },
    share('disagrees_with_recorded', trans.__('unlike production')),
    share('disagrees_with_first', trans.__('unlike %1', first?.label ?? '')),
    share('positive_rate', trans.__('positive rate')),
    ...metrics.map((metric): ColumnOf<ReplayColumn> => {
      const find = (c: ReplayColumn) => c.metrics.find(m => m.metric === metric);
      return {
        key: `metric ${metric}`,
        label: metric.replace(/_/g, ' '),
        cell: c => {
          const m = find(c);
          return m ? (
            <>
              {estimate(m)[0]} <small className="wb-Interval">{estimate(m)[1]}</small>
            </>
          ) : (
            '—'
          );
        },
        sortBy: c => find(c)?.value ?? null,
        numeric: true
      };
    }),
    {
      key: 'latency',
      label: trans.__('median ms'),
      cell: c => number(c.latency_ms),
      sortBy: c => c.latency_ms,
      numeric: true
    },
    ...(replay.columns.some(c => c.error)
      ? [{ key: 'error', label: trans.__('first error'), cell: (c: ReplayColumn) => c.error }]
      : []),
    { key: 'n', label: trans.__('n'), cell: c => count(c.n), sortBy: c => c.n, numeric: true }
  ];
}

function Examples(props: { replay: ReplayReport }) {
  const trans = useLanguage();
  const { examples } = props.replay;
  return (
    <details>
      <summary>
        {trans._n('%1 row on which they differ', '%1 rows on which they differ', examples.length)}
      </summary>
      <Table<Record<string, unknown>>
        caption={trans.__('Rows on which versions differ')}
        rows={examples}
        rowKey={(_, index) => String(index)}
        columns={Object.keys(examples[0]).map(key => ({
          key,
          label: key,
          cell: row => text(row[key]),
          sortBy: row => (typeof row[key] === 'number' ? (row[key] as number) : text(row[key]))
        }))}
      />
    </details>
  );
}
