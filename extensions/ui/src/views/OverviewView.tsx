import * as React from 'react';
import { useLanguage } from '../context';
import { moment } from '../format';
import { AuditChips, IncidentGlanceItem, Refusals, ReleaseGlanceItem } from '../panel/glances';
import { Chip } from '../parts/Chip';
import { Heading } from '../parts/Heading';
import { StaleList } from '../parts/StaleList';
import { Table } from '../parts/Table';
import { EndpointsTable } from './EndpointsTable';
import type { ModelGlance, Overview, VerdictGlance, VersionGlance } from '../records';

/** The project in a notebook: what the panel lists, as it stood when the cell ran. */
export function OverviewView(props: { record: Overview }) {
  const trans = useLanguage();
  const { models, releases, incidents, refusals } = props.record;
  const endpoints = props.record.endpoints ?? []; // a record saved by an earlier version has none
  return (
    <>
      <Heading level={2}>
        {[
          trans._n('%1 model', '%1 models', models.length),
          trans._n('%1 incident not closed', '%1 incidents not closed', incidents.length)
        ].join(', ')}
      </Heading>
      <Refusals refusals={refusals} />
      {models.length === 0 && <p>{trans.__('No model is registered yet.')}</p>}
      {models.map(model => (
        <Versions key={model.name} model={model} />
      ))}
      {releases.length > 0 && (
        <>
          <Heading level={3}>{trans.__('Releases')}</Heading>
          <ul className="wb-Plain wb-Glances">
            {releases.map(release => (
              <ReleaseGlanceItem
                key={release.id}
                release={release}
                said={endpoints.find(endpoint => endpoint.release === release.id)?.verdicts}
              />
            ))}
          </ul>
        </>
      )}
      <EndpointsTable endpoints={endpoints} />
      {incidents.length > 0 && (
        <>
          <Heading level={3}>{trans.__('Incidents')}</Heading>
          <ul className="wb-Plain wb-Glances">
            {incidents.map(incident => (
              <IncidentGlanceItem key={incident.id} incident={incident} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Versions(props: { model: ModelGlance }) {
  const trans = useLanguage();
  const { model } = props;
  return (
    <>
      <Heading level={3}>{model.name}</Heading>
      <Table<VersionGlance>
        caption={trans.__('Versions of %1', model.name)}
        rows={model.versions}
        rowKey={version => String(version.version)}
        columns={[
          {
            key: 'version',
            label: trans.__('version'),
            cell: v => v.version,
            sortBy: v => v.version,
            heading: true
          },
          {
            key: 'is',
            label: trans.__('is'),
            cell: v =>
              v.aliases.map(alias => (
                <span key={alias} className="wb-Alias">
                  {alias}
                </span>
              ))
          },
          {
            key: 'verdict',
            label: trans.__('verdict'),
            cell: v => <Judged verdict={v.verdict} />,
            sortBy: v => v.verdict?.outcome ?? null
          },
          { key: 'approvals', label: trans.__('approvals'), cell: v => <Approvals verdict={v.verdict} /> },
          {
            key: 'audits',
            label: trans.__('audits'),
            cell: v =>
              v.evidence ? (
                <AuditChips evidence={v.evidence} />
              ) : (
                <span className="wb-Muted">{trans.__('not audited')}</span>
              )
          },
          {
            key: 'by',
            label: trans.__('by'),
            cell: v => (
              <>
                {v.author}, <span className="wb-NoBreak">{moment(v.created)}</span>
              </>
            ),
            sortBy: v => v.created
          }
        ]}
      />
      {model.versions
        .filter(version => version.stale.length > 0)
        .map(version => (
          <div key={version.version}>
            <b>{trans.__('%1/%2', model.name, version.version)}</b> <StaleList stale={version.stale} />
          </div>
        ))}
    </>
  );
}

function Judged(props: { verdict: VerdictGlance | null }) {
  const trans = useLanguage();
  const { verdict } = props;
  if (!verdict) {
    return <span className="wb-Muted wb-NoBreak">{trans.__('not judged')}</span>;
  }
  return (
    <>
      <Chip outcome={verdict.outcome} />
      {verdict.stale && <small className="wb-Muted"> {trans.__('stale')}</small>}
    </>
  );
}

function Approvals(props: { verdict: VerdictGlance | null }) {
  const trans = useLanguage();
  const missing = Object.entries(props.verdict?.missing_approvals ?? {});
  return (
    <>
      {(props.verdict?.rejected_by.length ?? 0) > 0 && (
        <Chip outcome="fail" word={trans.__('rejected by %1', props.verdict?.rejected_by.join(', '))} />
      )}{' '}
      {props.verdict?.approved_by.join(', ')}
      {missing.map(([role, need]) => (
        <small key={role} className="wb-Muted">
          {' '}
          {trans.__('needs %1 by %2', need, role)}
        </small>
      ))}
    </>
  );
}
