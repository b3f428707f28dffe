import * as React from 'react';
import { Heading } from '../parts/Heading';
import { useLanguage } from '../context';
import { moment, short } from '../format';
import { missingApprovals } from '../judge';
import { Chip } from '../parts/Chip';
import { Table } from '../parts/Table';
import type { Verdict } from '../records';

export function VerdictView(props: { record: Verdict }) {
  const trans = useLanguage();
  const verdict = props.record;
  return (
    <>
      <Heading level={2}>
        {trans.__('%1 against policy %2', verdict.model, verdict.policy)} <Chip outcome={verdict.outcome} />
      </Heading>
      <p>{verdict.reason}</p>
      {verdict.rules.length > 0 && (
        <Table
          caption={trans.__('Rules')}
          rows={verdict.rules}
          rowKey={(_, index) => String(index)}
          columns={[
            {
              key: 'outcome',
              label: trans.__('outcome'),
              cell: r => <Chip outcome={r.outcome} />,
              sortBy: r => r.outcome
            },
            {
              key: 'rule',
              label: trans.__('rule'),
              cell: r => r.rule,
              sortBy: r => r.rule,
              heading: true
            },
            { key: 'reason', label: trans.__('why'), cell: r => r.reason }
          ]}
        />
      )}
      <Approvals verdict={verdict} />
      <p className="wb-Muted">
        {[
          trans.__('model %1', short(verdict.model_digest)),
          trans.__('policy %1', short(verdict.policy_digest)),
          trans._n('%1 piece of evidence', '%1 pieces of evidence', verdict.evidence.length),
          moment(verdict.time)
        ].join(' · ')}
      </p>
    </>
  );
}

function Approvals(props: { verdict: Verdict }) {
  const trans = useLanguage();
  const { required_approvals: required, given_approvals: given } = props.verdict;
  const missing = new Map(missingApprovals(props.verdict));
  const roles = Object.keys(required);
  if (roles.length === 0) {
    return null;
  }
  return (
    <>
      <Heading level={3}>{trans.__('Approvals')}</Heading>
      <ul className="wb-Plain">
        {roles.map(role => (
          <li key={role}>
            {missing.has(role) ? (
              <Chip outcome="inconclusive" word={trans.__('%1 to come', missing.get(role))} />
            ) : (
              <Chip outcome="pass" word={trans.__('given')} />
            )}{' '}
            <b>{role}</b>: {given[role]?.join(', ') || trans.__('nobody yet')}
          </li>
        ))}
      </ul>
    </>
  );
}
