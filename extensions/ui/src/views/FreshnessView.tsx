import * as React from 'react';
import { useLanguage } from '../context';
import { moment, short } from '../format';
import { Chip } from '../parts/Chip';
import { Command } from '../parts/Command';
import { Heading } from '../parts/Heading';
import { Table } from '../parts/Table';
import type { Basis, Freshness } from '../records';

/** What everything said of a version rests on, and whether it still holds. */
export function FreshnessView(props: { record: Freshness }) {
  const trans = useLanguage();
  const { record } = props;
  const stale = record.bases.filter(basis => basis.stale).length;
  return (
    <>
      <Heading level={2}>
        {stale === 0
          ? trans.__('%1 under %2: all of it holds', record.model, record.policy)
          : trans.__('%1 under %2: %3 to renew', record.model, record.policy, stale)}
      </Heading>
      <Bases bases={record.bases} />
      <p className="wb-Muted">{trans.__('looked at %1', moment(record.time))}</p>
    </>
  );
}

export function Bases(props: { bases: Basis[] }) {
  const trans = useLanguage();
  return (
    <Table<Basis>
      caption={trans.__('What it rests on')}
      rows={props.bases}
      rowKey={(_, index) => String(index)}
      columns={[
        {
          key: 'holds',
          label: trans.__('holds'),
          cell: b => (
            <Chip
              outcome={b.stale ? 'inconclusive' : 'pass'}
              word={b.stale ? trans.__('stale') : trans.__('holds')}
            />
          ),
          sortBy: b => Number(!b.stale)
        },
        {
          key: 'what',
          label: trans.__('what'),
          cell: b => (
            <>
              {b.kind} <b>{b.name}</b>
            </>
          ),
          sortBy: b => `${b.kind} ${b.name}`,
          heading: true
        },
        { key: 'since', label: trans.__('since'), cell: b => <Since basis={b} />, sortBy: b => b.since },
        {
          key: 'rests',
          label: trans.__('rests on'),
          cell: b => Object.entries(b.rests_on).map(([of, digest]) => <Digest key={of} of={of} is={digest} />)
        },
        {
          key: 'renew',
          label: trans.__('to renew'),
          cell: b =>
            b.stale && (
              <>
                <div>{b.why}</div>
                <Command command={b.renew} />
              </>
            )
        }
      ]}
    />
  );
}

function Since(props: { basis: Basis }) {
  const trans = useLanguage();
  const { since, until, stale } = props.basis;
  return (
    <>
      {since === null ? trans.__('never') : moment(since)}{' '}
      {until !== null && !stale && <small className="wb-Muted">{trans.__('until %1', moment(until))}</small>}
    </>
  );
}

/** What something is of, and the first digits of it; several digests are separated by commas. */
function Digest(props: { of: string; is: string }) {
  return (
    <div className="wb-NoBreak">
      {props.of} <code>{props.is.split(', ').map(short).join(', ')}</code>
    </div>
  );
}
