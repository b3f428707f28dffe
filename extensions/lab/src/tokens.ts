import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import type { OverviewState } from 'model-workbench-ui';
import type { Client } from './client';

/** The project that the panel shows. */
export interface IWorkbench {
  readonly client: Client;
  readonly state: OverviewState;
  readonly stateChanged: ISignal<IWorkbench, void>;
  /** Folder whose project is shown, relative to the server's root. */
  readonly path: string;
  /** Show the project of another folder. */
  follow(path: string): void;
  /** Read the project again now. */
  refresh(): Promise<void>;
}

export const IWorkbench = new Token<IWorkbench>(
  'model-workbench:IWorkbench',
  'The project of the current folder: models, evidence, releases and incidents.'
);
