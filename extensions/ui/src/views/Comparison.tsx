import * as React from 'react';
import { useLanguage } from '../context';
import { change, estimate } from '../format';
import { Beside } from '../parts/Beside';
import { Heading } from '../parts/Heading';
import { ColumnOf, Table } from '../parts/Table';
import type { Difference, MetricChange, Side } from '../records';
import { Waivers } from './Findings';

/** Figures shown before the rest is asked for. */
const FIRST = 12;

/** A candidate beside the champion in all that was measured or written down. Findings are their shower's. */
export function Comparison(props: { difference: Difference }) {
  const trans = useLanguage();
  const d = props.difference;
  return (
    <>
      <Heading level={3}>
        {d.champion
          ? trans.__('%1 beside the champion %2', d.candidate, d.champion)
          : trans.__('What was measured on %1', d.candidate)}
      </Heading>
      <Apart difference={d} />
      {d.notes.length > 0 && (
        <ul className="wb-Muted">
          {d.notes.map((note, index) => (
            <li key={index}>{note}</li>
          ))}
        </ul>
      )}
      <Changes caption={trans.__('Over all rows')} rows={d.metrics} difference={d} />
      {d.slices.length > 0 && (
        <>
          <Heading level={3}>{trans.__('Groups and segments, those that moved most first')}</Heading>
          <Changes caption={trans.__('Groups and segments')} rows={d.slices} difference={d} />
          {d.slices_left_out > 0 && (
            <p className="wb-Muted">{trans.__('%1 more are in the reports.', d.slices_left_out)}</p>
          )}
        </>
      )}
      {d.explanations.length > 0 && (
        <>
          <Heading level={3}>{trans.__('What the answers rest on')}</Heading>
          <Changes caption={trans.__('Importance by column')} rows={d.explanations} difference={d} />
        </>
      )}
      <Sentences title={trans.__('Training data')} lines={d.data} />
      <Sentences title={trans.__('Code, parameters, packages')} lines={d.code} />
      {d.waivers.length > 0 && (
        <>
          <Heading level={3}>{trans.__('Waivers')}</Heading>
          <Waivers waivers={d.waivers} />
        </>
      )}
    </>
  );
}

/** How much of it is more than chance, in a sentence: what to look at first. */
function Apart(props: { difference: Difference }) {
  const trans = useLanguage();
  const { champion, metrics, slices } = props.difference;
  const compared = [...metrics, ...slices].filter(c => c.champion !== null);
  if (!champion || compared.length === 0) {
    return null;
  }
  const apart = compared.filter(c => c.apart).length;
  return (
    <p>
      {apart === 0
        ? trans.__('All of %1 intervals overlap the champion’s: no difference is shown.', compared.length)
        : trans._n(
            'Of %2 figures %1 lies apart: there the two intervals do not overlap.',
            'Of %2 figures %1 lie apart: there the two intervals do not overlap.',
            apart,
            compared.length
          )}
    </p>
  );
}

function Changes(props: { caption: string; rows: MetricChange[]; difference: Difference }) {
  const trans = useLanguage();
  const { candidate, champion } = props.difference;
  if (props.rows.length === 0) {
    return <p className="wb-Muted">{trans.__('Nothing was measured.')}</p>;
  }
  const beside: Array<ColumnOf<MetricChange>> = [
    {
      key: 'champion',
      label: champion,
      cell: c => <Figure side={c.champion} unit={c.unit} />,
      numeric: true
    },
    {
      key: 'scale',
      label: trans.__('on one scale'),
      cell: c => <Beside candidate={c.candidate} champion={c.champion} />
    },
    {
      key: 'difference',
      label: trans.__('difference'),
      cell: c => <Moved change={c} />,
      sortBy: c => c.difference,
      numeric: true
    }
  ];
  return (
    <Table<MetricChange>
      caption={props.caption}
      rows={props.rows}
      rowKey={(c, index) => `${c.audit} ${c.metric} ${c.slice} ${index}`}
      first={FIRST}
      columns={[
        {
          key: 'metric',
          label: trans.__('metric'),
          cell: c => (
            <>
              {c.metric.replace(/_/g, ' ')} {c.slice && <b>{c.slice}</b>}{' '}
              <small className="wb-Muted">{c.audit.replace(/_/g, ' ')}</small>
            </>
          ),
          sortBy: c => `${c.metric} ${c.slice}`,
          heading: true
        },
        {
          key: 'candidate',
          label: candidate,
          cell: c => <Figure side={c.candidate} unit={c.unit} />,
          numeric: true
        },
        ...(props.rows.some(c => c.champion !== null) ? beside : [])
      ]}
    />
  );
}

function Figure(props: { side: Side | null; unit: string }) {
  const { side, unit } = props;
  if (side === null) {
    return <span className="wb-Muted">—</span>;
  }
  const [value, interval] = estimate({ ...side, unit });
  return (
    <>
      {value} <small className="wb-Interval">{interval}</small>
    </>
  );
}

function Moved(props: { change: MetricChange }) {
  const trans = useLanguage();
  const { difference, unit, apart } = props.change;
  if (difference === null) {
    return <span className="wb-Muted">—</span>;
  }
  return apart ? (
    <>
      <b>{change(difference, unit)}</b>
      <br />
      <small className="wb-Apart">{trans.__('intervals apart')}</small>
    </>
  ) : (
    <>{change(difference, unit)}</>
  );
}

function Sentences(props: { title: string; lines: readonly string[] }) {
  return props.lines.length === 0 ? null : (
    <>
      <Heading level={3}>{props.title}</Heading>
      <ul>
        {props.lines.map((line, index) => (
          <li key={index}>{line}</li>
        ))}
      </ul>
    </>
  );
}
