import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Approval, ApprovalRequest, Finding, Revocation } from 'model-workbench-ui';
import type { Question } from './ask';
import type { Client } from './client';

const DAY = 86_400_000;

/** The dialogs around a decision: what each asks, what it sends, and what it says was recorded. */
export class Questions {
  constructor(
    private readonly _client: Client,
    private readonly _trans: IRenderMime.TranslationBundle,
    private readonly _insert: (subject: ReadonlyPartialJSONObject) => void
  ) {}

  /** Ask that somebody approves a version. */
  request(path: string, model: string, policy: string): Question {
    const trans = this._trans;
    return {
      title: trans.__('Request Approval of %1', model),
      text: trans.__(
        'It is judged by policy %1 and put beside the champion for whoever decides. Whoever asks cannot approve.',
        policy
      ),
      fields: [{ name: 'note', label: trans.__('Why should it be released?'), kind: 'note' }],
      button: trans.__('Request'),
      send: async ({ note = '' }) =>
        this.told(await this._client.decide(path, { action: 'request', model, policy, note })),
      insert: ({ note = '' }) => this._insert({ step: 'request', model, policy, note })
    };
  }

  /** Take an approval or a rejection back. */
  revoke(path: string, { id, by, role, model }: Approval): Question {
    const trans = this._trans;
    return {
      title: trans.__('Take Back %1', id),
      text: trans.__('What %1 said as %2 counts no longer from then on. It stays in the record.', by, role),
      fields: [{ name: 'note', label: trans.__('Why?'), kind: 'note' }],
      button: trans.__('Take Back'),
      send: async ({ note = '' }) =>
        this.told(await this._client.decide(path, { action: 'revoke', approval: id, note })),
      insert: ({ note = '' }) => this._insert({ step: 'revoke', model, approval: id, note })
    };
  }

  /** Write down what was found in a version. */
  openFinding(path: string, model: string): Question {
    const trans = this._trans;
    return {
      title: trans.__('Write Down a Finding in %1', model),
      text: trans.__('It stands open until it is fixed, or somebody answers for it to a day.'),
      fields: [
        { name: 'title', label: trans.__('What was found?'), kind: 'note' },
        {
          name: 'severity',
          label: trans.__('How bad is it?'),
          kind: 'choice',
          choices: ['low', 'medium', 'high', 'critical'],
          help: trans.__('A policy says how many of each may be open.')
        }
      ],
      answers: { severity: 'medium' },
      button: trans.__('Write Down'),
      send: async ({ title = '', severity }) =>
        this.found(await this._client.find(path, { action: 'open', model, title, severity }))
    };
  }

  /** Answer for a finding until a day. */
  acceptFinding(path: string, { id, title }: Finding): Question {
    const trans = this._trans;
    return {
      title: trans.__('Accept %1', id),
      text: trans.__('“%1” — you answer for it until that day, and then it is open again.', title),
      fields: [
        { name: 'reason', label: trans.__('Why may it stay?'), kind: 'note' },
        { name: 'until', label: trans.__('Until'), kind: 'day' }
      ],
      answers: { until: new Date(Date.now() + 30 * DAY).toISOString().slice(0, 10) },
      button: trans.__('Accept'),
      send: async ({ reason = '', until = '' }) =>
        this.found(await this._client.find(path, { action: 'accept', finding: id, reason, until }))
    };
  }

  /** Say from which version on a finding is gone. */
  fixFinding(path: string, { id, title, model }: Finding): Question {
    const trans = this._trans;
    return {
      title: trans.__('Where %1 Is Fixed', id),
      text: trans.__('“%1”', title),
      fields: [
        { name: 'version', label: trans.__('Gone from version'), kind: 'line', help: `${model}/2` },
        { name: 'note', label: trans.__('What was done, and how was it checked?'), kind: 'note' }
      ],
      answers: { version: `${model}/` },
      button: trans.__('Write Down'),
      send: async ({ version = '', note = '' }) =>
        this.found(await this._client.find(path, { action: 'fix', finding: id, version, note }))
    };
  }

  /** What was recorded, in a sentence. */
  told(record: ApprovalRequest | Approval | Revocation): string {
    const trans = this._trans;
    if ('approval' in record) {
      return trans.__('%1 took %2 back.', record.by, record.approval);
    }
    if ('verdict' in record) {
      return trans.__('%1 asks for approval of %2 (%3).', record.by, record.model, record.id);
    }
    const { by, model, role, id, until } = record;
    return record.decision === 'approve'
      ? trans.__('%1 approved %2 as %3, until %4 (%5).', by, model, role, until?.slice(0, 10), id)
      : trans.__('%1 rejected %2 as %3 (%4).', by, model, role, id);
  }

  private found(finding: Finding): string {
    return this._trans.__('%1 is %2: %3', finding.id, finding.status, finding.title);
  }
}
