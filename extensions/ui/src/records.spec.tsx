import * as React from 'react';
import { describe, expect, it, vi } from 'vitest';
import { english } from './context';
import { RecordView, VIEW_NAMES } from './RecordView';
import { button, click, copyOf, draw, enter, records } from './testing/draw';

const show = (view: string, data: unknown = records[view]) =>
  draw(<RecordView view={view} data={data} surroundings={{ trans: english }} />);

describe('every record', () => {
  it.each(VIEW_NAMES)('%s is drawn with a heading', view => {
    const host = show(view);
    expect(host.querySelector('[role=heading]')?.textContent).toBeTruthy();
    expect(host.querySelector('[role=alert]')).toBeNull();
  });

  it.each(VIEW_NAMES)('%s that is not what it says does not take the page down', view => {
    // React reports what it caught, and jsdom once more.
    const silent = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const calm = (event: Event) => event.preventDefault();
    window.addEventListener('error', calm);
    const host = show(view, { evidence: 7 });
    expect(host.querySelector('[role=alert]')?.textContent).toContain('cannot be drawn');
    window.removeEventListener('error', calm);
    silent.mockRestore();
  });

  it.each(VIEW_NAMES)('%s never makes an element of a value', view => {
    expect(show(view).querySelector('img, script')).toBeNull();
  });
});

describe('a report', () => {
  it('says what the reader must know in words, not in colour alone', () => {
    const chips = [...show('report').querySelectorAll('.wb-Card .wb-Chip')].map(c => c.textContent);
    expect(chips).toEqual(['· measured', '? inconclusive', '! error']);
  });

  it('compares the groups of an attribute', () => {
    const host = show('report');
    enter(host.querySelector('select'), 'sex');
    const names = [...host.querySelectorAll('.wb-Multiple th')].map(th => th.firstChild?.textContent);
    expect(names).toContain('Female');
    expect(names).not.toContain('Caucasian');
  });

  it('filters and sorts every number', () => {
    const host = show('report');
    click(button(host, 'Every number'));
    const rows = () => [...host.querySelectorAll('.wb-Table tbody tr')];
    const all = rows().length;
    enter(host.querySelectorAll('select')[0], 'performance');
    expect(rows()).toHaveLength(2);
    enter(host.querySelectorAll('select')[0], '');
    expect(rows()).toHaveLength(all);
    click(button(host, 'value'));
    expect(rows()[0].textContent).toContain('21.0 pp');
    click(button(host, 'value'));
    expect(host.querySelector('th[aria-sort]')?.getAttribute('aria-sort')).toBe('descending');
    // What has no value stays last either way.
    expect(rows()[all - 1].textContent).toContain('—');
  });

  it('moves the threshold with no kernel', () => {
    const host = show('report');
    click(button(host, 'Move the threshold'));
    const first = () => host.querySelector('tbody td')?.textContent;
    const before = first();
    enter(host.querySelector('input[type=range]'), '8');
    expect(host.querySelector('output')?.textContent).toBe('0.800');
    expect(first()).not.toBe(before);
    click(button(host, 'Back to 0.500'));
    expect(first()).toBe(before);
  });

  it('leaves charts to whoever can draw them, and says their sentence otherwise', () => {
    const host = show('report');
    click(button(host, 'Figures'));
    expect(host.querySelector('figure')?.textContent).toContain('Observed share');
    const drawFigure = vi.fn(() => () => undefined);
    const lent = draw(
      <RecordView view="report" data={records.report} surroundings={{ trans: english, drawFigure }} />
    );
    click(button(lent, 'Figures'));
    expect(drawFigure).toHaveBeenCalledOnce();
  });
});

describe('a release', () => {
  it('says of each stage what it asks, whoever said yes, and which group a guardrail is about', () => {
    const release = copyOf('release');
    release.sticky = 'customer_id';
    release.stages[1] = {
      ...release.stages[1],
      name: 'split',
      kind: 'ab',
      arms: ['control', 'treatment'],
      min_minutes: 1440,
      approvals: { owner: 2 }
    };
    release.approvals = [
      {
        by: 'grace',
        stage: 1,
        stage_name: 'split',
        role: 'owner',
        note: '<b>fine</b>',
        time: '2026-11-20T09:00:00Z'
      }
    ];
    release.verdicts[0] = { ...release.verdicts[0], metric: 'guardrail', group: 'north' };
    release.status = 'superseded';
    const host = show('release', release);
    expect(host.querySelectorAll('.wb-Stages li')[1].textContent).toMatch(
      /A\/B · 10.0 % · treatment beside control · at least .+ entities · over 1.440 minutes · after the yes of 2 by owner, 1 said so far/
    );
    expect(host.textContent).toContain('one coin for each customer_id');
    expect(host.textContent).toContain('grace approved split as owner: <b>fine</b>');
    expect(host.textContent).toContain('guardrail north');
    expect(host.textContent).toContain('superseded');
  });

  it('says of an approval that was taken back that it was, and does not count it', () => {
    const release = copyOf('release');
    release.stages[1] = { ...release.stages[1], approvals: { owner: 2 } };
    const said = { stage: 1, stage_name: 'split', role: 'owner', note: 'fine', time: '2026-11-20T09:00:00Z' };
    release.approvals = [
      { ...said, by: 'grace' },
      { ...said, by: 'joan' }
    ];
    release.revocations = [{ word: 0, by: 'eve', note: 'too soon', time: '2026-11-20T10:00:00Z' }];
    const host = show('release', release);
    expect(host.querySelectorAll('.wb-Stages li')[1].textContent).toContain('2 by owner, 1 said so far');
    expect(host.querySelector('s')?.textContent).toBe('grace approved split as owner: fine');
    expect(host.textContent).toContain('taken back by eve: too soon');
    expect(host.querySelectorAll('s')).toHaveLength(1);
  });

  it('draws one that was kept before an approval could be taken back', () => {
    const release = copyOf('release');
    delete release.revocations;
    release.approvals = [
      { by: 'grace', stage: 1, stage_name: 'split', role: 'owner', note: 'x', time: '2026-11-20T09:00:00Z' }
    ];
    expect(show('release', release).textContent).toContain('grace approved split as owner: x');
  });

  it('marks the stage it is in', () => {
    const steps = [...show('release').querySelectorAll('.wb-Stages li')];
    expect(steps.map(li => li.getAttribute('data-state'))).toEqual(['done', 'now', 'ahead', 'ahead']);
    expect(steps[1].getAttribute('aria-current')).toBe('step');
  });

  it('says once how many more would settle it', () => {
    expect(show('release').textContent?.match(/would settle it/g)).toHaveLength(1);
  });

  it('draws evidence against its threshold, and says it', () => {
    const picture = show('release').querySelector('svg.wb-Evidence');
    expect(picture?.getAttribute('aria-label')).toContain('3.00 settles it');
    expect(picture?.querySelectorAll('path')).toHaveLength(2);
    expect(picture?.textContent).toContain('requests');
    expect(show('release').querySelectorAll('svg.wb-Evidence')[1].textContent).toContain('pairs');
  });

  it('keeps labels apart where both lines end alike, and draws nothing where nothing has failed', () => {
    const release = copyOf('release');
    const [first, second] = release.verdicts;
    Object.assign(first.points.at(-1), { log_e_worse: 0.1, log_e_no_worse: 0.1 });
    second.points.forEach((p: any) => Object.assign(p, { log_e_worse: 0, log_e_no_worse: 0 }));
    const pictures = show('release', release).querySelectorAll('svg.wb-Evidence');
    expect(pictures).toHaveLength(1);
    const [worse, good] = [...pictures[0].querySelectorAll('.wb-Evidence-series text')].map(label =>
      Number(label.getAttribute('y'))
    );
    expect(worse - good).toBeGreaterThanOrEqual(12);
  });

  it('draws what has no number as no point', () => {
    const release = copyOf('release');
    release.verdicts[0].points.forEach((p: any) => {
      p.log_e_worse = null;
      p.log_e_no_worse = null;
    });
    expect(show('release', release).querySelectorAll('svg.wb-Evidence')).toHaveLength(1);
  });
});

describe('a dry run', () => {
  const rowsOf = (host: Element, table: number) =>
    [...host.querySelectorAll('table')[table].querySelectorAll('tbody tr')].map(row =>
      [...row.children].map(cell => cell.textContent)
    );

  it('names the stage that would be too late, and what each waits for', () => {
    const host = show('forecast');
    expect(host.querySelector('[aria-level="2"]')?.textContent).toContain(
      'canary <img src=x onerror="window.wbHacked=1"> would probably not pass before the deadline, which ends the release'
    );
    const [shadow, canary] = rowsOf(host, 0);
    expect(shadow.slice(1)).toEqual([
      '200 pairs in under a minute',
      'under a minute waits for exposure',
      '60 min',
      '✓ in time'
    ]);
    expect(canary.slice(2)).toEqual(['2.6 h waits for errors', '60 min', '? probably too late']);
  });

  it('says how many requests each verdict takes, and which is not to be expected', () => {
    const rows = rowsOf(show('forecast'), 1);
    expect(rows.map(row => row.slice(1))).toEqual([
      ['errors proved worse', 'it fails 3 times as often', '451 requests to the candidate', '15 min'],
      [
        'errors proved good',
        'it is as good as the champion',
        '4\u2009698 requests to the candidate',
        '2.6 h'
      ],
      ['errors proved good', 'it fails 2 times as often', 'not to be expected', '—']
    ]);
  });

  it('that is in time says how long it takes altogether', () => {
    const forecast = copyOf('forecast');
    forecast.steps[1].late = false;
    expect(show('forecast', forecast).querySelector('[aria-level="2"]')?.textContent).toContain(
      '✓ about 2.6 h'
    );
  });

  it('without traffic says so', () => {
    const forecast = copyOf('forecast');
    Object.assign(forecast.steps[0], { exposure_minutes: null, minutes: null, late: true });
    forecast.steps.forEach((step: any) => (step.expected = []));
    const host = show('forecast', forecast);
    expect(rowsOf(host, 0)[0].slice(1, 3)).toEqual(['200 pairs', 'never waits for exposure']);
    expect(host.querySelectorAll('table')).toHaveLength(1);
  });
});

describe('a decision', () => {
  it('adds up from typical rows over every reason to this row', () => {
    const rows = [...show('decision').querySelectorAll('.wb-Table')[0].querySelectorAll('tbody tr')];
    const amounts = rows.map(row => row.lastElementChild?.textContent);
    expect(amounts).toEqual(['-0.21', '+1.32', '+0.33', '-0.52', '+0.03', '+0.95']);
    expect(rows.map(row => row.querySelectorAll('rect').length)).toEqual([0, 1, 1, 1, 1, 0]);
    expect(rows[1].textContent).toContain('priors_count is 7 (typical 2): pushed the answer towards 1');
  });

  it('draws bars to either side of one zero', () => {
    const bars = [...show('decision').querySelectorAll('.wb-SignedBar')];
    const zero = Number(bars[0].querySelector('line')?.getAttribute('x1'));
    const ends = (bar: Element) => {
      const rect = bar.querySelector('rect');
      const x = Number(rect?.getAttribute('x'));
      return [x, x + Number(rect?.getAttribute('width'))];
    };
    expect(ends(bars[0])[0]).toBeCloseTo(zero);
    expect(ends(bars[0])[1]).toBeGreaterThan(zero);
    expect(ends(bars[2])[1]).toBeCloseTo(zero);
  });

  it('says what would have to change, what stays, and that it is about one row', () => {
    const host = show('decision');
    const text = host.textContent;
    expect(text).toContain('What gets the answer “0”');
    expect(text).toContain('2. “0”, probability 56.1 %');
    expect(host.querySelectorAll('.wb-Changes table')[0].textContent).toContain('priors_count7→ 3');
    expect(text).toContain('race (immutable)');
    expect(text).toContain('show it to whom the row may be shown');
  });

  it('without a change, a score or anything to add draws what there is', () => {
    const bare = copyOf('decision');
    Object.assign(bare, { change: null, score: null, code: '', notes: ['No change was looked for.'] });
    Object.assign(bare.reasons, { reasons: [], against: [], rest: 0, base: null, output: null });
    const host = show('decision', bare);
    expect(host.querySelector('[role=alert]')).toBeNull();
    expect(host.textContent).not.toContain('What gets');
    expect(host.textContent).toContain('No change was looked for.');
  });

  it('of a regression wants a range, and says when nothing was found', () => {
    const decision = copyOf('decision');
    Object.assign(decision.change, { wanted: [100, 120.5], candidates: [], held: {} });
    const text = show('decision', decision).textContent;
    expect(text).toContain('What gets a prediction from 100 to 120.5');
    expect(text).toContain('No change was found.');
  });
});

describe('a verdict', () => {
  it('says which approvals are to come, and whose no stands', () => {
    const text = show('verdict').textContent;
    expect(text).toContain('? 1 to come model-risk: grace');
    expect(text).toContain('✕ rejected by joan: nothing is released');
  });

  it('keeps the members of a group below it', () => {
    const host = show('verdict');
    const depths = [...host.querySelectorAll('[data-depth]')].map(rule => rule.getAttribute('data-depth'));
    expect(depths).toEqual(['0', '0', '1', '1']);
    expect(host.querySelector('.wb-Sort')).toBeNull();
    const flat = copyOf('verdict');
    flat.rules = flat.rules.filter((rule: any) => rule.depth === 0);
    expect(show('verdict', flat).querySelectorAll('.wb-Sort')).toHaveLength(2);
  });
});

describe('a request for approval', () => {
  it('puts candidate and champion side by side, and says what is more than chance', () => {
    const request = copyOf('request');
    Object.assign(request.difference.metrics[0], {
      unit: 'rate',
      candidate: { value: 0.7, low: 0.68, high: 0.72, n: 100 },
      champion: { value: 0.62, low: 0.6, high: 0.64, n: 100 },
      difference: 0.08,
      apart: true
    });
    const host = show('request', request);
    const row = host.querySelectorAll('.wb-Table')[1].querySelector('tbody tr')!;
    expect([...row.querySelectorAll('.wb-Numeric')].map(cell => cell.textContent)).toEqual([
      '70.0 % [68.0, 72.0]',
      '62.0 % [60.0, 64.0]',
      '+8.0 ppintervals apart'
    ]);
    expect(row.querySelectorAll('.wb-Beside [data-side]')).toHaveLength(2);
    expect(host.textContent).toMatch(/Of \d+ figures 1 lies apart/);
  });

  it('without a champion shows what there is', () => {
    const request = copyOf('request');
    Object.assign(request.difference, { champion: '', notes: ['There is no champion to compare with.'] });
    for (const part of ['metrics', 'slices', 'explanations']) {
      request.difference[part].forEach((change: any) => Object.assign(change, { champion: null }));
    }
    const host = show('request', request);
    expect(host.querySelector('.wb-Beside')).toBeNull();
    expect(host.textContent).toContain('There is no champion to compare with.');
    expect(host.textContent).not.toContain('lie apart');
  });

  it('says who asked and why, and what stands open', () => {
    const text = show('request').textContent;
    expect(text).toContain('ada asks under policy default: “Better on the old.');
    expect(text).toContain('✕ high, open Ages above 90 are years of birth.');
  });
});

describe('freshness', () => {
  it('has a sentence and the one command for what is stale, and for nothing else', () => {
    const host = show('freshness');
    const commands = [...host.querySelectorAll('.wb-Command code')].map(code => code.textContent);
    expect(commands).toEqual([
      'workbench audit recidivism/3 --on DATA --suite fairness',
      'workbench gate recidivism/3 --policy default'
    ]);
    expect(host.textContent).toContain('recidivism/3 under default: 2 to renew');
  });

  it('lets a command be copied where there is a clipboard, and marked where there is none', () => {
    expect(show('freshness').querySelector('.wb-Command button')).toBeNull();
    const copy = vi.fn();
    const host = draw(
      <RecordView view="freshness" data={records.freshness} surroundings={{ trans: english, copy }} />
    );
    click(button(host, 'Copy: workbench gate recidivism/3 --policy default'));
    expect(copy).toHaveBeenCalledWith('workbench gate recidivism/3 --policy default');
    expect(host.querySelectorAll('[role=status]')[1].textContent).toBe('copied');
  });

  it('is known of an open record beside what it says itself', () => {
    const { stale } = records.overview.models[0].versions[0];
    const host = draw(
      <RecordView view="verdict" data={records.verdict} surroundings={{ trans: english }} stale={stale} />
    );
    expect(host.querySelector('.wb-Stale')?.textContent).toContain('was audited again after it was judged');
  });
});

it('a bisection lists its trials in the order tried and its versions in their own', () => {
  const host = show('bisect');
  expect([...host.querySelectorAll('.wb-Trials b')].map(b => b.textContent)).toEqual([
    'recidivism/1',
    'recidivism/4',
    'recidivism/2',
    'recidivism/3'
  ]);
  expect(host.querySelector('[data-first-bad]')?.textContent).toContain('v3');
});

describe('an overview', () => {
  it('lists every version with its verdict, newest first', () => {
    const rows = [...show('overview').querySelectorAll('.wb-Table')[0].querySelectorAll('tbody tr')];
    const verdicts = rows.map(row => [...row.children].slice(0, 3).map(cell => cell.textContent));
    expect(verdicts).toEqual([
      ['3', 'candidate', '✕ fail stale'],
      ['2', '', '✓ pass'],
      ['1', 'champion', 'not judged']
    ]);
    expect(rows[1].textContent).toContain('needs 1 by model-risk');
  });

  it('has nothing to click that a notebook could not do', () => {
    const host = show('overview');
    expect(host.querySelector('[data-release]')?.textContent).toContain('recidivism-2');
    expect(host.querySelector('[data-incident]')?.textContent).toContain('Scores jumped');
    expect(host.querySelectorAll('.wb-Glances button')).toHaveLength(0);
  });

  const endpointOf = (changes: object) => {
    const overview = copyOf('overview');
    Object.assign(overview.endpoints[0], changes);
    const host = show('overview', overview);
    const table = [...host.querySelectorAll('table')].find(t => t.caption?.textContent === 'Endpoints')!;
    return [...table.querySelector('tbody tr')!.children].map(cell => cell.textContent);
  };

  it('says of an endpoint who answers, what its release says, who stands by and who drives', () => {
    const standing = { standby: 'recidivism/0', standby_loaded: true };
    const drill = {
      outcome: 'pass',
      reason: 'Nothing was lost.',
      time: '2026-11-20T09:00:00Z',
      first_seconds: 0.04,
      last_seconds: 0.061
    };
    const [name, answers, release, standby, drilled, driver] = endpointOf({ ...standing, drill });
    expect(name).toBe('recidivism ✓ gateway ready');
    expect(answers).toContain('recidivism/1last minute: 271 by version 1, 29 by version 2');
    expect(answers).toContain('✕ recidivism/2 is left alone: half-open');
    expect(release).toBe('recidivism/2canary 10 %, 10.0 % of requests');
    const said = show('overview').querySelector('[data-release]')?.textContent;
    expect(said).toContain("No worse than 2 times the champion's errors");
    expect(standby).toBe('recidivism/0 ✓ loaded');
    expect(drilled).toContain('the standby answered after 0.040 s, the champion until 0.061 s');
    expect(driver).toContain('<img src=x');
  });

  it('says in words what does not stand behind an endpoint', () => {
    const bare = {
      release: '',
      gateway: '',
      ready: false,
      controller: '',
      counted_since: null,
      breakers: {}
    };
    expect(endpointOf(bare)).toEqual([
      'recidivism · not served here',
      'recidivism/1',
      'none under way',
      'nobody',
      'never drilled',
      'nobody'
    ]);
    const failed = {
      outcome: 'fail',
      reason: '3 of 240 requests failed.',
      time: null,
      first_seconds: 0.1,
      last_seconds: null
    };
    expect(endpointOf({ drill: failed })[4]).toBe('✕ fail —3 of 240 requests failed.');
    expect(endpointOf({ killed: true })[0]).toBe('recidivism ✕ killed: no model answers');
    expect(endpointOf({ standby: 'recidivism/0' })[3]).toBe('recidivism/0 ? not loaded');
    expect(endpointOf({ ready: false })[0]).toBe('recidivism ? gateway not ready');
  });

  it('of an empty project says so', () => {
    const empty = { seq: -1, models: [], releases: [], incidents: [] };
    expect(show('overview', empty).textContent).toContain('No model is registered yet');
  });
});

it('a card has verdict, approvals, releases, incidents and history of one version', () => {
  const text = show('card').textContent;
  for (const part of [
    'recidivism/2',
    'Every rule passes',
    '✓ approved grace as model-risk',
    'Does it still hold?',
    'Release recidivism-2',
    'INC-1'
  ]) {
    expect(text).toContain(part);
  }
});
