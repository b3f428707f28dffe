import * as React from 'react';
import { Surroundings, SurroundingsContext, useLanguage } from '../context';
import { moment, short } from '../format';
import { Boundary } from '../parts/Boundary';
import { Chip } from '../parts/Chip';
import { Heading } from '../parts/Heading';
import { StaleList } from '../parts/StaleList';
import type { Approval, Finding, Matter } from '../records';
import { Comparison } from '../views/Comparison';
import { FindingList } from '../views/Findings';
import { RequestView } from '../views/RequestView';
import { Rules } from '../views/Rules';
import type { Refusal } from './AskForm';
import { DecisionBar, Said } from './DecisionBar';
import { People } from './People';

export type MatterState =
  | { kind: 'loading' }
  | { kind: 'failed'; refusal: Refusal }
  /** `moved`: something else stands there by now, which the reader has not asked to see yet. */
  | { kind: 'ready'; matter: Matter; moved: boolean };

export interface DecideActions {
  /** Ask once more, then send it; what was not done says why. */
  say: (said: Said) => Promise<'done' | 'cancelled' | Refusal>;
  request: () => void;
  revoke: (approval: Approval) => void;
  openFinding: () => void;
  acceptFinding: (finding: Finding) => void;
  fixFinding: (finding: Finding) => void;
  /** Read it again, and show it as it is now. */
  refresh: () => void;
}

/** What an approver reads, and where they say yes or no. */
export function DecideView(props: {
  state: MatterState;
  actions: DecideActions;
  surroundings: Surroundings;
}) {
  return (
    <SurroundingsContext.Provider value={props.surroundings}>
      <Body {...props} />
    </SurroundingsContext.Provider>
  );
}

function Body(props: { state: MatterState; actions: DecideActions }) {
  const trans = useLanguage();
  const { state, actions } = props;
  if (state.kind === 'loading') {
    return (
      <p className="wb-Record wb-Muted" role="status">
        {trans.__('Reading what is known of it…')}
      </p>
    );
  }
  if (state.kind === 'failed') {
    return (
      <div className="wb-Record">
        <div className="wb-Notice" role="alert">
          <p>{state.refusal.message}</p>
          <p>{state.refusal.remedy}</p>
          <button type="button" className="wb-Button" onClick={actions.refresh}>
            {trans.__('Try again')}
          </button>
        </div>
      </div>
    );
  }
  return (
    <div className="wb-Decide">
      <article className="wb-Record" aria-label={trans.__('What is known of %1', state.matter.model)}>
        <Boundary data={state.matter}>
          <Known matter={state.matter} actions={actions} />
        </Boundary>
      </article>
      <DecisionBar matter={state.matter} moved={state.moved} actions={actions} />
    </div>
  );
}

function Known(props: { matter: Matter; actions: DecideActions }) {
  const trans = useLanguage();
  const { matter, actions } = props;
  const { verdict, difference } = matter;
  return (
    <>
      <Heading level={2}>
        {trans.__('Approve %1 under policy %2?', matter.model, matter.policy)}{' '}
        <small className="wb-Muted">{short(verdict.model_digest)}</small> <Chip outcome={verdict.outcome} />
      </Heading>
      <Asked matter={matter} />
      <People matter={matter} onRevoke={actions.revoke} />
      <StaleList stale={matter.freshness.bases.filter(basis => basis.stale)} />
      <Heading level={3}>{trans.__('Verdict, as a gate would judge now')}</Heading>
      <p>{verdict.reason}</p>
      <Rules verdict={verdict} />
      <Heading level={3}>{trans.__('Findings')}</Heading>
      <Findings matter={matter} actions={actions} />
      <Comparison difference={difference} />
    </>
  );
}

/** Who asked and why, and what is different since. */
function Asked(props: { matter: Matter }) {
  const trans = useLanguage();
  const { request, since } = props.matter;
  if (!request) {
    return <p className="wb-Muted">{trans.__('Nobody has asked for approval yet.')}</p>;
  }
  return (
    <>
      <p>
        {trans.__('%1 asks: “%2”', request.by, request.note)}{' '}
        <span className="wb-Muted">{moment(request.time)}</span>
      </p>
      {since.length > 0 && (
        <div className="wb-Notice">
          <p>
            <b>{trans.__('Since then:')}</b> {since.join(' ')}{' '}
            {trans.__('Below is how it stands now, and that is what a decision is about.')}
          </p>
          <details>
            <summary>{trans.__('As it was when it was asked for')}</summary>
            <RequestView record={request} />
          </details>
        </div>
      )}
    </>
  );
}

function Findings(props: { matter: Matter; actions: DecideActions }) {
  const trans = useLanguage();
  const { matter, actions } = props;
  const writes = !matter.powers.silent;
  return (
    <>
      <FindingList findings={matter.findings}>
        {finding =>
          writes &&
          finding.status !== 'fixed' && (
            <div className="wb-Bar">
              <button
                type="button"
                className="wb-Button"
                aria-label={trans.__('Accept %1 until a day', finding.id)}
                onClick={() => actions.acceptFinding(finding)}
              >
                {trans.__('Accept…')}
              </button>
              <button
                type="button"
                className="wb-Button"
                aria-label={trans.__('Say where %1 is fixed', finding.id)}
                onClick={() => actions.fixFinding(finding)}
              >
                {trans.__('Fixed…')}
              </button>
            </div>
          )
        }
      </FindingList>
      {writes && (
        <button type="button" className="wb-Button" onClick={actions.openFinding}>
          {trans.__('Write down a finding…')}
        </button>
      )}
    </>
  );
}
