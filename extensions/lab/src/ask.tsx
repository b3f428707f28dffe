import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { Signal } from '@lumino/signaling';
import { Panel } from '@lumino/widgets';
import * as React from 'react';
import { Answers, AskForm, Field, Refusal, Surroundings } from 'model-workbench-ui';
import { refusalOf } from './client';

/** What a button of a dialog does besides closing it. */
const INSERT = 'insert';

/** Milliseconds that a notification stays. */
const SHOWN = 8000;

export interface Question {
  title: string;
  /** What it is for, and what becomes of it. */
  text: string;
  fields: readonly Field[];
  answers?: Answers;
  /** What the button that sends it says. */
  button: string;
  /** Send it, and return what was recorded in a sentence. */
  send: (answers: Answers) => Promise<string>;
  /** Put the Python of it into the notebook instead. */
  insert?: (answers: Answers) => void;
}

/**
 * The form in a dialog.
 *
 * A panel around the React widget: a dialog wraps the selects of its body when it is made, and React must not
 * have drawn them by then, or it would later miss nodes that were moved.
 */
class AskBody extends Panel implements Dialog.IBodyWidget<Answers> {
  constructor(question: Question, answers: Answers, refusal: Refusal | null, surroundings: Surroundings) {
    super();
    this._answers = answers;
    this._changed = new Signal<this, void>(this);
    const form = () => (
      <AskForm
        text={question.text}
        fields={question.fields}
        answers={this._answers}
        refusal={refusal}
        surroundings={surroundings}
        onChange={given => {
          this._answers = given;
          this._changed.emit();
        }}
      />
    );
    this.addWidget(ReactWidget.create(<UseSignal signal={this._changed}>{form}</UseSignal>));
  }

  getValue(): Answers {
    return this._answers;
  }

  private _answers: Answers;
  private readonly _changed: Signal<this, void>;
}

/** Ask until it is done or left: what was refused is asked again, with why, and with what was filled in. */
export async function ask(
  question: Question,
  surroundings: Surroundings,
  trans: IRenderMime.TranslationBundle
): Promise<boolean> {
  let answers: Answers = question.answers ?? {};
  let refusal: Refusal | null = null;
  for (;;) {
    const body = new AskBody(question, answers, refusal, surroundings);
    const { button } = await showDialog({
      title: question.title,
      body,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        ...(question.insert ? [insertButton(trans)] : []),
        Dialog.okButton({ label: question.button })
      ]
    });
    answers = body.getValue();
    if (inserts(button)) {
      question.insert?.(answers);
    }
    if (!button.accept) {
      return false;
    }
    try {
      tell(await question.send(answers));
      return true;
    } catch (error) {
      refusal = refusalOf(error);
    }
  }
}

export const insertButton = (trans: IRenderMime.TranslationBundle): Dialog.IButton =>
  Dialog.cancelButton({ label: trans.__('Insert Code Instead'), actions: [INSERT] });

export const inserts = (button: Dialog.IButton): boolean => button.actions.includes(INSERT);

/** Say what was recorded. */
export const tell = (recorded: string): void => {
  Notification.success(recorded, { autoClose: SHOWN });
};
