import { describe, expect, it } from 'vitest';
import changes from './testing/change.cases.json';
import durations from './testing/duration.cases.json';
import cases from './testing/format.cases.json';
import estimates from './testing/estimate.cases.json';
import sums from './testing/signed.cases.json';
import summaries from './testing/summary.cases.json';
import values from './testing/value.cases.json';
import { change, duration, estimate, interval, moment, number, places, signed, value } from './format';
import { family, groupName, worst } from './judge';
import { ago, nextStep } from './panel/next';
import { nearestBin, ratesAt } from './rates';
import { attributesOf, betweenGroups, compare } from './views/Groups';
import { LEADS, LEAST, headlines, outcomes, taken, tally } from './summary';
import type { Row } from './views/Measurements';
import type { Evidence, ScoreCounts, VersionGlance } from './records';
import { records } from './testing/draw';

const scores: ScoreCounts = records.report.scores;

describe('numbers', () => {
  it.each(cases)('are written as Python writes them: %o', ({ value, unit, text }) => {
    expect(number(value, unit)).toBe(text);
  });

  it.each(sums)('that are added up are written as Python writes them: %o', ({ values, texts }) => {
    expect(values.map(v => signed(v, places(values)))).toEqual(texts);
  });

  it.each(durations)('of minutes are written as Python writes them: %o', given => {
    expect(duration(given.minutes)).toBe(given.text);
  });

  it.each(values)('of a row are written as Python writes them: %o', given => {
    expect(value(given.value)).toBe(given.text);
  });

  it.each(changes)('that are differences are written as Python writes them: %o', given => {
    expect(change(given.value, given.unit)).toBe(given.text);
  });

  it.each(estimates)('and their intervals share one number of decimals: %o', ({ given, texts }) => {
    const [value, low, high, unit] = given as [number | null, number | null, number | null, string];
    expect(estimate({ value, low, high, unit })).toEqual(texts);
  });

  it('have an interval in their own unit', () => {
    expect(interval(0.421, 0.476, 'rate')).toBe('[42.1, 47.6]');
    expect(interval(null, 0.5)).toBe('');
  });

  it('that are no time are a dash', () => {
    expect(moment('2026-11-20T12:00:00Z')).toBe('2026-11-20 12:00:00 UTC');
    expect(moment(null)).toBe('—');
  });
});

describe('rates at a threshold', () => {
  it('are those of the counts', () => {
    const [everyone] = ratesAt(scores, 5);
    const [negative, positive] = scores.counts[0];
    const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
    expect(everyone.true_positive_rate).toBe(sum(positive.slice(5)) / sum(positive));
    expect(everyone.false_positive_rate).toBe(sum(negative.slice(5)) / sum(negative));
    expect(everyone.n).toBe(sum(negative) + sum(positive));
  });

  it('take everything at the lowest threshold', () => {
    for (const rates of ratesAt(scores, 0)) {
      expect(rates.selection_rate).toBe(1);
      expect(rates.false_negative_rate).toBe(0);
    }
  });

  it('fall as the threshold rises', () => {
    const selected = scores.edges.slice(0, -1).map((_, bin) => ratesAt(scores, bin)[0].selection_rate!);
    expect([...selected].sort((a, b) => b - a)).toEqual(selected);
  });

  it('are null where no row has the label', () => {
    const none = { ...scores, counts: scores.counts.map(([n]) => [n, n.map(() => 0)]) } as ScoreCounts;
    expect(ratesAt(none, 3)[0].true_positive_rate).toBeNull();
  });

  it('hold at the nearest edge', () => {
    expect(nearestBin(scores, 0.47)).toBe(5);
    expect(nearestBin(scores, 9)).toBe(9);
  });
});

it('outcomes combine as in Python', () => {
  expect(worst([])).toBe('inconclusive');
  expect(worst(['measured'])).toBe('measured');
  expect(worst(['pass', 'pass'])).toBe('pass');
  expect(worst(['pass', 'measured'])).toBe('measured');
  expect(worst(['measured', 'inconclusive', 'pass'])).toBe('inconclusive');
  expect(worst(['pass', 'inconclusive', 'fail', 'error'])).toBe('error');
});

it('numbers between groups stand with the rate they are of, or for themselves', () => {
  const row = (metric: string, slice: string) => ({ audit: 'fairness', metric, slice, unit: '' }) as Row;
  const rows = [
    row('selection_rate', ''),
    row('selection_rate', 'sex=male'),
    row('selection_rate_difference', 'sex'),
    row('selection_rate_group_min', 'sex'),
    row('equalized_odds_difference', 'sex'),
    row('count', 'sex=male')
  ];
  const { metrics, between } = compare(rows, 'sex');
  expect(metrics.map(m => [m.metric, m.rows.length, m.between.map(b => b.metric)])).toEqual([
    ['selection_rate', 1, ['selection_rate_difference']]
  ]);
  expect(between.map(b => b.metric)).toEqual(['equalized_odds_difference']);
  expect(betweenGroups(rows).map(m => m.metric)).toEqual(['equalized_odds_difference']);
});

it('slices are read by attribute and group', () => {
  expect(family('race=African-American & sex=Male')).toBe('race & sex');
  expect(groupName('race=African-American & sex=Male')).toBe('African-American & Male');
  expect(groupName('formula=a=b')).toBe('a=b');
});

it('time passed is said in its largest unit', () => {
  const now = Date.parse('2026-11-20T12:00:00Z');
  expect(ago('2026-11-20T11:59:30Z', now)).toBe('30 s');
  expect(ago('2026-11-18T11:00:00Z', now)).toBe('2 d');
  expect(ago('', now)).toBe('—');
});

it('the next step follows the loop', () => {
  const [v3, v2, v1]: VersionGlance[] = records.overview.models[0].versions;
  expect(nextStep({ ...v1, evidence: null })).toBe('audit');
  expect(nextStep(v1)).toBe('gate');
  const waiting = { ...v2, release: '' };
  expect(nextStep(waiting)).toBe('approve');
  const approved = { ...waiting, verdict: { ...v2.verdict!, missing_approvals: {} } };
  expect(nextStep(approved)).toBe('release');
  expect(nextStep({ ...approved, release: 'recidivism-2' })).toBeNull();
  expect(nextStep({ ...approved, verdict: { ...approved.verdict, rejected_by: ['joan'] } })).toBeNull();
  expect(nextStep(v3)).toBe('gate');
  expect(nextStep({ ...v3, verdict: { ...v3.verdict!, stale: false } })).toBeNull();
});

describe('a summary', () => {
  const evidence: Evidence[] = records.report.evidence;

  it('leads with what Python leads with', () => {
    expect(LEADS).toEqual(summaries.leads);
    expect(LEAST).toEqual(summaries.least);
    const leading = evidence.map(e => headlines(e).map(m => [m.metric, m.slice]));
    expect(leading).toEqual(summaries.evidence.map(e => e.headlines));
  });

  it('counts as Python counts', () => {
    expect(outcomes(evidence)).toBe(summaries.outcomes);
    expect(evidence.map(tally)).toEqual(summaries.evidence.map(e => e.tally));
  });

  it('says when evidence was recalled and not measured', () => {
    const [first] = evidence;
    expect(taken(first)).toBe('');
    const recalled = taken({ ...first, started: '2026-11-20T12:00:00Z', recalled: '2026-11-21T12:00:00Z' });
    expect(recalled).toBe('measured on 2026-11-20 12:00:00 UTC, recalled');
  });

  it('takes the greatest of what has no overall figure, and the least of what a model is worth', () => {
    const of = (audit: string): Evidence => ({
      ...evidence[0],
      audit,
      measurements: [0.1, -0.3, 0.2].map((value, i) => ({
        ...evidence[0].measurements[0],
        metric: 'accuracy_score_difference',
        slice: `against=${i}`,
        value
      }))
    });
    expect(headlines(of('corruption')).map(m => m.value)).toEqual([-0.3]);
    expect(headlines(of('worth')).map(m => m.value)).toEqual([0.1]);
  });
});

it('groups of people are offered before slices of any other kind', () => {
  const rows = ['against=dummy', 'race=A', 'race=A & sex=F', 'fault=swap & column=x'].map(slice => ({
    ...records.report.evidence[0].measurements[0],
    audit: 'any',
    slice
  }));
  expect(attributesOf(rows, ['race', 'sex'])).toEqual(['race', 'race & sex', 'against', 'fault & column']);
});

it('what columns have is not taken for a figure between groups', () => {
  const row = (metric: string, slice: string) => ({
    ...records.report.evidence[0].measurements[0],
    audit: 'any',
    metric,
    slice
  });
  const rows = [row('rate', 'race=A'), row('gap', 'race'), row('psi', 'race'), row('psi', 'age')];
  expect(compare(rows, 'race').between.map(r => r.metric)).toEqual(['gap']);
});
