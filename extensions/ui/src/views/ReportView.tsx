import * as React from 'react';
import { Heading } from '../parts/Heading';
import { useLanguage } from '../context';
import { count, interval, moment, number, short, text } from '../format';
import { outcomeOf } from '../judge';
import { Chip } from '../parts/Chip';
import { FigureView } from '../parts/FigureView';
import { Tabs } from '../parts/Tabs';
import type { Evidence, Report } from '../records';
import { betweenGroups, Groups } from './Groups';
import { MeasurementTable, rowsOf } from './Measurements';
import { Threshold } from './Threshold';

export function ReportView(props: { record: Report }) {
  const trans = useLanguage();
  const report = props.record;
  const rows = React.useMemo(() => rowsOf(report.evidence), [report]);
  const grouped = rows.filter(row => row.slice.includes('='));
  const figures = report.evidence.flatMap(e => e.figures);
  return (
    <>
      <Heading level={2}>
        {report.subject} <Chip outcome={outcomeOf(report)} />
      </Heading>
      <Meta report={report} />
      <div className="wb-Cards">
        {report.evidence.map((evidence, index) => (
          <EvidenceCard key={index} evidence={evidence} />
        ))}
      </div>
      <Tabs
        label={trans.__('Parts of the report')}
        tabs={[
          grouped.length > 0 && {
            key: 'groups',
            label: trans.__('Compare groups'),
            content: () => <Groups rows={rows} />
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
          figures.length > 0 && {
            key: 'figures',
            label: trans.__('Figures'),
            content: () => figures.map((figure, index) => <FigureView key={index} figure={figure} />)
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

/** One audit on one card: how it ended, its first overall numbers, what the reader must know. */
export function EvidenceCard(props: { evidence: Evidence }) {
  const trans = useLanguage();
  const { evidence } = props;
  const overall = evidence.measurements.filter(m => m.slice === '');
  const first = [betweenGroups(evidence.measurements), overall, evidence.measurements]
    .find(found => found.length > 0)
    ?.slice(0, 4);
  return (
    <section className="wb-Card" aria-label={trans.__('Audit %1', evidence.audit)}>
      <Heading level={3}>
        {evidence.audit} <Chip outcome={evidence.outcome} />
      </Heading>
      {evidence.error && (
        <p className="wb-Error">{trans.__('It could not be measured: %1', evidence.error)}</p>
      )}
      <dl className="wb-Numbers">
        {first?.map((m, index) => (
          <React.Fragment key={index}>
            <dt>
              {m.metric.replace(/_/g, ' ')}
              {m.slice && <small className="wb-Muted"> {m.slice}</small>}
            </dt>
            <dd>
              {number(m.value, m.unit)}{' '}
              <small className="wb-Interval">{interval(m.low, m.high, m.unit)}</small>
            </dd>
          </React.Fragment>
        ))}
      </dl>
      {evidence.notes.length > 0 && (
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
