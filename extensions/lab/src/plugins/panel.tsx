import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs, DOMAIN } from '../commands';
import { workbenchIcon } from '../icons';
import { Panel } from '../panel';
import { surroundingsOf } from '../surroundings';
import { IWorkbench } from '../tokens';

/** The left panel, and the command that shows it. Its id is also the id of the settings. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'model-workbench:plugin',
  description: 'Lists models, their evidence, releases and incidents.',
  autoStart: true,
  requires: [IWorkbench],
  optional: [ITranslator, ILayoutRestorer, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const panel = new Panel(workbench, surroundingsOf(translator ?? nullTranslator, null), {
      insert: (step, subject) =>
        void app.commands.execute(CommandIDs.insertCode, {
          step,
          ...subject
        }),
      choose: model => void app.commands.execute(CommandIDs.chooseAudits, { model }),
      requestApproval: model => void app.commands.execute(CommandIDs.requestApproval, { model }),
      decide: model => void app.commands.execute(CommandIDs.decide, { model }),
      open: (view, id) => void app.commands.execute(CommandIDs.openRecord, { view, id }),
      refresh: () => void workbench.refresh()
    });
    panel.id = 'workbench-panel';
    panel.title.icon = workbenchIcon;
    panel.title.caption = trans.__('Model Workbench');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', trans.__('Model Workbench'));
    app.shell.add(panel, 'left', { rank: 650 });
    restorer?.add(panel, panel.id);

    app.commands.addCommand(CommandIDs.showPanel, {
      label: trans.__('Model Workbench'),
      caption: trans.__('Show models, evidence, releases and incidents'),
      icon: workbenchIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => app.shell.activateById(panel.id)
    });
    palette?.addItem({
      command: CommandIDs.showPanel,
      category: trans.__('Model Workbench')
    });
  }
};
