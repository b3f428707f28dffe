import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { ReactElement } from 'react';
import * as React from 'react';
import { RecordView, Surroundings } from 'model-workbench-ui';

export const mimeTypeOf = (view: string): string => `application/vnd.workbench.${view}+json`;

/** One record in one output area. */
export class RecordRenderer extends ReactWidget implements IRenderMime.IRenderer {
  constructor(
    private readonly _view: string,
    private readonly _surroundings: () => Surroundings
  ) {
    super();
    this.addClass('wb-Output');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this._data = model.data[mimeTypeOf(this._view)];
    this.update();
    await this.renderPromise;
  }

  protected render(): ReactElement | null {
    return this._data === undefined ? null : (
      <RecordView view={this._view} data={this._data} surroundings={this._surroundings()} />
    );
  }

  private _data: unknown;
}
