import * as React from 'react';
import { act } from 'react';
import { describe, expect, it, vi } from 'vitest';
import { english } from '../context';
import type { Matter, Powers } from '../records';
import { button, click, copyOf, draw, enter, records } from '../testing/draw';
import { Answers, AskForm, Field } from './AskForm';
import { DecideView, MatterState } from './DecideView';

const approval = () => structuredClone(records.card.approvals[0]);

/** What grace reads of a version, with whatever a test changes. */
function matter(changes: Partial<Matter> = {}, powers: Partial<Powers> = {}): Matter {
  const { verdict, difference } = copyOf('request');
  return {
    model: 'recidivism/3',
    author: 'ada',
    policy: 'default',
    asks: { 'model-risk': 2 },
    request: copyOf('request'),
    since: [],
    verdict,
    difference,
    freshness: copyOf('freshness'),
    given: [],
    rejected: [],
    lapsed: [],
    findings: difference.findings,
    powers: {
      person: 'grace',
      roles: [{ name: 'model-risk', by: 'workbench.toml' }],
      refused: '',
      remedy: '',
      revocable: [],
      silent: false,
      ...powers
    },
    seen: 'sha256:1',
    ...changes
  };
}

function show(state: MatterState | Matter) {
  const actions = {
    say: vi.fn(async (): Promise<any> => 'done'),
    request: vi.fn(),
    revoke: vi.fn(),
    openFinding: vi.fn(),
    acceptFinding: vi.fn(),
    fixFinding: vi.fn(),
    refresh: vi.fn()
  };
  const given = 'kind' in state ? state : { kind: 'ready' as const, matter: state, moved: false };
  const host = draw(<DecideView state={given} actions={actions} surroundings={{ trans: english }} />);
  return { host, actions };
}

const press = (host: Element, name: string) => act(async () => button(host, name).click());

describe('deciding', () => {
  it('shows who asks, what people have said, the verdict, findings and the champion', () => {
    const said = { ...approval(), id: 'approval/recidivism/3#1' };
    const { host } = show(matter({ given: [said] }));
    const text = host.textContent;
    expect(text).toContain('ada asks: “Better on the old.');
    expect(text).toContain('✓ approved grace as model-risk: “Reviewed with the court.”');
    expect(text).toContain('? 1 to come as model-risk');
    expect(text).toContain('Equalized odds differ by up to 25 pp');
    expect(text).toContain('recidivism/3 beside the champion recidivism/1');
    expect(host.querySelector('[data-finding]')?.textContent).toContain('years of birth');
    expect(host.querySelector('img, script')).toBeNull();
  });

  it('sends a note with the role of whoever acts', async () => {
    const { host, actions } = show(matter());
    enter(host.querySelector('textarea'), 'Reviewed with the court.');
    await press(host, 'Approve…');
    expect(actions.say).toHaveBeenCalledWith({
      decision: 'approve',
      role: 'model-risk',
      note: 'Reviewed with the court.'
    });
    expect(host.querySelector('textarea')!.value).toBe('');
  });

  it('asks for a note before it asks anything else', async () => {
    const { host, actions } = show(matter());
    await press(host, 'Reject…');
    expect(host.querySelector('[role=alert]')?.textContent).toContain('Say why in a sentence.');
    expect(document.activeElement).toBe(host.querySelector('textarea'));
    expect(actions.say).not.toHaveBeenCalled();
  });

  it('keeps the note when it is refused or left, and says what to do instead', async () => {
    const { host, actions } = show(matter());
    enter(host.querySelector('textarea'), 'Why not.');
    actions.say.mockResolvedValueOnce('cancelled');
    await press(host, 'Reject…');
    expect(host.querySelector('[role=alert]')).toBeNull();
    actions.say.mockResolvedValueOnce({ message: 'Not your key.', remedy: 'Sign where it is.' });
    await press(host, 'Reject…');
    expect(host.querySelector('[role=alert]')?.textContent).toBe('Not your key.Sign where it is.');
    expect(host.querySelector('textarea')!.value).toBe('Why not.');
  });

  it('lets whoever has several roles choose one, and does not guess', async () => {
    const roles = ['model-risk', 'data-protection'].map(name => ({ name, by: 'workbench.toml' }));
    const { host, actions } = show(matter({}, { roles }));
    enter(host.querySelector('textarea'), 'Fine.');
    await press(host, 'Approve…');
    expect(host.querySelector('[role=alert]')?.textContent).toContain('You have several roles.');
    enter(host.querySelector('select'), 'data-protection');
    await press(host, 'Approve…');
    expect(actions.say).toHaveBeenCalledWith(expect.objectContaining({ role: 'data-protection' }));
  });

  it('tells the author that another must decide, and lets them ask', () => {
    const refused = 'ada registered recidivism/3 and cannot approve it.';
    const powers = { person: 'ada', roles: [], refused, remedy: 'As model-risk may: grace.' };
    const { host, actions } = show(matter({ request: null }, powers));
    expect(host.textContent).toContain('Nobody has asked for approval yet.');
    expect(host.textContent).toContain(`${refused} As model-risk may: grace.`);
    expect(host.querySelector('textarea')).toBeNull();
    click(button(host, 'Request approval…'));
    expect(actions.request).toHaveBeenCalled();
  });

  it('does not offer whoever has spoken to ask, which would undo it', () => {
    const powers = { roles: [], refused: 'grace approved recidivism/3 already.', revocable: ['x#1'] };
    const { host, actions } = show(matter({ given: [{ ...approval(), id: 'x#1' }] }, powers));
    expect(() => button(host, 'Request approval…')).toThrow();
    click(button(host, 'Take x#1 back'));
    expect(actions.revoke).toHaveBeenCalledWith(expect.objectContaining({ id: 'x#1' }));
  });

  it('offers nothing to write to whoever can only read here', () => {
    const { host } = show(matter({}, { roles: [], refused: "This server is ada's.", silent: true }));
    expect([...host.querySelectorAll('button')].map(b => b.textContent)).not.toContain('Accept…');
    expect(() => button(host, 'Write down a finding…')).toThrow();
  });

  it('decides nothing over what has changed unseen', () => {
    const { host, actions } = show({ kind: 'ready', matter: matter(), moved: true });
    expect((button(host, 'Approve…') as HTMLButtonElement).disabled).toBe(true);
    expect((button(host, 'Reject…') as HTMLButtonElement).disabled).toBe(true);
    click(button(host, 'Show it as it is now'));
    expect(actions.refresh).toHaveBeenCalled();
  });

  it('says what is different since it was asked for, and shows both', () => {
    const { host } = show(matter({ since: ['recidivism/3 was audited again.'] }));
    expect(host.textContent).toContain('Since then: recidivism/3 was audited again.');
    expect(host.textContent).toContain('Approval requested: recidivism/3');
  });

  it('has a way to accept and to fix a finding', () => {
    const { host, actions } = show(matter());
    click(button(host, 'Accept finding/recidivism#0 until a day'));
    click(button(host, 'Say where finding/recidivism#0 is fixed'));
    expect(actions.acceptFinding.mock.calls[0][0].id).toBe('finding/recidivism#0');
    expect(actions.fixFinding.mock.calls[0][0].id).toBe('finding/recidivism#0');
  });

  it('says what failed and asks again', () => {
    const refusal = { message: 'This folder is not a project.', remedy: 'Run: wb.open()' };
    const { host, actions } = show({ kind: 'failed', refusal });
    expect(host.querySelector('[role=alert]')?.textContent).toContain('Run: wb.open()');
    click(button(host, 'Try again'));
    expect(actions.refresh).toHaveBeenCalled();
  });
});

describe('a question', () => {
  const FIELDS: Field[] = [
    { name: 'title', label: 'What was found?', kind: 'note' },
    { name: 'severity', label: 'How bad?', kind: 'choice', choices: ['low', 'high'], help: 'A policy.' },
    { name: 'until', label: 'Until', kind: 'day' }
  ];

  it('has a labelled control for each field, the first with the focus', () => {
    let last: Answers = {};
    const host = draw(
      <AskForm
        text="Why."
        fields={FIELDS}
        answers={{ severity: 'high' }}
        refusal={null}
        surroundings={{ trans: english }}
        onChange={answers => (last = answers)}
      />
    );
    const controls = [...host.querySelectorAll('label')].map(l => host.querySelector(`[id="${l.htmlFor}"]`));
    expect(controls.map(c => c?.tagName)).toEqual(['TEXTAREA', 'SELECT', 'INPUT']);
    expect(document.activeElement).toBe(controls[0]);
    enter(controls[0], 'Ages.');
    expect(last).toEqual({ severity: 'high', title: 'Ages.' });
  });

  it('shows why it was refused beside what was filled in', () => {
    const host = draw(
      <AskForm
        text="Why."
        fields={FIELDS}
        answers={{ title: 'Ages.' }}
        refusal={{ message: 'until: it has passed.', remedy: 'Give a day to come.' }}
        surroundings={{ trans: english }}
        onChange={() => undefined}
      />
    );
    expect(host.querySelector('[role=alert]')?.textContent).toBe('until: it has passed.Give a day to come.');
    expect(host.querySelector('textarea')!.value).toBe('Ages.');
  });
});
