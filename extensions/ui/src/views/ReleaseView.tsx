import * as React from 'react';
import { Heading } from '../parts/Heading';
import { useLanguage } from '../context';
import { count, moment, number, short } from '../format';
import { Chip } from '../parts/Chip';
import type { Outcome, Release, Stage, Status } from '../records';
import { EvidenceLine } from './EvidenceLine';

/** The sign that goes with where a release stands. */
export const STATUS_OUTCOME: Readonly<Record<Status, Outcome>> = {
  running: 'measured',
  paused: 'inconclusive',
  promoted: 'pass',
  aborted: 'fail',
  rolled_back: 'fail',
  killed: 'error'
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
        {release.reason && ` · ${release.reason}`}
      </p>
      <ol className="wb-Stages" aria-label={trans.__('Stages')}>
        {release.stages.map((stage, index) => (
          <StageStep
            key={index}
            stage={stage}
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
            {trans.__('%1: %2', verdict.stage, verdict.metric)} <Chip outcome={verdict.outcome} />
          </Heading>
          <p>{verdict.sentence}</p>
          {verdict.points.length > 1 && <EvidenceLine verdict={verdict} />}
        </section>
      ))}
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

type StageState = 'done' | 'now' | 'ended' | 'ahead';
const STAGE_SIGNS: Readonly<Record<StageState, string>> = { done: '✓', now: '▸', ended: '✕', ahead: '○' };

function StageStep(props: { stage: Stage; state: StageState }) {
  const trans = useLanguage();
  const { stage, state } = props;
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
      <small className="wb-Muted">
        {[
          stage.kind === 'canary' && number(stage.weight, 'rate'),
          stage.min_requests > 0 &&
            (stage.kind === 'shadow'
              ? trans.__('at least %1 pairs', count(stage.min_requests))
              : trans.__('at least %1 requests', count(stage.min_requests))),
          words[state]
        ]
          .filter(Boolean)
          .join(' · ')}
      </small>
    </li>
  );
}
