/** Every request to the server extension is sent from here, with the token and XSRF header Jupyter asks for. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type {
  Approval,
  ApprovalRequest,
  AuditHelp,
  Finding,
  Matter,
  Overview,
  Refusal,
  Revocation,
  Step
} from 'model-workbench-ui';

/** The project a folder belongs to; `project` is null where there is none. Paths are relative to the server's root. */
export interface ProjectAnswer {
  folder: string;
  project: string | null;
  overview: Overview | null;
}

export interface RecordAnswer {
  view: string;
  record: unknown;
}

/** Every audit, and the names of those that run when nobody chooses. */
export interface AuditsAnswer {
  audits: AuditHelp[];
  default: string[];
}

/** What the Python of a step is about; `audits` is JSON of audits with their options. */
export type CodeSubject = Partial<
  Record<'model' | 'incident' | 'audits' | 'policy' | 'role' | 'note' | 'approval', string>
>;

/** What can be said of an approval, as the server takes it. Who says it is never among it. */
export type Decided =
  | { action: 'request'; model: string; policy: string; note: string }
  | {
      action: 'approve' | 'reject';
      model: string;
      policy: string;
      role: string;
      note: string;
      /** `Matter.seen` of what was read: nobody signs what they did not see. */
      seen: string;
    }
  | { action: 'revoke'; approval: string; note: string };

/** What can be said of a finding. */
export type Found =
  | { action: 'open'; model: string; title: string; severity: string }
  | { action: 'accept'; finding: string; reason: string; until: string }
  | { action: 'fix'; finding: string; version: string; note: string };

/** What the record is that an action answers with. */
type RecordOf = {
  request: ApprovalRequest;
  approve: Approval;
  reject: Approval;
  revoke: Revocation;
};

/** What the server refused, with what to do instead. */
export class RefusedError extends Error implements Refusal {
  constructor(
    message: string,
    readonly remedy: string
  ) {
    super(message);
  }

  static async of(response: Response): Promise<RefusedError> {
    const said = (await response.json().catch(() => null)) as Record<string, unknown> | null;
    const { reason, remedy, message } = said ?? {};
    return typeof remedy === 'string' && typeof reason === 'string'
      ? new RefusedError(reason, remedy)
      : new RefusedError(typeof message === 'string' ? message : `${response.status}`, '');
  }
}

/** Any error as a person is told of it. */
export const refusalOf = (error: unknown): Refusal =>
  error instanceof RefusedError
    ? error
    : { message: error instanceof Error ? error.message : String(error), remedy: '' };

export class Client {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  overview(path: string): Promise<ProjectAnswer> {
    return this._get('overview', { path });
  }

  record(path: string, view: string, id: string): Promise<RecordAnswer> {
    return this._get(`records/${view}`, { path, id });
  }

  audits(): Promise<AuditsAnswer> {
    return this._get('audits', {});
  }

  /** What is to be decided about a version, and what whoever asks may say. */
  async matter(path: string, model: string): Promise<Matter> {
    const response = await this._ask('decisions', { path, model });
    if (!response.ok) {
      throw await RefusedError.of(response);
    }
    return (await response.json()) as Matter;
  }

  /** Request approval, approve, reject or revoke. */
  async decide<T extends Decided>(path: string, said: T): Promise<RecordOf[T['action']]> {
    return (await this._post('decisions', { path, ...said })) as RecordOf[T['action']];
  }

  /** Open, accept or fix a finding. */
  async find(path: string, said: Found): Promise<Finding> {
    return (await this._post('findings', { path, ...said })) as Finding;
  }

  async code(path: string, step: Step, subject: CodeSubject): Promise<string> {
    const answer = await this._get<{ code: string }>('snippets', {
      path,
      step,
      ...subject
    });
    return answer.code;
  }

  private async _get<T>(place: string, query: Record<string, string>): Promise<T> {
    const response = await this._ask(place, query);
    if (!response.ok) {
      throw await ServerConnection.ResponseError.create(response);
    }
    return (await response.json()) as T;
  }

  private async _post(place: string, body: object): Promise<unknown> {
    const response = await this._ask(place, {}, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) {
      throw await RefusedError.of(response);
    }
    return ((await response.json()) as { record: unknown }).record;
  }

  private _ask(place: string, query: Record<string, string>, init: RequestInit = {}): Promise<Response> {
    const url =
      URLExt.join(this._settings.baseUrl, 'workbench/api', place) + URLExt.objectToQueryString(query);
    return ServerConnection.makeRequest(url, init, this._settings);
  }
}
