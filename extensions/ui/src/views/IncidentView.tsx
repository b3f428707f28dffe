import * as React from 'react';
import { Heading } from '../parts/Heading';
import { useLanguage } from '../context';
import { count, moment, short } from '../format';
import { Chip } from '../parts/Chip';
import { Facts } from '../parts/Facts';
import type { Incident, Outcome } from '../records';

/** The sign that goes with where an incident stands. */
export const INCIDENT_OUTCOME: Readonly<Record<Incident['status'], Outcome>> = {
  open: 'fail',
  explained: 'inconclusive',
  closed: 'pass'
};

export function IncidentView(props: { record: Incident }) {
  const trans = useLanguage();
  const incident = props.record;
  return (
    <>
      <Heading level={2}>
        {incident.id}: {incident.title}{' '}
        <Chip outcome={INCIDENT_OUTCOME[incident.status]} word={incident.status} />
      </Heading>
      {incident.finding && <p>{incident.finding}</p>}
      <Facts
        facts={[
          [
            trans.__('frozen'),
            trans.__(
              '%1 requests, %2 rows, digest %3',
              count(incident.requests),
              count(incident.rows),
              short(incident.digest)
            ) + (incident.labelled ? trans.__(', with labels') : '')
          ],
          [
            trans.__('window'),
            incident.since && trans.__('%1 to %2', moment(incident.since), moment(incident.until))
          ],
          [trans.__('endpoint'), incident.endpoint],
          [trans.__('answered by'), incident.versions.map(v => `${incident.model}/${v}`).join(', ')],
          [
            trans.__('opened'),
            trans.__('%1 by %2, from %3', moment(incident.opened), incident.opened_by, incident.source)
          ]
        ]}
      />
      {incident.notes.length > 0 && (
        <ul>
          {incident.notes.map((note, index) => (
            <li key={index}>{note}</li>
          ))}
        </ul>
      )}
      {incident.cases.length > 0 && (
        <p>{trans.__('Saved as a case that every later audit runs: %1', incident.cases.join(', '))}</p>
      )}
    </>
  );
}
