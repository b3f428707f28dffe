import * as React from 'react';
import { useLanguage } from '../context';
import { Chip } from '../parts/Chip';
import { Table } from '../parts/Table';
import type { RuleResult, Verdict } from '../records';

/** What each rule of a policy says; the members of a group stand below it. */
export function Rules(props: { verdict: Verdict }) {
  const trans = useLanguage();
  const { rules } = props.verdict;
  // A sorted member would stand below another group than its own.
  const sortBy = (by: (rule: RuleResult) => string) => (rules.some(r => r.depth > 0) ? undefined : by);
  if (rules.length === 0) {
    return null;
  }
  return (
    <Table
      caption={trans.__('Rules')}
      rows={rules}
      rowKey={(_, index) => String(index)}
      columns={[
        {
          key: 'outcome',
          label: trans.__('outcome'),
          cell: r => <Chip outcome={r.outcome} />,
          sortBy: sortBy(r => r.outcome)
        },
        { key: 'rule', label: trans.__('rule'), cell: rule, sortBy: sortBy(r => r.rule), heading: true },
        {
          key: 'reason',
          label: trans.__('why'),
          cell: r => (
            <>
              {r.reason} {r.because && <small className="wb-Muted">{r.because}</small>}
            </>
          )
        }
      ]}
    />
  );
}

const rule = (result: RuleResult): React.ReactNode => (
  <span className="wb-Rule" style={{ paddingLeft: `${1.4 * result.depth}em` }} data-depth={result.depth}>
    {result.depth > 0 && <span aria-hidden="true">└ </span>}
    {result.rule}
  </span>
);
