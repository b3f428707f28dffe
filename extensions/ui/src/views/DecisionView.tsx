import * as React from 'react';
import { Heading } from '../parts/Heading';
import { useLanguage } from '../context';
import { moment, number, places, short, signed, value } from '../format';
import { SignedBar, spanOf } from '../parts/SignedBar';
import { Table } from '../parts/Table';
import type { Candidate, Counterfactual, Decision, ReasonCodes } from '../records';

export function DecisionView(props: { record: Decision }) {
  const trans = useLanguage();
  const decision = props.record;
  const { reasons, change } = decision;
  return (
    <>
      <Heading level={2}>{trans.__('%1 answers “%2”', decision.model, value(decision.answer))}</Heading>
      <p className="wb-Muted">
        {[
          trans.__('for %1', decision.target),
          decision.score !== null && trans.__('probability %1', number(decision.score, 'rate'))
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      <Heading level={3}>{trans.__('Why')}</Heading>
      <Reasons reasons={reasons} />
      {change && <Changes change={change} />}
      <ul className="wb-Muted">
        {[...decision.notes, ...reasons.notes, ...(change?.notes ?? [])].map((note, index) => (
          <li key={index}>{note}</li>
        ))}
      </ul>
      <p className="wb-Muted">
        {[
          trans.__('Holds values of one row: show it to whom the row may be shown.'),
          trans.__('model %1', short(decision.model_digest)),
          trans.__('asked by %1', decision.asked_by),
          moment(decision.time)
        ].join(' · ')}
      </p>
      {decision.code && (
        <details>
          <summary>{trans.__('How to make this again')}</summary>
          <pre className="wb-Code">{decision.code}</pre>
        </details>
      )}
    </>
  );
}

interface Line {
  text: string;
  amount: number;
  /** What a part pushed towards; the two ends of the sum have no bar. */
  side?: 'towards' | 'against' | 'rest';
}

/** From typical rows over every reason to this row: the numbers add up to the last. */
function Reasons(props: { reasons: ReasonCodes }) {
  const trans = useLanguage();
  const { reasons: codes } = props;
  const parts: Line[] = [
    ...codes.reasons.map(r => ({ text: r.text, amount: r.contribution, side: 'towards' as const })),
    ...codes.against.map(r => ({ text: r.text, amount: r.contribution, side: 'against' as const })),
    { text: trans.__('all other columns'), amount: codes.rest, side: 'rest' }
  ];
  const span = spanOf(parts.map(p => p.amount));
  const digits = places([codes.base, codes.output, ...parts.map(p => p.amount)]);
  const seen = parts.filter(p => p.side !== 'rest' || /[1-9]/.test(signed(p.amount, digits)));
  const lines: Line[] = [
    { text: trans.__('typical rows, on average'), amount: codes.base },
    ...seen,
    { text: trans.__('this row'), amount: codes.output }
  ];
  return (
    <Table
      caption={trans.__('Reasons')}
      rows={lines}
      rowKey={(_, index) => String(index)}
      columns={[
        {
          key: 'reason',
          label: trans.__('reason'),
          cell: l => (l.side ? l.text : <b>{l.text}</b>),
          heading: true
        },
        {
          key: 'bar',
          label: trans.__('contribution'),
          cell: l => l.side && <SignedBar amount={l.amount} side={l.side} span={span} />
        },
        { key: 'amount', label: codes.about, cell: l => signed(l.amount, digits), numeric: true }
      ]}
    />
  );
}

function Changes(props: { change: Counterfactual }) {
  const trans = useLanguage();
  const { change } = props;
  const held = Object.entries(change.held);
  return (
    <>
      <Heading level={3}>{useSought(change)}</Heading>
      {change.candidates.length === 0 && <p>{trans.__('No change was found.')}</p>}
      <div className="wb-Changes">
        {change.candidates.map((candidate, index) => (
          <CandidateTable key={index} place={index + 1} candidate={candidate} />
        ))}
      </div>
      {held.length > 0 && (
        <p className="wb-Muted">
          {trans.__('Stays as it is:')}{' '}
          {held.map(([column, why], index) => (
            <React.Fragment key={column}>
              {index > 0 && ', '}
              <b>{column}</b> ({why})
            </React.Fragment>
          ))}
          .
        </p>
      )}
    </>
  );
}

/** What a change was looked for to get, in words. */
function useSought(change: Counterfactual): string {
  const trans = useLanguage();
  const { wanted } = change;
  if (wanted === null) {
    return trans.__('What gets another answer');
  }
  return Array.isArray(wanted)
    ? trans.__('What gets a prediction from %1 to %2', value(wanted[0]), value(wanted[1]))
    : trans.__('What gets the answer “%1”', value(wanted));
}

function CandidateTable(props: { place: number; candidate: Candidate }) {
  const trans = useLanguage();
  const { candidate } = props;
  const answer = `${props.place}. “${value(candidate.answer)}”`;
  return (
    <Table
      caption={
        candidate.score === null
          ? answer
          : trans.__('%1, probability %2', answer, number(candidate.score, 'rate'))
      }
      showCaption
      rows={candidate.changes}
      rowKey={c => c.column}
      columns={[
        { key: 'column', label: trans.__('column'), cell: c => c.column, heading: true },
        { key: 'before', label: trans.__('now'), cell: c => value(c.before) },
        {
          key: 'after',
          label: trans.__('instead'),
          cell: c => (
            <>
              <span aria-hidden="true">→</span> {value(c.after)}
            </>
          )
        }
      ]}
    />
  );
}
