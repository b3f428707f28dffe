import * as React from 'react';
import { Heading } from '../parts/Heading';
import { useLanguage } from '../context';
import { moment } from '../format';
import { Table } from '../parts/Table';
import type { ModelCard } from '../records';
import { FindingList, Waivers } from './Findings';
import { Bases } from './FreshnessView';
import { IncidentView } from './IncidentView';
import { ModelView } from './ModelView';
import { ReleaseView } from './ReleaseView';
import { EvidenceCard } from './ReportView';
import { SaidLine } from './SaidLine';
import { VerdictView } from './VerdictView';

/** One version on one page, for somebody who must decide. */
export function CardView(props: { record: ModelCard }) {
  const trans = useLanguage();
  const card = props.record;
  return (
    <>
      <ModelView record={card.model} />
      {card.evidence.length > 0 && (
        <div className="wb-Cards">
          {card.evidence.map((evidence, index) => (
            <EvidenceCard key={index} evidence={evidence} />
          ))}
        </div>
      )}
      {card.verdict ? (
        <VerdictView record={card.verdict} />
      ) : (
        <p className="wb-Muted">{trans.__('No gate has judged it.')}</p>
      )}
      <Said card={card} />
      {card.freshness && (
        <>
          <Heading level={3}>{trans.__('Does it still hold?')}</Heading>
          <Bases bases={card.freshness.bases} />
        </>
      )}
      <Heading level={3}>{trans.__('Findings')}</Heading>
      <FindingList findings={card.findings} />
      {card.waivers.length > 0 && (
        <>
          <Heading level={3}>{trans.__('Waivers')}</Heading>
          <Waivers waivers={card.waivers} />
        </>
      )}
      {card.releases.map(release => (
        <ReleaseView key={release.id} record={release} />
      ))}
      {card.incidents.map(incident => (
        <IncidentView key={incident.id} record={incident} />
      ))}
      <Heading level={3}>{trans.__('What only a person can say')}</Heading>
      <dl>
        {card.statements.map((statement, index) => (
          <React.Fragment key={index}>
            <dt>
              <b>{statement.title}</b> <span className="wb-Muted">{statement.question}</span>
            </dt>
            <dd>
              {statement.text} {statement.by && `— ${statement.by}, ${moment(statement.time)}`}
            </dd>
          </React.Fragment>
        ))}
      </dl>
      <Heading level={3}>{trans.__('History')}</Heading>
      <Table
        caption={trans.__('History')}
        rows={card.history}
        rowKey={line => String(line.seq)}
        first={20}
        columns={[
          { key: 'time', label: trans.__('when'), cell: l => moment(l.time), sortBy: l => l.seq },
          { key: 'actor', label: trans.__('who'), cell: l => l.actor, sortBy: l => l.actor },
          { key: 'what', label: trans.__('what'), cell: l => l.what }
        ]}
      />
      {card.checkpoint && (
        <details>
          <summary>
            {trans.__('Signed checkpoint of the journal: keep it, and hold a later journal against it')}
          </summary>
          <pre>{card.checkpoint}</pre>
        </details>
      )}
      <p className="wb-Muted">
        {trans.__('Rests on %1 journal entries, root %2', card.journal_size, card.journal_root.slice(0, 16))}
        {' · '}
        {moment(card.time)}
      </p>
    </>
  );
}

/** What people have said of these bytes: what counts, then what counts no longer. */
function Said(props: { card: ModelCard }) {
  const trans = useLanguage();
  const { approvals, lapsed } = props.card;
  return (
    <>
      {approvals.map(approval => (
        <p key={approval.id}>
          <SaidLine approval={approval} />
        </p>
      ))}
      {lapsed.length > 0 && (
        <details>
          <summary>{trans._n('%1 counts no longer', '%1 count no longer', lapsed.length)}</summary>
          <ul>
            {lapsed.map((lapse, index) => (
              <li key={index}>
                <SaidLine approval={lapse.approval} /> <b>{trans.__('It %1.', lapse.why)}</b>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
