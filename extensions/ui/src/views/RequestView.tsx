import * as React from 'react';
import { useLanguage } from '../context';
import { moment, short } from '../format';
import { Chip } from '../parts/Chip';
import { Heading } from '../parts/Heading';
import type { ApprovalRequest } from '../records';
import { Comparison } from './Comparison';
import { FindingList } from './Findings';
import { Rules } from './Rules';

/** What an approver was shown when somebody asked. */
export function RequestView(props: { record: ApprovalRequest }) {
  const trans = useLanguage();
  const { record } = props;
  const { difference, verdict } = record;
  return (
    <>
      <Heading level={2}>
        {trans.__('Approval requested: %1', record.model)}{' '}
        <small className="wb-Muted">{short(record.model_digest)}</small> <Chip outcome={verdict.outcome} />
      </Heading>
      <p>
        {trans.__('%1 asks under policy %2: “%3”', record.by, record.policy, record.note)}{' '}
        <span className="wb-Muted">{moment(record.time)}</span>
      </p>
      <Heading level={3}>{trans.__('Verdict')}</Heading>
      <p>{verdict.reason}</p>
      <Rules verdict={verdict} />
      <Comparison difference={difference} />
      <Heading level={3}>{trans.__('Open findings')}</Heading>
      <FindingList findings={difference.findings} />
      <p className="wb-Muted">
        {[
          record.id,
          trans.__('policy %1', short(record.policy_digest)),
          trans._n('evidence from %1 data set', 'evidence from %1 data sets', verdict.data.length)
        ].join(' · ')}
      </p>
    </>
  );
}
