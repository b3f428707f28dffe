import * as React from 'react';
import { useLanguage } from '../context';
import { count, short } from '../format';
import { Chip } from '../parts/Chip';
import { StaleList } from '../parts/StaleList';
import type { EvidenceGlance, VerdictGlance, VersionGlance } from '../records';
import { Rejected } from '../views/VerdictView';
import { AuditChips } from './glances';
import { ago, nextStep, Step } from './next';
import type { Actions } from './PanelView';

const STEPS: readonly Step[] = ['audit', 'gate', 'approve', 'release', 'replay'];

/** One version: its verdict at a glance, and on opening why, and the Python for the next step. */
export function VersionItem(props: {
  name: string;
  version: VersionGlance;
  open: boolean;
  actions: Actions;
  now: number;
}) {
  const trans = useLanguage();
  const { version, actions, now } = props;
  const ref = `${props.name}/${version.version}`;
  const [open, setOpen] = React.useState(props.open);
  const id = React.useId();
  return (
    <li className="wb-Item" data-version={ref}>
      <div className="wb-Item-line">
        <button
          type="button"
          className="wb-Disclosure"
          aria-expanded={open}
          aria-controls={id}
          onClick={() => setOpen(!open)}
        >
          <span aria-hidden="true">{open ? '▾' : '▸'}</span> {trans.__('v%1', version.version)}
        </button>
        {version.aliases.map(alias => (
          <span key={alias} className="wb-Alias">
            {alias}
          </span>
        ))}
        {version.verdict ? (
          <Chip outcome={version.verdict.outcome} />
        ) : (
          <span className="wb-Muted">{trans.__('not judged')}</span>
        )}
      </div>
      <div id={id} hidden={!open}>
        <Evidence evidence={version.evidence} now={now} onOpen={digest => actions.open('report', digest)} />
        <VerdictLine verdict={version.verdict} now={now} onOpen={() => actions.open('verdict', ref)} />
        <OpenFindings counts={version.open_findings} />
        <StaleList stale={version.stale} />
        {version.evidence && (
          <ApprovalBar
            subject={ref}
            next={nextStep(version)}
            onRequest={() => actions.requestApproval(ref)}
            onDecide={() => actions.decide(ref)}
          />
        )}
        <div className="wb-Muted">
          <button type="button" className="wb-Link" onClick={() => actions.open('model', ref)}>
            {trans.__('Lineage')}
          </button>
          {trans.__(' %1, by %2, %3 ago', short(version.digest), version.author, ago(version.created, now))}
        </div>
        <Steps
          subject={ref}
          next={nextStep(version)}
          onInsert={step => actions.insert(step, { model: ref })}
          onChoose={() => actions.choose(ref)}
        />
      </div>
    </li>
  );
}

function Evidence(props: { evidence: EvidenceGlance | null; now: number; onOpen: (digest: string) => void }) {
  const trans = useLanguage();
  const { evidence } = props;
  if (!evidence) {
    return <div className="wb-Muted">{trans.__('Not audited yet.')}</div>;
  }
  return (
    <div>
      <button type="button" className="wb-Link" onClick={() => props.onOpen(evidence.report)}>
        {trans.__('Report')}
      </button>{' '}
      <span className="wb-Muted">
        {trans.__('%1 rows, %2 ago', count(evidence.rows), ago(evidence.time, props.now))}
      </span>
      <AuditChips evidence={evidence} />
    </div>
  );
}

function VerdictLine(props: { verdict: VerdictGlance | null; now: number; onOpen: () => void }) {
  const trans = useLanguage();
  const { verdict } = props;
  if (!verdict) {
    return null;
  }
  const missing = Object.entries(verdict.missing_approvals);
  return (
    <div>
      <button type="button" className="wb-Link" onClick={props.onOpen}>
        {trans.__('Verdict')}
      </button>{' '}
      <span className="wb-Muted">{trans.__('%1, %2 ago', verdict.policy, ago(verdict.time, props.now))}</span>{' '}
      {verdict.stale && <Chip outcome="inconclusive" word={trans.__('stale')} />}
      <div>{verdict.reason}</div>
      <Rejected by={verdict.rejected_by} />
      {verdict.approved_by.length > 0 && (
        <div>
          <Chip outcome="pass" word={trans.__('approved')} />{' '}
          {trans.__('by %1', verdict.approved_by.join(', '))}
        </div>
      )}
      {missing.map(([role, need]) => (
        <div key={role}>{trans._n('Needs %1 approval by %2', 'Needs %1 approvals by %2', need, role)}</div>
      ))}
    </div>
  );
}

function OpenFindings(props: { counts: Record<string, number> }) {
  const trans = useLanguage();
  const counts = Object.entries(props.counts);
  const all = counts.reduce((sum, [, n]) => sum + n, 0);
  return all === 0 ? null : (
    <div>
      <Chip outcome="fail" word={trans._n('%1 open finding', '%1 open findings', all)} />{' '}
      <span className="wb-Muted">{counts.map(([severity, n]) => `${n} ${severity}`).join(', ')}</span>
    </div>
  );
}

function ApprovalBar(props: {
  subject: string;
  next: Step | null;
  onRequest: () => void;
  onDecide: () => void;
}) {
  const trans = useLanguage();
  return (
    <div className="wb-Bar" role="group" aria-label={trans.__('Approval of %1', props.subject)}>
      <button
        type="button"
        className={props.next === 'approve' ? 'wb-Button wb-Primary' : 'wb-Button'}
        onClick={props.onDecide}
      >
        {trans.__('Decide…')}
      </button>
      <button type="button" className="wb-Link" onClick={props.onRequest}>
        {trans.__('Request approval')}
      </button>
    </div>
  );
}

function Steps(props: {
  subject: string;
  next: Step | null;
  onInsert: (step: Step) => void;
  onChoose: () => void;
}) {
  const trans = useLanguage();
  const words: Partial<Record<Step, string>> = {
    audit: trans.__('Audit'),
    gate: trans.__('Gate'),
    approve: trans.__('Approve'),
    release: trans.__('Release'),
    replay: trans.__('Replay')
  };
  return (
    <div className="wb-Bar" role="group" aria-label={trans.__('Insert code for %1', props.subject)}>
      <span className="wb-Muted">{trans.__('Insert code:')}</span>
      {STEPS.map(step => (
        <button
          key={step}
          type="button"
          className={step === props.next && step !== 'approve' ? 'wb-Button wb-Primary' : 'wb-Button'}
          data-step={step}
          onClick={() => props.onInsert(step)}
        >
          {words[step]}
        </button>
      ))}
      <button
        type="button"
        className="wb-Link"
        title={trans.__('Choose audits and their options')}
        onClick={props.onChoose}
      >
        {trans.__('Choose audits…')}
      </button>
    </div>
  );
}
