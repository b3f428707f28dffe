import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { showErrorMessage } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { Widget } from '@lumino/widgets';
import { refusalOf } from '../client';
import { CommandIDs, DOMAIN } from '../commands';
import { Deciding } from '../deciding';
import { workbenchIcon } from '../icons';
import { surroundingsOf } from '../surroundings';
import { IWorkbench } from '../tokens';

/** Approvals: asked for in a dialog, read and decided in a document beside the notebook. */
export const decidePlugin: JupyterFrontEndPlugin<void> = {
  id: 'model-workbench:decide',
  description: 'Requests approval of a version, and takes a yes or no to it.',
  autoStart: true,
  requires: [IWorkbench],
  optional: [ITranslator, IRenderMimeRegistry],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    translator: ITranslator | null,
    rendermime: IRenderMimeRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const surroundings = surroundingsOf(translator ?? nullTranslator, rendermime);
    const deciding = new Deciding(workbench, app.commands, surroundings, trans);
    const documents = new Map<string, Widget>();
    const open = (model: string): Widget => {
      const key = `${workbench.path} ${model}`;
      const widget = documents.get(key) ?? deciding.document(model);
      if (!documents.has(key)) {
        documents.set(key, widget);
        widget.disposed.connect(() => documents.delete(key));
        app.shell.add(widget, 'main', { mode: 'tab-after' });
      }
      return widget;
    };

    const describedBy = {
      args: {
        type: 'object' as const,
        properties: { model: { type: 'string' as const, description: 'name/version' } },
        required: ['model']
      }
    };
    app.commands.addCommand(CommandIDs.decide, {
      label: trans.__('Decide About a Version'),
      caption: trans.__('Read what is known of a version, and approve or reject it'),
      icon: workbenchIcon,
      describedBy,
      execute: ({ model }) => app.shell.activateById(open(String(model)).id)
    });
    app.commands.addCommand(CommandIDs.requestApproval, {
      label: trans.__('Request Approval of a Version…'),
      caption: trans.__('Ask, with a note, that somebody approves a version'),
      icon: workbenchIcon,
      describedBy,
      execute: ({ model }) =>
        deciding.request(String(model)).catch(error => {
          const { message, remedy } = refusalOf(error);
          return showErrorMessage(trans.__('Approval could not be requested'), `${message} ${remedy}`);
        })
    });
  }
};
