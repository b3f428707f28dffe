import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import { Panel } from '@lumino/widgets';
import * as React from 'react';
import { AuditForm, AuditHelp, Choices, initially, suiteOf, Surroundings } from 'model-workbench-ui';
import { CommandIDs, DOMAIN } from '../commands';
import { workbenchIcon } from '../icons';
import { surroundingsOf } from '../surroundings';
import { IWorkbench } from '../tokens';

type Suite = Record<string, Record<string, unknown>>;

/**
 * The form in a dialog. Its value is the suite, or null while something in it is wrong.
 *
 * A panel around the React widget: a dialog wraps the selects of its body when it is made, and React must not
 * have drawn them by then, or it would later miss nodes that were moved.
 */
class AuditsBody extends Panel implements Dialog.IBodyWidget<Suite | null> {
  constructor(
    private readonly _audits: AuditHelp[],
    defaults: string[],
    surroundings: Surroundings
  ) {
    super();
    this._choices = initially(defaults);
    this._changed = new Signal<this, void>(this);
    const form = () => (
      <AuditForm
        audits={this._audits}
        choices={this._choices}
        surroundings={surroundings}
        onChange={choices => {
          this._choices = choices;
          this._allow();
          this._changed.emit();
        }}
      />
    );
    this.addWidget(ReactWidget.create(<UseSignal signal={this._changed}>{form}</UseSignal>));
  }

  getValue(): Suite | null {
    return suiteOf(this._audits, this._choices);
  }

  /** What is wrong cannot be accepted, so that nothing of it is lost. */
  private _allow(): void {
    const suite = this.getValue();
    const accept = this.node.closest('.jp-Dialog')?.querySelector<HTMLButtonElement>('.jp-mod-accept');
    if (accept) {
      accept.disabled = suite === null || Object.keys(suite).length === 0;
    }
  }

  private _choices: Choices;
  private readonly _changed: Signal<this, void>;
}

/** Asks which audits to run, and puts the Python that runs them into the notebook. */
export const auditsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'model-workbench:audits',
  description: 'A form of audits and their options.',
  autoStart: true,
  requires: [IWorkbench],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const surroundings = surroundingsOf(translator ?? nullTranslator, null);
    const choose = async (model: string): Promise<void> => {
      const { audits, default: defaults } = await workbench.client.audits();
      const { button, value } = await showDialog({
        title: trans.__('Choose Audits'),
        body: new AuditsBody(audits, defaults, surroundings),
        buttons: [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          Dialog.okButton({ label: trans.__('Insert Code') })
        ]
      });
      if (!button.accept || !value) {
        return;
      }
      await app.commands.execute(CommandIDs.insertCode, {
        step: 'audit',
        audits: JSON.stringify(value),
        ...(model && { model })
      });
    };

    app.commands.addCommand(CommandIDs.chooseAudits, {
      label: trans.__('Choose Audits…'),
      caption: trans.__('Choose audits and their options, and insert the Python that runs them'),
      icon: args => (args.isPalette ? undefined : workbenchIcon),
      describedBy: {
        args: {
          type: 'object',
          properties: { model: { type: 'string', description: 'name or name/version' } }
        }
      },
      execute: args =>
        choose(typeof args.model === 'string' ? args.model : '').catch(error =>
          showErrorMessage(trans.__('The audits could not be chosen'), error)
        )
    });
    palette?.addItem({
      command: CommandIDs.chooseAudits,
      category: trans.__('Model Workbench'),
      args: { isPalette: true }
    });
  }
};
