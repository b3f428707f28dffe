import { Dialog, MainAreaWidget, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { Panel, type Widget } from '@lumino/widgets';
import * as React from 'react';
import { DecideView, Matter, Refusal, Said, Surroundings } from 'model-workbench-ui';
import { ask, insertButton, inserts, Question, tell } from './ask';
import { refusalOf } from './client';
import { CommandIDs } from './commands';
import { workbenchIcon } from './icons';
import { OpenMatter } from './matter';
import { Questions } from './questions';
import type { IWorkbench } from './tokens';

/** Shows what is to be decided, and sends what somebody decides. */
export class Deciding {
  constructor(
    private readonly _workbench: IWorkbench,
    private readonly _commands: CommandRegistry,
    private readonly _surroundings: Surroundings,
    private readonly _trans: IRenderMime.TranslationBundle
  ) {
    this._questions = new Questions(_workbench.client, _trans, subject => {
      void _commands.execute(CommandIDs.insertCode, subject);
    });
  }

  /** Ask for a note, then for approval of a version. */
  async request(model: string): Promise<void> {
    const { path, client } = this._workbench;
    const { policy } = await client.matter(path, model);
    await this._put(this._questions.request(path, model, policy));
  }

  /** What an approver reads of a version, with their decision below it. */
  document(model: string): MainAreaWidget {
    const open = new OpenMatter(this._workbench, this._workbench.path, model);
    const content = ReactWidget.create(<UseSignal signal={open.changed}>{() => this._draw(open)}</UseSignal>);
    content.addClass('wb-Main');
    content.addClass('wb-DecideHost');
    const widget = new MainAreaWidget({ content });
    widget.title.label = this._trans.__('decide %1', model);
    widget.title.icon = workbenchIcon;
    widget.title.closable = true;
    widget.disposed.connect(() => open.dispose());
    void open.refresh();
    return widget;
  }

  private _draw(open: OpenMatter): React.ReactElement {
    const { state, path } = open;
    const questions = this._questions;
    const matter = state.kind === 'ready' ? state.matter : null;
    const put = (question: (matter: Matter) => Question) =>
      matter && void this._put(question(matter), () => open.refresh());
    return (
      <DecideView
        state={state}
        surroundings={this._surroundings}
        actions={{
          say: async said => (matter ? this._say(open, matter, said) : 'cancelled'),
          request: () => put(m => questions.request(path, m.model, m.policy)),
          revoke: approval => put(() => questions.revoke(path, approval)),
          openFinding: () => put(m => questions.openFinding(path, m.model)),
          acceptFinding: finding => put(() => questions.acceptFinding(path, finding)),
          fixFinding: finding => put(() => questions.fixFinding(path, finding)),
          refresh: () => void open.refresh()
        }}
      />
    );
  }

  private async _put(question: Question, then?: () => Promise<void>): Promise<void> {
    try {
      if (await ask(question, this._surroundings, this._trans)) {
        await Promise.all([then?.(), this._workbench.refresh()]);
      }
    } catch (error) {
      void showErrorMessage(question.title, error as Error);
    }
  }

  /** Ask once more, then sign what was read: nothing else, if it stands otherwise by now. */
  private async _say(open: OpenMatter, matter: Matter, said: Said): Promise<'done' | 'cancelled' | Refusal> {
    const { decision: action, role, note } = said;
    const { model, policy, seen } = matter;
    const subject = { model, policy, role, note };
    try {
      const button = await this._confirm(open.path, matter, said);
      if (inserts(button)) {
        await this._commands.execute(CommandIDs.insertCode, { step: action, ...subject });
      }
      if (!button.accept) {
        return 'cancelled';
      }
      const record = await this._workbench.client.decide(open.path, { action, ...subject, seen });
      tell(this._questions.told(record));
    } catch (error) {
      void this._workbench.refresh();
      return refusalOf(error);
    }
    await Promise.all([open.refresh(), this._workbench.refresh()]);
    return 'done';
  }

  /** What is about to be signed, and the Python that would sign it. */
  private async _confirm(path: string, matter: Matter, said: Said): Promise<Dialog.IButton> {
    const trans = this._trans;
    const { model, policy, powers } = matter;
    const { decision, role, note } = said;
    const approves = decision === 'approve';
    const code = await this._workbench.client.code(path, decision, { model, policy, role, note });
    const { button } = await showDialog({
      title: approves ? trans.__('Approve %1?', model) : trans.__('Reject %1?', model),
      body: confirmation(
        approves
          ? trans.__('%1 approves %2 as %3, on the evidence that is shown.', powers.person, model, role)
          : trans.__('%1 rejects %2 as %3: nothing is released over it.', powers.person, model, role),
        trans.__('It is signed with your own key and kept for ever. You can take it back.'),
        code
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        insertButton(trans),
        approves
          ? Dialog.okButton({ label: trans.__('Approve') })
          : Dialog.warnButton({ label: trans.__('Reject') })
      ],
      // A key that is pressed once too often must not reject.
      defaultButton: approves ? 2 : 0
    });
    return button;
  }

  private readonly _questions: Questions;
}

/** In a panel: a dialog gives a bare React body no focus before the browser is idle, and a key would go elsewhere. */
const confirmation = (what: string, kept: string, code: string): Widget => {
  const body = new Panel();
  body.addWidget(
    ReactWidget.create(
      <div className="wb-Form">
        <p>
          <b>{what}</b>
        </p>
        <p>{kept}</p>
        <pre className="wb-Code">{code}</pre>
      </div>
    )
  );
  return body;
};
