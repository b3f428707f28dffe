import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandIDs, DOMAIN } from '../commands';

/** The launcher's section: the panel, and a notebook to begin in. */
export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: 'model-workbench:launcher',
  description: 'Launcher cards.',
  autoStart: true,
  requires: [ILauncher],
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, launcher: ILauncher, translator: ITranslator | null) => {
    const category = (translator ?? nullTranslator).load(DOMAIN).__('Model Workbench');
    launcher.add({ command: CommandIDs.showPanel, category, rank: 1 });
    launcher.add({ command: CommandIDs.newNotebook, category, rank: 2 });
  }
};
