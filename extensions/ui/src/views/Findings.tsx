import * as React from 'react';
import { useLanguage } from '../context';
import { moment } from '../format';
import { Chip } from '../parts/Chip';
import type { Finding, Outcome, Waiver } from '../records';

const STATUS_OUTCOME: Readonly<Record<Finding['status'], Outcome>> = {
  open: 'fail',
  accepted: 'inconclusive',
  fixed: 'pass'
};

/** Findings, a line each; what is put into one by `children` comes last. */
export function FindingList(props: {
  findings: readonly Finding[];
  children?: (finding: Finding) => React.ReactNode;
}) {
  const trans = useLanguage();
  if (props.findings.length === 0) {
    return <p className="wb-Muted">{trans.__('None.')}</p>;
  }
  return (
    <ul className="wb-Plain wb-Findings">
      {props.findings.map(finding => (
        <li key={finding.id} data-finding={finding.id}>
          <Chip outcome={STATUS_OUTCOME[finding.status]} word={`${finding.severity}, ${finding.status}`} />{' '}
          {finding.title} <Story finding={finding} />
          {props.children?.(finding)}
        </li>
      ))}
    </ul>
  );
}

function Story(props: { finding: Finding }) {
  const trans = useLanguage();
  const { finding } = props;
  const parts = [
    finding.id,
    trans.__('by %1, %2', finding.by, moment(finding.time)),
    finding.status === 'accepted' &&
      trans.__('accepted until %1 by %2: %3', finding.accepted_until, finding.accepted_by, finding.note),
    finding.status === 'fixed' && trans.__('fixed in %1: %2', finding.fixed_in, finding.note)
  ];
  return <small className="wb-Muted">{parts.filter(Boolean).join(' · ')}</small>;
}

/** Somebody's word that a model may be kept as a program, until a day. */
export function Waivers(props: { waivers: readonly Waiver[] }) {
  const trans = useLanguage();
  return (
    <ul>
      {props.waivers.map(waiver => (
        <li key={waiver.id}>
          {trans.__('%1 until %2, by %3: %4', waiver.kind, waiver.until, waiver.by, waiver.reason)}
        </li>
      ))}
    </ul>
  );
}
