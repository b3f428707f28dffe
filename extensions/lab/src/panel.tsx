import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';
import { Actions, PanelView, Surroundings } from 'model-workbench-ui';
import type { IWorkbench } from './tokens';

/** The panel's widget: the project as it stands, drawn again whenever it moved. */
export class Panel extends ReactWidget {
  constructor(
    private readonly _workbench: IWorkbench,
    private readonly _surroundings: Surroundings,
    private readonly _actions: Actions
  ) {
    super();
    this.addClass('wb-PanelHost');
  }

  protected render(): React.ReactElement {
    return (
      <UseSignal signal={this._workbench.stateChanged}>
        {() => (
          <PanelView
            state={this._workbench.state}
            actions={this._actions}
            surroundings={this._surroundings}
            now={Date.now()}
          />
        )}
      </UseSignal>
    );
  }
}
