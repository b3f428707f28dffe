import * as React from 'react';
import { act } from 'react';
import { createRoot } from 'react-dom/client';
import showcase from './showcase.json';

/** Real records, written by `python -m workbench.testing.showcase`. */
export const records: Record<string, any> = showcase;

/** A copy that a test may change. */
export const copyOf = (view: string): any => structuredClone(records[view]);

/** Draw an element into the page and return where. */
export function draw(element: React.ReactElement): HTMLElement {
  const host = document.createElement('div');
  document.body.append(host);
  act(() => createRoot(host).render(element));
  return host;
}

export function click(target: Element | null | undefined): void {
  act(() => (target as HTMLElement).click());
}

/** Set a control's value as a person would. */
export function enter(control: Element | null, value: string): void {
  const prototype = Object.getPrototypeOf(control);
  act(() => {
    Object.getOwnPropertyDescriptor(prototype, 'value')!.set!.call(control, value);
    control!.dispatchEvent(new Event('input', { bubbles: true }));
    control!.dispatchEvent(new Event('change', { bubbles: true }));
  });
}

export const button = (host: Element, name: string): HTMLElement => {
  const found = [...host.querySelectorAll('button')].find(
    b => b.textContent?.includes(name) || b.getAttribute('aria-label') === name
  );
  if (!found) {
    throw new Error(`no button "${name}"`);
  }
  return found;
};
