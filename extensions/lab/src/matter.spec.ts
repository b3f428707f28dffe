import { ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Client } from './client';
import { OpenMatter } from './matter';
import type { IWorkbench } from './tokens';

let answer: { status: number; body: object };
let sent: Array<{ url: string; method: string; body: string }>;
let workbench: IWorkbench & { moveTo: (seq: number) => void };
let open: OpenMatter;

const json = (body: object, status = 200) => (answer = { body, status });

beforeEach(() => {
  sent = [];
  json({ model: 'loans/2', seen: 'a' });
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://localhost/user/grace/',
    fetch: async (input: RequestInfo | URL) => {
      const request = input as Request;
      sent.push({ url: request.url, method: request.method, body: await request.text() });
      return new Response(JSON.stringify(answer.body), { status: answer.status });
    }
  });
  const made: any = { client: new Client(settings), path: 'loans' };
  made.stateChanged = new Signal<any, void>(made);
  made.moveTo = (seq: number) => {
    made.state = { kind: 'ready', project: 'loans', overview: { seq } };
    made.stateChanged.emit();
  };
  workbench = made;
  open = new OpenMatter(workbench, 'loans', 'loans/2');
});

afterEach(() => open.dispose());

const shown = () => (open.state.kind === 'ready' ? [open.state.matter.seen, open.state.moved] : []);

it('asks for the version of the project it was opened in', async () => {
  await open.refresh();
  expect(sent[0].url).toContain('/user/grace/workbench/api/decisions?path=loans&model=loans%2F2');
  expect(shown()).toEqual(['a', false]);
});

it('reads again when the project moved, and only then', async () => {
  await open.refresh();
  workbench.moveTo(7);
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  workbench.moveTo(7);
  await new Promise(resolve => setTimeout(resolve, 20));
  expect(sent).toHaveLength(2);
});

it('shows what others say at once, and keeps what is read until the newer is asked for', async () => {
  await open.refresh();
  json({ model: 'loans/2', seen: 'a', given: ['joan'] });
  workbench.moveTo(1);
  await vi.waitFor(() => expect((open.state as any).matter.given).toEqual(['joan']));
  json({ model: 'loans/2', seen: 'b' });
  workbench.moveTo(2);
  await vi.waitFor(() => expect(shown()).toEqual(['a', true]));
  await open.refresh();
  expect(shown()).toEqual(['b', false]);
});

it('shows what its own reader has changed, however answers cross', async () => {
  await open.refresh();
  json({ model: 'loans/2', seen: 'b' });
  const own = open.refresh();
  workbench.moveTo(1);
  await own;
  await vi.waitFor(() => expect(shown()).toEqual(['b', false]));
});

it('takes nothing away from who reads while the server does not answer', async () => {
  await open.refresh();
  json({ message: 'gone' }, 503);
  workbench.moveTo(1);
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  expect(shown()).toEqual(['a', false]);
});

it('says what is refused with its remedy', async () => {
  json({ message: 'No model. See others.', reason: 'No model.', remedy: 'See others.' }, 404);
  await open.refresh();
  expect(open.state).toMatchObject({
    kind: 'failed',
    refusal: { message: 'No model.', remedy: 'See others.' }
  });
});

it('sends a decision as JSON, with what was seen and nobody named', async () => {
  json({ record: { id: 'approval/loans/2#0' } });
  const said = { model: 'loans/2', policy: 'default', role: 'model-risk', note: 'Fine.', seen: 'a' };
  const record = await workbench.client.decide('loans', { action: 'approve', ...said });
  expect(record.id).toBe('approval/loans/2#0');
  expect(sent[0].method).toBe('POST');
  expect(JSON.parse(sent[0].body)).toEqual({ path: 'loans', action: 'approve', ...said });
});

it('tells a refusal from the words around it', async () => {
  json(
    {
      message: 'ada registered it. As model-risk may: grace.',
      reason: 'ada registered it.',
      remedy: 'As model-risk may: grace.'
    },
    403
  );
  const refused = workbench.client.find('loans', {
    action: 'open',
    model: 'loans/2',
    title: 'x',
    severity: 'low'
  });
  await expect(refused).rejects.toMatchObject({
    message: 'ada registered it.',
    remedy: 'As model-risk may: grace.'
  });
});
