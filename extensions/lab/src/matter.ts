import { ISignal, Signal } from '@lumino/signaling';
import type { Matter, MatterState } from 'model-workbench-ui';
import { refusalOf } from './client';
import type { IWorkbench } from './tokens';

/**
 * What is to be decided about one version, read again whenever the project moved.
 *
 * What somebody reads stays as it is until they ask for the newer: nothing changes under the hand of who is
 * about to sign. Only what others have said meanwhile is shown at once.
 */
export class OpenMatter {
  constructor(
    private readonly _workbench: IWorkbench,
    readonly path: string,
    readonly model: string
  ) {
    this._workbench.stateChanged.connect(this._onMoved, this);
  }

  get state(): MatterState {
    return this._state;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Read it, and show it as it is now. */
  refresh(): Promise<void> {
    this._wanted = true;
    return this._read();
  }

  dispose(): void {
    this._workbench.stateChanged.disconnect(this._onMoved, this);
    Signal.clearData(this);
  }

  private _onMoved(): void {
    const { state } = this._workbench;
    const place = state.kind === 'ready' ? `${state.project} ${state.overview.seq}` : '';
    if (place !== this._place) {
      this._place = place;
      void this._read();
    }
  }

  /** Of several that are on their way only the last answer counts. */
  private async _read(): Promise<void> {
    const turn = ++this._turn;
    try {
      const matter = await this._workbench.client.matter(this.path, this.model);
      if (turn === this._turn) {
        this._show(matter);
      }
    } catch (error) {
      // A server that does not answer now takes nothing away from who reads.
      if (turn === this._turn && (this._wanted || this._state.kind !== 'ready')) {
        this._set({ kind: 'failed', refusal: refusalOf(error) });
      }
    }
  }

  private _show(matter: Matter): void {
    const shown = this._state;
    const same = shown.kind !== 'ready' || shown.matter.seen === matter.seen;
    this._set(
      same || this._wanted
        ? { kind: 'ready', matter, moved: false }
        : { kind: 'ready', matter: shown.matter, moved: true }
    );
    this._wanted = false;
  }

  private _set(state: MatterState): void {
    this._state = state;
    this._changed.emit();
  }

  private _place = '';
  private _turn = 0;
  private _wanted = false;
  private _state: MatterState = { kind: 'loading' };
  private readonly _changed = new Signal<this, void>(this);
}
