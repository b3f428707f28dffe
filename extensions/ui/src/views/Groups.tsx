import * as React from 'react';
import { useLanguage } from '../context';
import { count, estimate } from '../format';
import { family, groupName } from '../judge';
import { Chip } from '../parts/Chip';
import { Select } from '../parts/Select';
import { Whisker, domainOf } from '../parts/Whisker';
import type { Measurement } from '../records';
import type { Row } from './Measurements';

const named = (metric: string): string => metric.replace(/_/g, ' ');

/** How a number between groups is derived from a rate of each group, by the end of its name. */
const DERIVED = /_(difference|ratio|group_min|group_max)$/;

export interface Comparison {
  /** One entry a metric that every group has. */
  metrics: Array<{
    key: string;
    metric: string;
    rows: Row[];
    /** The number for everybody. */
    overall: Row | undefined;
    /** Its difference and ratio between the groups. */
    between: Row[];
  }>;
  /** Numbers between groups that stand for themselves: `equalized_odds_difference`. */
  between: Row[];
}

/** Lay out the numbers of one attribute, or of one intersection of attributes. */
export function compare(rows: Row[], attribute: string): Comparison {
  const mine = rows.filter(r => family(r.slice) === attribute);
  const groups = mine.filter(r => r.slice.includes('=') && r.unit !== 'count' && r.metric !== 'count');
  const keyOf = (r: Row) => `${r.audit} ${r.metric}`;
  const keys = [...new Set(groups.map(keyOf))];
  // A figure that columns have too, how far one moved for instance, is not one between groups.
  const families = new Set(rows.filter(r => r.slice.includes('=')).map(r => family(r.slice)));
  const ofColumns = new Set(rows.filter(r => !/^$|=/.test(r.slice) && !families.has(r.slice)).map(keyOf));
  const between = mine.filter(r => !r.slice.includes('=') && !ofColumns.has(keyOf(r)));
  const baseOf = (r: Row) => keyOf(r).replace(DERIVED, '');
  return {
    metrics: keys.map(key => ({
      key,
      metric: key.slice(key.indexOf(' ') + 1),
      rows: groups.filter(r => keyOf(r) === key),
      overall: rows.find(r => keyOf(r) === key && r.slice === ''),
      between: between.filter(r => baseOf(r) === key && /_(difference|ratio)$/.test(r.metric))
    })),
    between: between.filter(r => !keys.includes(baseOf(r)))
  };
}

/** What an audit of groups is read for first: differences between groups that stand for themselves. */
export function betweenGroups(measurements: Measurement[]): Measurement[] {
  const of = new Set(measurements.filter(m => m.slice.includes('=')).map(m => m.metric));
  return measurements.filter(
    m =>
      m.slice !== '' &&
      !/[=&]/.test(m.slice) &&
      m.metric.endsWith('_difference') &&
      !of.has(m.metric.replace(DERIVED, ''))
  );
}

/** Every kind of slice there is, those of the sensitive columns first. */
export function attributesOf(rows: Row[], sensitive: string[]): string[] {
  const all = [...new Set(rows.filter(r => r.slice.includes('=')).map(r => family(r.slice)))];
  const people = (attribute: string) => attribute.split(' & ').every(name => sensitive.includes(name));
  return [...all.filter(people), ...all.filter(attribute => !people(attribute))];
}

/** Small multiples: one little table a metric, its groups on one scale beside a line for everybody. */
export function Groups(props: { rows: Row[]; sensitive: string[] }) {
  const trans = useLanguage();
  const attributes = attributesOf(props.rows, props.sensitive);
  const [chosen, setChosen] = React.useState(attributes[0] ?? '');
  const comparison = compare(props.rows, chosen);
  return (
    <>
      <div className="wb-Bar">
        <Select
          label={trans.__('Groups by')}
          value={chosen}
          onChange={setChosen}
          options={attributes.map(a => [a, a])}
        />
        <span className="wb-Muted">{trans.__('dot: value · bar: interval · line: overall')}</span>
      </div>
      <div className="wb-Multiples">
        {comparison.between.length > 0 && (
          <Multiple
            caption={trans.__('between the groups')}
            rows={comparison.between}
            label={row => named(row.metric)}
          />
        )}
        {comparison.metrics.map(({ key, metric, rows, overall, between }) => (
          <Multiple
            key={key}
            caption={named(metric)}
            rows={rows}
            overall={overall?.value}
            between={between}
            label={row => (
              <>
                {groupName(row.slice)} <small className="wb-Muted">{count(row.n)}</small>
              </>
            )}
          />
        ))}
      </div>
    </>
  );
}

function Multiple(props: {
  caption: string;
  rows: Row[];
  label: (row: Row) => React.ReactNode;
  overall?: number | null;
  between?: Row[];
}) {
  const { rows, overall } = props;
  const domain = domainOf([overall ?? null, ...rows.flatMap(r => [r.value, r.low, r.high])]);
  return (
    <table className="wb-Multiple">
      <caption>
        {props.caption}
        {props.between?.map(row => (
          <Between key={row.metric} row={row} />
        ))}
      </caption>
      <tbody>
        {rows.map(row => (
          <tr key={`${row.metric} ${row.slice}`}>
            <th scope="row" title={row.slice}>
              {props.label(row)}
            </th>
            <td>
              <Whisker {...row} domain={domain} reference={overall} />
            </td>
            <td className="wb-Numeric" title={estimate(row)[1]}>
              {estimate(row)[0]}
              <Doubt row={row} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Between(props: { row: Row }) {
  const trans = useLanguage();
  const { row } = props;
  const [shown, interval] = estimate(row);
  return (
    <small className="wb-Between" title={interval}>
      {' · '}
      {row.metric.endsWith('_ratio') ? trans.__('ratio %1', shown) : trans.__('difference %1', shown)}
      <Doubt row={row} />
    </small>
  );
}

/** Says so where a number is not what it seems: too few rows, failed, in error. */
function Doubt(props: { row: Row }) {
  const { outcome, note } = props.row;
  return outcome === 'measured' || outcome === 'pass' ? null : (
    <span className="wb-Doubt" title={note}>
      {' '}
      <Chip outcome={outcome} />
    </span>
  );
}
