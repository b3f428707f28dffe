import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, showErrorMessage } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { MenuSvg } from '@jupyterlab/ui-components';
import type { Step } from 'model-workbench-ui';
import type { CodeSubject } from '../client';
import { CommandIDs, DOMAIN } from '../commands';
import { workbenchIcon } from '../icons';
import { insertCode, openNotebook } from '../notebook';
import { IWorkbench } from '../tokens';

/** The steps of the loop in the order of palette and menu. `open` is for the panel alone. */
const STEPS: readonly Step[] = [
  'register',
  'audit',
  'gate',
  'request',
  'approve',
  'reject',
  'revoke',
  'release',
  'incident',
  'replay',
  'bisect'
];

/** What a step can be about, as the arguments of the command name it. */
const SUBJECT: ReadonlyArray<keyof CodeSubject> = [
  'model',
  'incident',
  'audits',
  'policy',
  'role',
  'note',
  'approval'
];

/** Puts the Python of a step into the notebook: what a click does can be read, kept and run again. */
export const codePlugin: JupyterFrontEndPlugin<void> = {
  id: 'model-workbench:code',
  description: 'Inserts the Python of a step into the current notebook.',
  autoStart: true,
  requires: [IWorkbench, INotebookTracker],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    notebooks: INotebookTracker,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const labels: Record<Step, string> = {
      open: trans.__('Insert Code: Open a Project'),
      register: trans.__('Insert Code: Register'),
      audit: trans.__('Insert Code: Audit'),
      gate: trans.__('Insert Code: Gate'),
      request: trans.__('Insert Code: Request Approval'),
      approve: trans.__('Insert Code: Approve'),
      reject: trans.__('Insert Code: Reject'),
      revoke: trans.__('Insert Code: Take an Approval Back'),
      release: trans.__('Insert Code: Release'),
      incident: trans.__('Insert Code: Open an Incident'),
      replay: trans.__('Insert Code: Replay'),
      bisect: trans.__('Insert Code: Bisect')
    };
    const insert = async (step: Step, subject: CodeSubject): Promise<void> => {
      const code = await workbench.client.code(workbench.path, step, subject);
      const notebook = notebooks.currentWidget ?? (await openNotebook(app.commands, workbench.path));
      await insertCode(notebook, code);
      app.shell.activateById(notebook.id);
    };

    app.commands.addCommand(CommandIDs.insertCode, {
      label: args => labels[args.step as Step] ?? trans.__('Insert Workbench Code'),
      caption: trans.__('Insert the Python of a step below the active cell'),
      icon: args => (args.isPalette ? undefined : workbenchIcon),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            step: { type: 'string', enum: ['open', ...STEPS] },
            model: {
              type: 'string',
              description: 'name or name/version; default: the newest version'
            },
            incident: {
              type: 'string',
              description: 'id; default: the newest incident'
            },
            audits: {
              type: 'string',
              description: 'of an audit: JSON of audits and their options; default: the default suite'
            },
            policy: { type: 'string', description: 'under which an approval is asked for or given' },
            role: { type: 'string', description: 'that somebody approves or rejects in' },
            note: { type: 'string', description: 'why' },
            approval: { type: 'string', description: 'id of what is taken back' }
          },
          required: ['step']
        }
      },
      execute: args =>
        insert(
          args.step as Step,
          Object.fromEntries(
            SUBJECT.filter(key => typeof args[key] === 'string').map(key => [key, args[key] as string])
          )
        ).catch(error => showErrorMessage(trans.__('The code could not be inserted'), error))
    });

    app.commands.addCommand(CommandIDs.newNotebook, {
      label: trans.__('New Workbench Notebook'),
      caption: trans.__('Open a notebook that begins with this project'),
      icon: workbenchIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        const code = await workbench.client.code(workbench.path, 'open', {});
        const notebook = await openNotebook(app.commands, workbench.path);
        await insertCode(notebook, code);
      }
    });

    const menu = new MenuSvg({ commands: app.commands });
    menu.title.label = trans.__('Insert workbench code');
    STEPS.forEach(step => menu.addItem({ command: CommandIDs.insertCode, args: { step } }));
    menu.addItem({ type: 'separator' });
    menu.addItem({ command: CommandIDs.chooseAudits });
    app.commands.addCommand(CommandIDs.chooseCode, {
      label: '',
      caption: trans.__('Insert workbench code'),
      icon: workbenchIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        const button = document.activeElement?.getBoundingClientRect();
        menu.open(button?.left ?? 0, button?.bottom ?? 0);
      }
    });

    const category = trans.__('Model Workbench');
    STEPS.forEach(step =>
      palette?.addItem({
        command: CommandIDs.insertCode,
        category,
        args: { step, isPalette: true }
      })
    );
    palette?.addItem({ command: CommandIDs.newNotebook, category });
  }
};
