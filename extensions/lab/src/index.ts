import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { auditsPlugin } from './plugins/audits';
import { codePlugin } from './plugins/code';
import { decidePlugin } from './plugins/decide';
import { documentsPlugin } from './plugins/documents';
import { launcherPlugin } from './plugins/launcher';
import { panelPlugin } from './plugins/panel';
import { renderersPlugin } from './plugins/renderers';
import { servicePlugin } from './plugins/service';

export * from './tokens';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  servicePlugin,
  panelPlugin,
  renderersPlugin,
  documentsPlugin,
  codePlugin,
  auditsPlugin,
  decidePlugin,
  launcherPlugin
] as JupyterFrontEndPlugin<unknown>[];

export default plugins;
