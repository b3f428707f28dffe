import * as React from 'react';
import { Language, useLanguage } from '../context';
import { number } from '../format';
import { Chip } from '../parts/Chip';
import { Answering, Driver, LastDrill, Sentences, Served, Standby } from '../parts/EndpointFacts';
import { Facts } from '../parts/Facts';
import { Heading } from '../parts/Heading';
import type {
  EndpointGlance,
  EvidenceGlance,
  IncidentGlance,
  Outcome,
  RefusalGlance,
  ReleaseGlance
} from '../records';
import { INCIDENT_OUTCOME } from '../views/IncidentView';
import { STATUS_OUTCOME } from '../views/ReleaseView';

/** Opens a record by its view and id. Without it a name is only a name: in a notebook nothing can be opened. */
export type Open = (view: string, id: string) => void;

function Name(props: { view: string; id: string; label?: string; onOpen?: Open }) {
  const { view, id, onOpen, label = id } = props;
  return onOpen ? (
    <button type="button" className="wb-Link" onClick={() => onOpen(view, id)}>
      {label}
    </button>
  ) : (
    <b>{label}</b>
  );
}

/** Every audit of a version with how it ended. */
export function AuditChips(props: { evidence: EvidenceGlance }) {
  return (
    <ul className="wb-Audits">
      {Object.entries(props.evidence.audits).map(([audit, outcome]) => (
        <li key={audit}>
          <Chip outcome={outcome as Outcome} word={audit} />
          <span className="wb-Hidden">{outcome}</span>
        </li>
      ))}
    </ul>
  );
}

/** Bytes that are not those that were approved: what was not let in, and what answers all the same. */
export function Refusals(props: { refusals?: RefusalGlance[] }) {
  const trans = useLanguage();
  const refusals = props.refusals ?? []; // a record saved by an earlier version has none
  if (refusals.length === 0) {
    return null;
  }
  return (
    <section aria-label={trans.__('Refused')}>
      <Heading level={3}>{trans.__('Refused')}</Heading>
      <ul className="wb-Plain">
        {refusals.map(refusal => (
          <li className="wb-Item" key={`${refusal.by} ${refusal.name}`}>
            <div className="wb-Item-line">
              <b>{refusal.name}</b>
              <Chip outcome="fail" word={trans.__('refused')} />
            </div>
            <div>{refusal.reason}</div>
            <div className="wb-Muted">{consequence(refusal, trans)}</div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function consequence(refusal: RefusalGlance, trans: Language): string {
  if (refusal.by === 'release') {
    return trans.__('The release did not move anything.');
  }
  return refusal.answering
    ? trans.__('%1 goes on answering.', refusal.answering)
    : trans.__('No model answers.');
}

/** Where one release stands; `said` is what each metric of its stage says. */
export function ReleaseGlanceItem(props: {
  release: ReleaseGlance;
  said?: readonly string[];
  onOpen?: Open;
}) {
  const trans = useLanguage();
  const { release } = props;
  return (
    <li className="wb-Item" data-release={release.id}>
      <div className="wb-Item-line">
        <Name view="release" id={release.id} onOpen={props.onOpen} />
        <Chip
          outcome={STATUS_OUTCOME[release.status as keyof typeof STATUS_OUTCOME]}
          word={release.status.replace('_', ' ')}
        />
      </div>
      <div className="wb-Muted">
        {trans.__('%1 · %2 (%3 of %4)', release.candidate, release.stage, release.step, release.steps)}
      </div>
      <label className="wb-Weight">
        <progress max={1} value={release.weight} />
        <span>{trans.__('%1 of requests', number(release.weight, 'rate'))}</span>
      </label>
      {release.reason && <div className="wb-Muted">{release.reason}</div>}
      <Sentences said={props.said ?? []} />
    </li>
  );
}

/** One endpoint where there is no room for a table: what its release says stands with the release. */
export function EndpointGlanceItem(props: { endpoint: EndpointGlance }) {
  const trans = useLanguage();
  const { endpoint } = props;
  return (
    <li className="wb-Item" data-endpoint={endpoint.name}>
      <div className="wb-Item-line">
        <b>{endpoint.name}</b>
        <Served endpoint={endpoint} />
      </div>
      <Facts
        facts={[
          [trans.__('answers'), <Answering endpoint={endpoint} />],
          [trans.__('standby'), <Standby endpoint={endpoint} />],
          [trans.__('last drill'), <LastDrill endpoint={endpoint} />],
          [trans.__('driven by'), <Driver endpoint={endpoint} />]
        ]}
      />
    </li>
  );
}

/** One incident; what is put into it comes last. */
export function IncidentGlanceItem(props: {
  incident: IncidentGlance;
  onOpen?: Open;
  children?: React.ReactNode;
}) {
  const trans = useLanguage();
  const { incident, onOpen } = props;
  return (
    <li className="wb-Item" data-incident={incident.id}>
      <div className="wb-Item-line">
        <Name view="incident" id={incident.id} onOpen={onOpen} />
        <Chip
          outcome={INCIDENT_OUTCOME[incident.status as keyof typeof INCIDENT_OUTCOME]}
          word={incident.status}
        />
      </div>
      <div>{incident.title}</div>
      {incident.finding && (
        <div>
          <Name view="bisect" id={incident.id} label={trans.__('Finding')} onOpen={onOpen} />{' '}
          <span className="wb-Muted">{incident.finding}</span>
        </div>
      )}
      {props.children}
    </li>
  );
}
