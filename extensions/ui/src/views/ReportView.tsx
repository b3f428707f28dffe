import * as React from 'react';
import { Heading } from '../parts/Heading';
import { useLanguage } from '../context';
import { SIGNS, count, estimate, moment, short, text } from '../format';
import { outcomeOf } from '../judge';
import { Chip } from '../parts/Chip';
import { FigureView } from '../parts/FigureView';
import { Tabs } from '../parts/Tabs';
import type { Evidence, Measurement, Report } from '../records';
import { headlines, outcomes, taken, tally } from '../summary';
import { Groups } from './Groups';
import { MeasurementTable, rowsOf } from './Measurements';
import { Threshold } from './Threshold';

export function ReportView(props: { record: Report }) {
  const trans = useLanguage();
  const report = props.record;
  const rows = React.useMemo(() => rowsOf(report.evidence), [report]);
  const grouped = rows.filter(row => row.slice.includes('='));
  const drawn = report.evidence.filter(e => e.figures.length > 0);
  return (
    <>
      <Heading level={2}>
        {report.subject} <Chip outcome={outcomeOf(report)} />
      </Heading>
      <Meta report={report} />
      <p className="wb-Lead">{outcomes(report.evidence)}</p>
      <div className="wb-Cards">
        {report.evidence.map((evidence, index) => (
          <EvidenceCard key={index} evidence={evidence} />
        ))}
      </div>
      <Around report={report} />
      <Tabs
        label={trans.__('Parts of the report')}
        tabs={[
          grouped.length > 0 && {
            key: 'groups',
            label: trans.__('Compare groups'),
            content: () => <Groups rows={rows} sensitive={report.sensitive} />
          },
          report.scores !== null && {
            key: 'threshold',
            label: trans.__('Move the threshold'),
            content: () => report.scores && <Threshold scores={report.scores} />
          },
          rows.length > 0 && {
            key: 'numbers',
            label: trans.__('Every number'),
            content: () => <MeasurementTable rows={rows} />
          },
          drawn.length > 0 && {
            key: 'figures',
            label: trans.__('Figures'),
            content: () => drawn.map((evidence, index) => <Figures key={index} evidence={evidence} />)
          },
          {
            key: 'made',
            label: trans.__('How it was made'),
            content: () => <Provenance report={report} />
          }
        ]}
      />
    </>
  );
}

function Meta(props: { report: Report }) {
  const trans = useLanguage();
  const { report } = props;
  const parts = [
    trans.__('%1 of %2', report.task, report.target),
    report.positive !== null && trans.__('positive label %1', text(report.positive)),
    report.sensitive.length > 0 && trans.__('sensitive: %1', report.sensitive.join(', ')),
    trans.__('%1 rows, data %2', count(report.rows), short(report.data_digest)),
    report.model && trans.__('model %1', short(report.model.digest)),
    moment(report.created)
  ];
  return <p className="wb-Muted">{parts.filter(Boolean).join(' · ')}</p>;
}

/** What was assumed about the data and the model, and which audits could not be done. */
function Around(props: { report: Report }) {
  const { report } = props;
  const trans = useLanguage();
  const left = Object.entries(report.left_out).map(([audit, why]) =>
    trans.__('%1 not measured: %2', audit, why)
  );
  const told = [...left, ...report.notes];
  return told.length === 0 ? null : (
    <ul className="wb-Muted">
      {told.map((line, index) => (
        <li key={index}>{line}</li>
      ))}
    </ul>
  );
}

function Figures(props: { evidence: Evidence }) {
  const { evidence } = props;
  return (
    <section>
      <Heading level={3}>{evidence.audit.replace(/_/g, ' ')}</Heading>
      <div className="wb-Figures">
        {evidence.figures.map((figure, index) => (
          <FigureView key={index} figure={figure} />
        ))}
      </div>
    </section>
  );
}

/** Failures of one audit that its card names. */
const FAILURES = 3;

/** One audit on one card: how it ended, the figures to read first, what failed, what the reader must know. */
export function EvidenceCard(props: { evidence: Evidence }) {
  const trans = useLanguage();
  const { evidence } = props;
  const first = headlines(evidence);
  const failed = evidence.measurements.filter(m => m.outcome === 'fail' && !first.includes(m));
  const bare = evidence.measurements.length === 0;
  return (
    <section className="wb-Card" aria-label={trans.__('Audit %1', evidence.audit)}>
      <Heading level={3}>
        {evidence.audit.replace(/_/g, ' ')} <Chip outcome={evidence.outcome} />
      </Heading>
      {evidence.error && (
        <p className="wb-Error">{trans.__('It could not be measured: %1', evidence.error)}</p>
      )}
      <dl className="wb-Numbers">
        {[...first, ...failed.slice(0, FAILURES)].map((m, index) => (
          <Figure key={index} measurement={m} />
        ))}
      </dl>
      <p className="wb-Muted wb-Tally">
        {[!evidence.error && tally(evidence), taken(evidence)].filter(Boolean).join(' · ')}
      </p>
      {evidence.notes.length > (bare ? 1 : 0) && (
        <details>
          <summary>{trans._n('%1 note', '%1 notes', evidence.notes.length)}</summary>
          <ul>
            {evidence.notes.map((note, index) => (
              <li key={index}>{note}</li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function Figure(props: { measurement: Measurement }) {
  const m = props.measurement;
  const [value, interval] = estimate(m);
  return (
    <>
      <dt title={m.note || undefined}>
        {m.metric.replace(/_/g, ' ')}
        {m.slice && <small className="wb-Muted"> {m.slice}</small>}
      </dt>
      <dd>
        {value} <small className="wb-Interval">{interval}</small>
        {(m.outcome === 'fail' || m.outcome === 'inconclusive') && (
          <span className="wb-Sign" data-outcome={m.outcome}>
            <span aria-hidden="true"> {SIGNS[m.outcome]}</span>
            <span className="wb-Hidden"> {m.outcome}</span>
          </span>
        )}
      </dd>
    </>
  );
}

function Provenance(props: { report: Report }) {
  const { report } = props;
  const trans = useLanguage();
  return (
    <>
      {report.code && <pre className="wb-Code">{report.code}</pre>}
      <ul>
        {report.evidence.map((e, index) => (
          <li key={index}>
            {trans.__('%1: %2 s, seed %3', e.audit, e.seconds.toFixed(1), e.seed)}
            {e.made_by && ` · ${e.made_by}`}
            {Object.keys(e.spec).length > 0 && ` · ${text(e.spec)}`}
            {Object.entries(e.libraries).map(([name, version]) => ` · ${name} ${version}`)}
          </li>
        ))}
      </ul>
    </>
  );
}
