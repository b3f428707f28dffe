import * as React from 'react';
import { expect, it } from 'vitest';
import { english } from '../context';
import type { AuditHelp, Option } from '../records';
import { AuditForm } from './AuditForm';
import { Choices, initially, suiteOf } from './choices';
import { click, draw, enter } from '../testing/draw';

const option = (name: string, rest: Partial<Option>): Option => ({
  name,
  type: '',
  default: null,
  help: `What ${name} does.`,
  input: 'text',
  choices: [],
  ...rest
});

const AUDITS: AuditHelp[] = [
  {
    name: 'drift',
    summary: 'How far columns moved.',
    help: '',
    json_schema: {},
    options: [
      option('margin', { input: 'number', default: 0.1 }),
      option('bins', { input: 'integer', default: 10 }),
      option('method', { input: 'choice', default: 'psi', choices: ['psi', 'ks'] }),
      option('columns', { input: 'list' }),
      option('cases', { input: '' })
    ]
  },
  { name: 'privacy', summary: 'What leaks.', help: '', json_schema: {}, options: [] }
];

function Form(props: { seen: (choices: Choices) => void }) {
  const [choices, setChoices] = React.useState<Choices>(initially(['drift']));
  return (
    <AuditForm
      audits={AUDITS}
      choices={choices}
      surroundings={{ trans: english }}
      onChange={next => {
        setChoices(next);
        props.seen(next);
      }}
    />
  );
}

function form() {
  let last: Choices = initially(['drift']);
  const page = draw(<Form seen={choices => (last = choices)} />);
  const labelled = (text: string) => {
    const label = [...page.querySelectorAll('label')].find(one => one.textContent?.trim() === text);
    return label?.querySelector('input') ?? page.querySelector<HTMLInputElement>(`[id="${label?.htmlFor}"]`);
  };
  return { page, labelled, suite: () => suiteOf(AUDITS, last) };
}

it('runs what is ticked, and sends no option that nobody changed', () => {
  const { labelled, suite } = form();
  expect(suite()).toEqual({ drift: {} });
  click(labelled('privacy'));
  expect(suite()).toEqual({ drift: {}, privacy: {} });
  click(labelled('drift'));
  expect(suite()).toEqual({ privacy: {} });
});

it('sends numbers as numbers, lists as lists and choices as they are', () => {
  const { page, labelled, suite } = form();
  enter(labelled('margin'), '0.25');
  enter(labelled('columns'), 'age, income ,');
  enter(labelled('method'), 'ks');
  expect(suite()).toEqual({ drift: { margin: 0.25, columns: ['age', 'income'], method: 'ks' } });
  expect(page.querySelector('summary')!.textContent).toBe('4 options, 3 changed');
});

it('says what is wrong beside the input and keeps it', () => {
  const { page, labelled, suite } = form();
  enter(labelled('bins'), '2.5');
  expect(page.querySelector('[role=alert]')!.textContent).toContain('A whole number');
  expect(labelled('bins')!.value).toBe('2.5');
  expect(suite()).toBeNull();
  enter(labelled('bins'), '');
  expect(suite()).toEqual({ drift: {} });
});

it('leaves to YAML what is more than a form should ask, and reads the help aloud', () => {
  const { page, labelled } = form();
  expect(labelled('cases')).toBeNull();
  const described = labelled('margin')!.getAttribute('aria-describedby');
  expect(page.querySelector(`[id="${described}"]`)!.textContent).toBe('What margin does.');
});
