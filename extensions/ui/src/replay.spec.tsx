import * as React from 'react';
import { describe, expect, it } from 'vitest';
import { english } from './context';
import { RecordView } from './RecordView';
import { copyOf, draw } from './testing/draw';

const texts = (cells: Iterable<Element>) => [...cells].map(cell => cell.textContent ?? '');

describe('a replay', () => {
  it('puts numbers under their headings, whatever a version was measured by', () => {
    const replay = copyOf('replay');
    const [first, second] = replay.columns;
    const measured = (metric: string, value: number) => ({
      ...(first.metrics[0] ?? second.metrics[0]),
      metric,
      value,
      unit: 'rate',
      low: null,
      high: null
    });
    Object.assign(first, { label: 'm/1', n: 0, metrics: [] });
    Object.assign(second, {
      label: 'm/2',
      metrics: [measured('recall_score', 0.5), measured('accuracy_score', 0.9)]
    });
    replay.columns = [first, second];
    const host = draw(<RecordView view="replay" data={replay} surroundings={{ trans: english }} />);
    const table = host.querySelector('table')!;
    const heads = texts(table.querySelectorAll('thead th')).map(name => name.replace(/[^\w /]/g, '').trim());
    const rows = [...table.querySelectorAll('tbody tr')].map(row => texts(row.children));
    const at = (name: string, row: number) => rows[row][heads.indexOf(name)].trim();
    expect(heads).toContain('unlike m/2');
    expect(rows.map(row => row.length)).toEqual([heads.length, heads.length]);
    expect([at('accuracy score', 0), at('recall score', 0)]).toEqual(['—', '—']);
    expect([at('accuracy score', 1), at('recall score', 1)]).toEqual(['90.0 %', '50.0 %']);
  });
});
