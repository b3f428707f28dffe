import * as React from 'react';
import { describe, expect, it, Mock, vi } from 'vitest';
import { english } from '../context';
import { button, click, copyOf, draw, records } from '../testing/draw';
import { OverviewState, PanelView } from './PanelView';

function show(state: OverviewState) {
  const names = ['insert', 'choose', 'requestApproval', 'decide', 'open', 'refresh'] as const;
  const fns = Object.fromEntries(names.map(name => [name, vi.fn()])) as Record<(typeof names)[number], Mock>;
  const actions = fns;
  const now = Date.parse('2026-11-20T13:00:00Z');
  const host = draw(
    <PanelView state={state} actions={actions} surroundings={{ trans: english }} now={now} />
  );
  return { host, actions };
}

const ready = (overview = records.overview): OverviewState => ({ kind: 'ready', project: 'risk', overview });

describe('the panel', () => {
  it('lists versions newest first with their verdict and aliases', () => {
    const { host } = show(ready());
    const lines = [...host.querySelectorAll('[data-version] .wb-Item-line')].map(l => l.textContent);
    expect(lines).toEqual(['▾ v3candidate✕ fail', '▸ v2✓ pass', '▸ v1championnot judged']);
  });

  it('inserts the code of a step for a version', () => {
    const { host, actions } = show(ready());
    click(host.querySelector("[data-version='recidivism/3'] [data-step=release]"));
    expect(actions.insert).toHaveBeenCalledWith('release', { model: 'recidivism/3' });
  });

  it('opens the records of a version', () => {
    const { host, actions } = show(ready());
    const v3 = host.querySelector("[data-version='recidivism/3']")!;
    for (const name of ['Report', 'Verdict', 'Lineage']) {
      click(button(v3, name));
    }
    const report = records.overview.models[0].versions[0].evidence.report;
    expect(actions.open.mock.calls).toEqual([
      ['report', report],
      ['verdict', 'recidivism/3'],
      ['model', 'recidivism/3']
    ]);
  });

  it('says what is stale, with the command that renews it', () => {
    const v3 = show(ready()).host.querySelector("[data-version='recidivism/3']")!;
    expect(v3.querySelector('.wb-Stale')?.textContent).toContain('was audited again after it was judged');
    expect(v3.querySelector('.wb-Command code')?.textContent).toBe(
      'workbench gate recidivism/3 --policy default'
    );
  });

  it('says who approved, who rejected and what is missing', () => {
    const overview = copyOf('overview');
    overview.models[0].versions[1].verdict.rejected_by = ['joan'];
    overview.models[0].versions[1].open_findings = { high: 1, low: 2 };
    const { host } = show(ready(overview));
    const text = host.querySelector("[data-version='recidivism/2']")!.textContent;
    expect(text).toContain('✕ rejected by joan: nothing is released until that is taken back.');
    expect(text).toContain('✓ approved by grace');
    expect(text).toContain('Needs 1 approval by model-risk');
    expect(text).toContain('✕ 3 open findings 1 high, 2 low');
  });

  it('asks for approval and lets somebody decide', () => {
    const { host, actions } = show(ready());
    const v2 = host.querySelector("[data-version='recidivism/2']")!;
    click(button(v2, 'Request approval'));
    click(button(v2, 'Decide…'));
    expect(actions.requestApproval).toHaveBeenCalledWith('recidivism/2');
    expect(actions.decide).toHaveBeenCalledWith('recidivism/2');
  });

  it('shows releases and incidents, and the code that follows', () => {
    const overview = copyOf('overview');
    overview.endpoints = [];
    overview.releases = [
      {
        id: 'recidivism-2',
        endpoint: 'recidivism',
        candidate: 'recidivism/2',
        champion: '',
        status: 'rolled_back',
        stage: 'canary 10 %',
        step: 2,
        steps: 4,
        weight: 0,
        reason: 'errors'
      }
    ];
    overview.incidents = [{ ...records.incident, status: 'open', finding: '' }];
    const { host, actions } = show(ready(overview));
    expect(host.querySelector('[data-release]')?.textContent).toContain('rolled back');
    click(button(host.querySelector('[data-incident]')!, 'Bisect'));
    expect(actions.insert).toHaveBeenCalledWith('bisect', { incident: 'INC-1', model: 'recidivism' });
  });

  it('says of a running release what its metrics say, and of its endpoint who answers', () => {
    const { host } = show(ready());
    expect(host.querySelector('[data-release]')?.textContent).toContain('evidence 36:1 after 800 requests');
    expect(host.querySelector('[data-release]')?.textContent).not.toContain('in the release');
    const guarded = copyOf('overview');
    guarded.endpoints[0].verdicts.push('Where region is north: no harm.', 'Where region is south: no harm.');
    expect(show(ready(guarded)).host.querySelector('[data-release]')?.textContent).toContain(
      '2 more verdicts are in the release.'
    );
    const endpoint = host.querySelector('[data-endpoint=recidivism]')!;
    expect(endpoint.textContent).toContain('✓ gateway ready');
    expect([...endpoint.querySelectorAll('dt')].map(dt => dt.textContent)).toEqual([
      'answers',
      'standby',
      'last drill',
      'driven by'
    ]);
    expect(endpoint.textContent).not.toContain('evidence 36:1');
  });

  it('invites to register the first model', () => {
    const { host, actions } = show(ready({ seq: -1, models: [], releases: [], incidents: [] }));
    click(button(host, 'Insert code: register'));
    expect(actions.insert).toHaveBeenCalledWith('register', {});
  });

  it('invites to make a project where there is none', () => {
    const { host, actions } = show({ kind: 'absent', folder: 'notes' });
    expect(host.textContent).toContain('notes is not a project yet');
    click(button(host, 'open a project here'));
    expect(actions.insert).toHaveBeenCalledWith('open', {});
  });

  it('says what failed and asks again', () => {
    const { host, actions } = show({ kind: 'failed', message: 'the journal is damaged' });
    expect(host.querySelector('[role=alert]')?.textContent).toContain('the journal is damaged');
    click(button(host, 'Try again'));
    expect(actions.refresh).toHaveBeenCalled();
  });
});
