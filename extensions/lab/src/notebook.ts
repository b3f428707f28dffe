import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import type { CommandRegistry } from '@lumino/commands';

/** Open a new notebook in a folder and wait until it can be edited. */
export async function openNotebook(commands: CommandRegistry, cwd: string): Promise<NotebookPanel> {
  const notebook: NotebookPanel = await commands.execute('notebook:create-new', {
    cwd,
    kernelName: 'python3'
  });
  await notebook.context.ready;
  await notebook.revealed;
  return notebook;
}

/** Put code into a cell below the active one; an empty active cell takes it itself. */
export async function insertCode(notebook: NotebookPanel, code: string): Promise<void> {
  const { content } = notebook;
  const active = content.activeCell?.model;
  const blank = active?.type === 'code' && active.sharedModel.getSource().trim() === '';
  if (!blank) {
    NotebookActions.insertBelow(content);
    if (content.activeCell?.model.type !== 'code') {
      NotebookActions.changeCellType(content, 'code');
    }
  }
  // Through the shared model, so that a colleague's browser and "undo" see it.
  content.activeCell?.model.sharedModel.setSource(code);
  await content.scrollToItem(content.activeCellIndex);
}
