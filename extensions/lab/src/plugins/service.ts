import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { PathExt } from '@jupyterlab/coreutils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IWorkbench } from '../tokens';
import { Workbench } from '../workbench';

/** The schema of the settings has the id of the panel's plugin. */
const SETTINGS = 'model-workbench:plugin';

/** Knows the project of the folder one works in: the notebook's, else the file browser's. */
export const servicePlugin: JupyterFrontEndPlugin<IWorkbench> = {
  id: 'model-workbench:service',
  description: 'Reads the project from the server extension.',
  autoStart: true,
  provides: IWorkbench,
  optional: [INotebookTracker, IDefaultFileBrowser, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker | null,
    browser: IDefaultFileBrowser | null,
    registry: ISettingRegistry | null
  ) => {
    const workbench = Workbench.create(app.serviceManager);
    const follow = () => {
      const notebook = notebooks?.currentWidget?.context.localPath;
      workbench.follow(notebook === undefined ? (browser?.model.path ?? '') : PathExt.dirname(notebook));
    };
    notebooks?.currentChanged.connect(follow);
    browser?.model.pathChanged.connect(follow);
    void app.restored.then(() => {
      follow();
      return workbench.refresh();
    });
    registry?.load(SETTINGS).then(
      settings => {
        const apply = () => (workbench.refreshSeconds = settings.get('refreshSeconds').composite as number);
        settings.changed.connect(apply);
        apply();
      },
      error => console.error(`the settings of ${SETTINGS} could not be read`, error)
    );
    return workbench;
  }
};
