import * as React from 'react';
import { Heading } from '../parts/Heading';
import { Language, useLanguage } from '../context';
import { count, moment, number, short } from '../format';
import { Chip } from '../parts/Chip';
import { moved } from '../judge';
import type { Outcome, Release, Stage, StageApproval, StageRevocation, Status } from '../records';
import { EvidenceLine } from './EvidenceLine';

/** The sign that goes with where a release stands. */
export const STATUS_OUTCOME: Readonly<Record<Status, Outcome>> = {
  running: 'measured',
  paused: 'inconclusive',
  promoted: 'pass',
  aborted: 'fail',
  rolled_back: 'fail',
  killed: 'error',
  superseded: 'inconclusive'
};

export function ReleaseView(props: { record: Release }) {
  const trans = useLanguage();
  const release = props.record;
  const live = release.closed === null && ['running', 'paused'].includes(release.status);
  return (
    <>
      <Heading level={2}>
        {trans.__('Release %1', release.id)}{' '}
        <Chip outcome={STATUS_OUTCOME[release.status]} word={release.status.replace('_', ' ')} />
      </Heading>
      <p>
        {release.champion
          ? trans.__('%1 against champion %2', release.candidate, release.champion)
          : trans.__('%1, the first on this endpoint', release.candidate)}
        {' · '}
        {trans.__('%1 of requests', number(release.weight, 'rate'))}
        {release.sticky && ` · ${trans.__('one coin for each %1', release.sticky)}`}
        {release.reason && ` · ${release.reason}`}
      </p>
      <ol className="wb-Stages" aria-label={trans.__('Stages')}>
        {release.stages.map((stage, index) => (
          <StageStep
            key={index}
            stage={stage}
            sticky={release.sticky !== ''}
            said={release.approvals.filter((one, place) => one.stage === index && !takenBack(release, place))}
            state={
              index < release.stage || release.status === 'promoted'
                ? 'done'
                : index === release.stage
                  ? live
                    ? 'now'
                    : 'ended'
                  : 'ahead'
            }
          />
        ))}
      </ol>
      {release.verdicts.map((verdict, index) => (
        <section key={index} className="wb-StageVerdict">
          <Heading level={3}>
            {trans.__('%1: %2', verdict.stage, `${verdict.metric} ${verdict.group}`.trim())}{' '}
            <Chip outcome={verdict.outcome} />
          </Heading>
          <p>{verdict.sentence}</p>
          {moved(verdict.points) && <EvidenceLine verdict={verdict} />}
        </section>
      ))}
      {release.approvals.length > 0 && (
        <ul>
          {release.approvals.map((one, index) => (
            <Said key={index} approval={one} taken={takenBack(release, index)} />
          ))}
        </ul>
      )}
      <p className="wb-Muted">
        {[
          trans.__('plan %1 %2', release.plan, short(release.plan_digest)),
          trans.__('opened %1 by %2', moment(release.opened), release.opened_by),
          release.closed && trans.__('closed %1', moment(release.closed))
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
    </>
  );
}

/** How an approval, by its place, was taken back. */
function takenBack(release: Release, place: number): StageRevocation | undefined {
  const revocations = release.revocations ?? []; // a record saved by an earlier version has none
  return revocations.find(one => one.word === place);
}

function Said(props: { approval: StageApproval; taken: StageRevocation | undefined }) {
  const trans = useLanguage();
  const { approval: one, taken } = props;
  const words = trans.__('%1 approved %2 as %3: %4', one.by, one.stage_name, one.role, one.note);
  return (
    <li>
      {taken ? <s>{words}</s> : words} <small className="wb-Muted">{moment(one.time)}</small>
      {taken && (
        <>
          {' · '}
          {trans.__('taken back by %1: %2', taken.by, taken.note)}{' '}
          <small className="wb-Muted">{moment(taken.time)}</small>
        </>
      )}
    </li>
  );
}

type StageState = 'done' | 'now' | 'ended' | 'ahead';
const STAGE_SIGNS: Readonly<Record<StageState, string>> = { done: '✓', now: '▸', ended: '✕', ahead: '○' };

/** What happens in a stage, unless its name says so. */
function kindOf(stage: Stage, trans: Language): string[] {
  const words: Record<Stage['kind'], string> = {
    shadow: trans.__('shadow'),
    canary: trans.__('canary'),
    ab: trans.__('A/B'),
    blue_green: trans.__('blue-green'),
    champion: trans.__('champion')
  };
  const word = words[stage.kind];
  return stage.name.toLowerCase().includes(word.toLowerCase()) ? [] : [word];
}

/** What a stage asks for before it passes, and before it is entered, in the order a reader asks. */
function askedOf(stage: Stage, sticky: boolean, said: StageApproval[], trans: Language): string[] {
  const asked = kindOf(stage, trans);
  if (!['shadow', 'champion'].includes(stage.kind)) {
    asked.push(number(stage.weight, 'rate'));
  }
  if (stage.arms) {
    asked.push(trans.__('%1 beside %2', stage.arms[1], stage.arms[0]));
  }
  if (stage.min_requests > 0) {
    const least = count(stage.min_requests);
    asked.push(
      stage.kind === 'shadow'
        ? trans.__('at least %1 pairs', least)
        : sticky
          ? trans.__('at least %1 entities', least)
          : trans.__('at least %1 requests', least)
    );
  }
  if (stage.min_minutes > 0) {
    asked.push(trans.__('over %1 minutes', count(stage.min_minutes)));
  }
  for (const [role, n] of Object.entries(stage.approvals)) {
    const given = said.filter(one => one.role === role).length;
    asked.push(trans.__('after the yes of %1 by %2, %3 said so far', count(n), role, count(given)));
  }
  return asked;
}

function StageStep(props: { stage: Stage; state: StageState; sticky: boolean; said: StageApproval[] }) {
  const trans = useLanguage();
  const { stage, state, sticky, said } = props;
  const words: Record<StageState, string> = {
    done: trans.__('done'),
    now: trans.__('now'),
    ended: trans.__('ended here'),
    ahead: trans.__('ahead')
  };
  return (
    <li data-state={state} aria-current={state === 'now' ? 'step' : undefined}>
      <span aria-hidden="true" className="wb-Stages-sign">
        {STAGE_SIGNS[state]}
      </span>
      <b>{stage.name}</b>
      <small className="wb-Muted">{[...askedOf(stage, sticky, said, trans), words[state]].join(' · ')}</small>
    </li>
  );
}
