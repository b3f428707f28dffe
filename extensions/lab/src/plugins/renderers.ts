import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { VIEW_NAMES } from 'model-workbench-ui';
import { RecordRenderer, mimeTypeOf } from '../renderer';
import { surroundingsOf } from '../surroundings';

/** Draws every record found in an output, in a notebook with or without its kernel. */
export const renderersPlugin: JupyterFrontEndPlugin<void> = {
  id: 'model-workbench:renderers',
  description: 'Draws workbench records in outputs.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, rendermime: IRenderMimeRegistry, translator: ITranslator | null) => {
    for (const view of VIEW_NAMES) {
      rendermime.addFactory(
        {
          // Values are only ever escaped text, so an output nobody has trusted yet may be drawn as well.
          safe: true,
          mimeTypes: [mimeTypeOf(view)],
          createRenderer: () =>
            new RecordRenderer(view, () => surroundingsOf(translator ?? nullTranslator, rendermime))
        },
        0 // before the static HTML in the same output
      );
    }
  }
};
