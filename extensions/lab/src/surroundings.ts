import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ITranslator } from '@jupyterlab/translation';
import type { DrawFigure, Surroundings } from 'model-workbench-ui';
import { Clipboard } from '@jupyterlab/apputils';
import { MimeModel } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import { DOMAIN } from './commands';

const VEGA_LITE = 'application/vnd.vegalite.v5+json';

/** What JupyterLab lends to the components: its language, its clipboard and its own chart renderer. */
export function surroundingsOf(
  translator: ITranslator,
  rendermime: IRenderMimeRegistry | null
): Surroundings {
  return {
    trans: translator.load(DOMAIN),
    copy: text => Clipboard.copyToSystem(text),
    drawFigure:
      rendermime !== null && rendermime.mimeTypes.includes(VEGA_LITE) ? drawWith(rendermime) : undefined
  };
}

function drawWith(rendermime: IRenderMimeRegistry): DrawFigure {
  return (host, spec) => {
    const model = new MimeModel({ data: { [VEGA_LITE]: spec as never } });
    const renderer = rendermime.createRenderer(VEGA_LITE);
    void renderer.renderModel(model);
    Widget.attach(renderer, host);
    return () => renderer.dispose();
  };
}
