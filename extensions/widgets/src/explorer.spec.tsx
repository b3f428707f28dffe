import { act } from 'react';
import { expect, it, vi } from 'vitest';
import showcase from '../../ui/src/testing/showcase.json';
import explorer from './explorer';

it('shares threshold and slice with Python, both ways', async () => {
  const state: Record<string, unknown> = {
    title: 'recidivism/3',
    scores: showcase.report.scores,
    threshold: 0.5,
    slice: '*'
  };
  const listeners: Array<() => void> = [];
  const model = {
    get: (key: string) => state[key],
    set: (key: string, value: unknown) => void (state[key] = value),
    save_changes: vi.fn(() => listeners.forEach(listener => listener())),
    on: (_: string, listener: () => void) => void listeners.push(listener),
    off: vi.fn()
  };
  const el = document.createElement('div');
  document.body.append(el);
  let clean: unknown;
  await act(async () => {
    clean = explorer.render({ model, el } as never);
  });
  const slider = el.querySelector('input')!;
  await act(async () => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(slider, '7');
    slider.dispatchEvent(new Event('input', { bubbles: true }));
  });
  expect(state.threshold).toBe(0.7);
  expect(model.save_changes).toHaveBeenCalled();
  await act(async () => {
    state.threshold = 0.2;
    listeners.forEach(listener => listener());
  });
  expect(el.querySelector('output')?.textContent).toBe('0.200');
  await act(async () => (clean as () => void)());
  expect(el.textContent).toBe('');
});
