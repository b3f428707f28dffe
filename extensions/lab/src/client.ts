/** Every request to the server extension is sent from here, with the token and XSRF header Jupyter asks for. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { AuditHelp, Overview, Step } from 'model-workbench-ui';

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
export type CodeSubject = { model?: string; incident?: string; audits?: string };

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

  async code(path: string, step: Step, subject: CodeSubject): Promise<string> {
    const answer = await this._get<{ code: string }>('snippets', {
      path,
      step,
      ...subject
    });
    return answer.code;
  }

  private async _get<T>(place: string, query: Record<string, string>): Promise<T> {
    const url =
      URLExt.join(this._settings.baseUrl, 'workbench/api', place) + URLExt.objectToQueryString(query);
    const response = await ServerConnection.makeRequest(url, {}, this._settings);
    if (!response.ok) {
      throw await ServerConnection.ResponseError.create(response);
    }
    return (await response.json()) as T;
  }
}
