import * as React from 'react';
import { Heading } from '../parts/Heading';
import { useLanguage } from '../context';
import { moment, number, short } from '../format';
import { Chip } from '../parts/Chip';
import type { BisectReport, Outcome, Trial } from '../records';

const TRIAL_OUTCOME: Readonly<Record<Trial['outcome'], Outcome>> = {
  good: 'pass',
  bad: 'fail',
  untestable: 'inconclusive'
};

export function BisectView(props: { record: BisectReport }) {
  const trans = useLanguage();
  const report = props.record;
  return (
    <>
      <Heading level={2}>
        {trans.__('Bisection of %1', report.incident)} <Chip outcome={report.outcome} />
      </Heading>
      <p>{report.sentence}</p>
      <Versions report={report} />
      <Heading level={3}>{trans.__('Tried, in this order')}</Heading>
      <ol className="wb-Trials">
        {report.trials.map((trial, index) => (
          <li key={index}>
            <b>
              {report.model}/{trial.version}
            </b>{' '}
            <Chip outcome={TRIAL_OUTCOME[trial.outcome]} word={trial.outcome} />{' '}
            <span>{trial.reason || (trial.value !== null && number(trial.value))}</span>
          </li>
        ))}
      </ol>
      {report.changes.length > 0 && (
        <>
          <Heading level={3}>
            {trans.__('What changed between %1 and %2', report.last_good ?? '?', report.first_bad ?? '?')}
          </Heading>
          <ul>
            {report.changes.map((change, index) => (
              <li key={index}>{change}</li>
            ))}
          </ul>
        </>
      )}
      <p className="wb-Muted">
        {trans.__('frozen rows %1', short(report.digest))} · {moment(report.time)}
      </p>
    </>
  );
}

/** The versions in their own order, so that the edge between good and bad is seen. */
function Versions(props: { report: BisectReport }) {
  const trans = useLanguage();
  const { report } = props;
  const trials = [...report.trials].sort((a, b) => a.version - b.version);
  return (
    <ul className="wb-Versions" aria-label={trans.__('Versions in order')}>
      {trials.map(trial => (
        <li key={trial.version} data-first-bad={trial.version === report.first_bad || undefined}>
          <Chip outcome={TRIAL_OUTCOME[trial.outcome]} word={`v${trial.version}`} />
          {trial.version === report.first_bad && <small>{trans.__('first bad')}</small>}
          {trial.version === report.last_good && <small>{trans.__('last good')}</small>}
        </li>
      ))}
    </ul>
  );
}
