import { Event, ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Client } from './client';
import { JOURNAL_SCHEMA, Workbench } from './workbench';

const overview = { seq: 3, models: [], releases: [], incidents: [] };
let answer: () => Promise<Response>;
let asked: string[];

function workbench() {
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://localhost/user/ada/',
    fetch: (request: RequestInfo | URL) => {
      asked.push((request as Request).url);
      return answer();
    }
  });
  const stream = new Signal<any, Event.Emission>({});
  const made = new Workbench(new Client(settings), { stream } as unknown as Event.IManager);
  return { made, emit: (event: object) => stream.emit(event as Event.Emission) };
}

const json = (body: object, status = 200) => Promise.resolve(new Response(JSON.stringify(body), { status }));

beforeEach(() => {
  asked = [];
  answer = () => json({ folder: 'risk', project: 'risk', overview });
});

let open: Workbench[] = [];
afterEach(() => {
  open.forEach(w => w.dispose());
  open = [];
});

it('reads the project of the folder it follows', async () => {
  const { made } = workbench();
  open.push(made);
  made.follow('risk/notebooks & more');
  await vi.waitFor(() => expect(made.state.kind).toBe('ready'));
  expect(asked[0]).toContain(
    'http://localhost/user/ada/workbench/api/overview?path=risk%2Fnotebooks%20%26%20more'
  );
});

it('reads again when the event bus says that a journal moved, and only then', async () => {
  const { made, emit } = workbench();
  open.push(made);
  await made.refresh();
  emit({ schema_id: 'https://example.org/other' });
  await new Promise(resolve => setTimeout(resolve, 20));
  expect(asked).toHaveLength(1);
  emit({ schema_id: JOURNAL_SCHEMA });
  await vi.waitFor(() => expect(asked).toHaveLength(2));
});

/** Answers that are held back until they are let go. */
function held() {
  const waiting: (() => void)[] = [];
  answer = () => {
    const folder = new URL(asked[asked.length - 1]).searchParams.get('path');
    return new Promise(resolve => {
      waiting.push(() => resolve(new Response(JSON.stringify({ folder, project: folder, overview }))));
    });
  };
  return waiting;
}

it('shows the folder that was entered last, also when another one was being read', async () => {
  const waiting = held();
  const { made } = workbench();
  open.push(made);
  made.follow('slow');
  await vi.waitFor(() => expect(waiting).toHaveLength(1));
  made.follow('quick');
  waiting[0]();
  await vi.waitFor(() => expect(waiting).toHaveLength(2));
  expect(made.state.kind).toBe('loading');
  waiting[1]();
  await vi.waitFor(() => expect(made.state).toMatchObject({ kind: 'ready', project: 'quick' }));
});

it('reads once more when a journal moved while it was being read', async () => {
  const waiting = held();
  const { made, emit } = workbench();
  open.push(made);
  const read = made.refresh();
  await vi.waitFor(() => expect(waiting).toHaveLength(1));
  emit({ schema_id: JOURNAL_SCHEMA });
  emit({ schema_id: JOURNAL_SCHEMA });
  waiting[0]();
  await vi.waitFor(() => expect(waiting).toHaveLength(2));
  waiting[1]();
  await read;
  expect(asked).toHaveLength(2);
});

it('says where there is no project', async () => {
  answer = () => json({ folder: 'notes', project: null, overview: null });
  const { made } = workbench();
  open.push(made);
  await made.refresh();
  expect(made.state).toEqual({ kind: 'absent', folder: 'notes' });
});

it('says what the server says when it refuses', async () => {
  answer = () => json({ message: 'path: it leads out of the folder.' }, 400);
  const { made } = workbench();
  open.push(made);
  await made.refresh().catch(() => undefined);
  expect(made.state).toEqual({ kind: 'failed', message: 'path: it leads out of the folder.' });
});

it('reads as often as it is told when no event comes', async () => {
  const { made } = workbench();
  open.push(made);
  made.refreshSeconds = 0.02;
  await made.refresh();
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(2));
});
