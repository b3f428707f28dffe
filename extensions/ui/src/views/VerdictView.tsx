import * as React from 'react';
import { Heading } from '../parts/Heading';
import { useLanguage } from '../context';
import { moment, short } from '../format';
import { missingApprovals } from '../judge';
import { Chip } from '../parts/Chip';
import type { Verdict } from '../records';
import { Rules } from './Rules';

export function VerdictView(props: { record: Verdict }) {
  const trans = useLanguage();
  const verdict = props.record;
  return (
    <>
      <Heading level={2}>
        {trans.__('%1 against policy %2', verdict.model, verdict.policy)} <Chip outcome={verdict.outcome} />
      </Heading>
      <p>{verdict.reason}</p>
      <Rules verdict={verdict} />
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

/** Somebody's no, which nothing is released over. */
export function Rejected(props: { by: readonly string[] }) {
  const trans = useLanguage();
  return props.by.length === 0 ? null : (
    <div>
      <Chip outcome="fail" word={trans.__('rejected')} />{' '}
      {trans.__('by %1: nothing is released until that is taken back.', props.by.join(', '))}
    </div>
  );
}

function Approvals(props: { verdict: Verdict }) {
  const trans = useLanguage();
  const { required_approvals: required, given_approvals: given, rejected_by: against } = props.verdict;
  const missing = new Map(missingApprovals(props.verdict));
  const roles = Object.keys(required);
  if (roles.length === 0 && against.length === 0) {
    return null;
  }
  return (
    <>
      <Heading level={3}>{trans.__('Approvals')}</Heading>
      <Rejected by={against} />
      <ul className="wb-Plain wb-People">
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
