import type { Event, ServiceManager } from '@jupyterlab/services';
import { IPoll, Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';
import type { OverviewState } from 'model-workbench-ui';
import { Client, ProjectAnswer } from './client';
import type { IWorkbench } from './tokens';

/** The `$id` of `workbench/interfaces/lab/events/journal.yaml`. */
export const JOURNAL_SCHEMA = 'urn:model-workbench:journal:v1';

const stateOf = (answer: ProjectAnswer): OverviewState =>
  answer.project !== null && answer.overview !== null
    ? {
        kind: 'ready',
        project: answer.project || '/',
        overview: answer.overview
      }
    : { kind: 'absent', folder: answer.folder || '/' };

/** A server that does not answer is asked eight times more rarely at most. */
const frequencyOf = (seconds: number): IPoll.Frequency => ({
  interval: seconds * 1000,
  backoff: true,
  max: seconds * 8000
});

/** Seconds between two reads when no event comes: the default of the setting `refreshSeconds`. */
const REFRESH_SECONDS = 15;

/**
 * REST is the truth; the event bus, a socket JupyterLab holds anyway, says when it moved; a slow poll covers a
 * socket that broke, and rests while the page is hidden.
 */
export class Workbench implements IWorkbench {
  constructor(
    readonly client: Client,
    private readonly _events: Event.IManager
  ) {
    this._poll = new Poll({
      auto: false,
      name: 'model-workbench:overview',
      factory: () => this._read(),
      frequency: frequencyOf(REFRESH_SECONDS),
      standby: 'when-hidden'
    });
    this._events.stream.connect(this._onEvent, this);
  }

  static create(services: ServiceManager.IManager): Workbench {
    return new Workbench(new Client(services.serverSettings), services.events);
  }

  get state(): OverviewState {
    return this._state;
  }

  get stateChanged(): ISignal<this, void> {
    return this._stateChanged;
  }

  get path(): string {
    return this._path;
  }

  follow(path: string): void {
    if (path !== this._path) {
      this._path = path;
      void this.refresh();
    }
  }

  /** Read the project this often when no event comes. */
  set refreshSeconds(seconds: number) {
    this._poll.frequency = frequencyOf(seconds);
  }

  async refresh(): Promise<void> {
    this._wanted++;
    await this._poll.refresh();
    await this._poll.tick;
  }

  dispose(): void {
    this._events.stream.disconnect(this._onEvent, this);
    this._poll.dispose();
    Signal.clearData(this);
  }

  private _onEvent(_: Event.IManager, event: Event.Emission): void {
    if (event.schema_id === JOURNAL_SCHEMA) {
      this._wanted++;
      void this._poll.refresh();
    }
  }

  /** Read, and once more if that was asked for meanwhile: a poll drops what is asked of it while it is at work. */
  private async _read(): Promise<void> {
    let wanted;
    do {
      wanted = this._wanted;
      await this._readOnce();
    } while (wanted !== this._wanted);
  }

  private async _readOnce(): Promise<void> {
    const path = this._path;
    try {
      const answer = await this.client.overview(path);
      if (path === this._path) {
        this._set(stateOf(answer));
      }
    } catch (error) {
      if (path !== this._path) {
        return;
      }
      this._set({
        kind: 'failed',
        message: error instanceof Error ? error.message : String(error)
      });
      throw error; // so that the poll backs off
    }
  }

  private _set(state: OverviewState): void {
    this._state = state;
    this._stateChanged.emit();
  }

  private _path = '';
  /** How often a read was asked for. */
  private _wanted = 0;
  private _state: OverviewState = { kind: 'loading' };
  private readonly _poll: Poll<void>;
  private readonly _stateChanged = new Signal<this, void>(this);
}
