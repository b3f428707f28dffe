import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { MainAreaWidget, showErrorMessage } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';
import { OverviewState, RecordView, Report, Stale } from 'model-workbench-ui';
import { CommandIDs, DOMAIN } from '../commands';
import { workbenchIcon } from '../icons';
import { surroundingsOf } from '../surroundings';
import { IWorkbench } from '../tokens';

const subjectOf = (record: unknown): string => (record as Report).subject;

/** What holds no longer of the version that a record is about, as far as the open project knows. */
function staleOf(state: OverviewState, view: string, id: string): readonly Stale[] | undefined {
  if (state.kind !== 'ready' || (view !== 'verdict' && view !== 'model')) {
    return undefined;
  }
  const [name, number] = id.split('/');
  const model = state.overview.models.find(one => one.name === name);
  return model?.versions.find(version => String(version.version) === number)?.stale;
}

/** Opens one record in the main area. */
export const documentsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'model-workbench:documents',
  description: 'Opens a record beside the notebook.',
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
    const open = async (view: string, id: string): Promise<void> => {
      const { record } = await workbench.client.record(workbench.path, view, id);
      const surroundings = surroundingsOf(translator ?? nullTranslator, rendermime);
      const content = ReactWidget.create(
        <UseSignal signal={workbench.stateChanged}>
          {() => (
            <RecordView
              view={view}
              data={record}
              stale={staleOf(workbench.state, view, id)}
              surroundings={surroundings}
            />
          )}
        </UseSignal>
      );
      content.addClass('wb-Main');
      const widget = new MainAreaWidget({ content });
      widget.title.label = view === 'report' ? trans.__('report %1', subjectOf(record)) : `${view} ${id}`;
      widget.title.icon = workbenchIcon;
      widget.title.closable = true;
      app.shell.add(widget, 'main', { mode: 'tab-after' });
      app.shell.activateById(widget.id);
    };
    app.commands.addCommand(CommandIDs.openRecord, {
      label: trans.__('Open Record'),
      caption: trans.__('Open a report, verdict, release, incident or model'),
      icon: workbenchIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            view: {
              type: 'string',
              enum: ['model', 'report', 'verdict', 'release', 'incident', 'bisect']
            },
            id: {
              type: 'string',
              description: 'name/version, the digest of a report, or the id of a release or incident'
            }
          },
          required: ['view', 'id']
        }
      },
      execute: args =>
        open(String(args.view), String(args.id)).catch(error =>
          showErrorMessage(trans.__('The record could not be opened'), error)
        )
    });
  }
};
