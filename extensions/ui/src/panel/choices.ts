/** What somebody chose in the form of audits: from texts in inputs to the options that are sent. */
import type { AuditHelp, Option } from '../records';

/** What is in the form: an audit that is missing is not run; an option that is missing keeps its default. */
export type Choices = Record<string, Record<string, string>>;

/** The suite that nobody chose, as a form shows it. */
export const initially = (names: string[]): Choices => Object.fromEntries(names.map(name => [name, {}]));

/** The default of an option as a person would type it; empty for nothing. */
export function typed(option: Option): string {
  const value = option.default as unknown;
  if (Array.isArray(value)) {
    return value.join(', ');
  }
  return value === null || value === undefined ? '' : String(value);
}

/** The value an input holds, or why it holds none. */
export function valueOf(option: Option, text: string): { value: unknown } | { problem: string } {
  const trimmed = text.trim();
  switch (option.input) {
    case 'integer':
    case 'number': {
      const value = Number(trimmed);
      const whole = option.input === 'number' || Number.isInteger(value);
      return trimmed !== '' && Number.isFinite(value) && whole ? { value } : { problem: option.input };
    }
    case 'switch':
      return { value: trimmed === 'true' };
    case 'list':
      return {
        value: trimmed
          .split(',')
          .map(part => part.trim())
          .filter(part => part !== '')
      };
    default:
      return { value: text };
  }
}

/** True when the text says what holds anyway. An empty input leaves an option alone. */
export const untouched = (option: Option, text: string | undefined): boolean =>
  text === undefined || text.trim() === '' || text === typed(option);

/** The options that were filled in with something else than their default, by audit; null while one is wrong. */
export function suiteOf(
  audits: AuditHelp[],
  choices: Choices
): Record<string, Record<string, unknown>> | null {
  const suite: Record<string, Record<string, unknown>> = {};
  for (const audit of audits.filter(one => one.name in choices)) {
    suite[audit.name] = {};
    for (const option of audit.options) {
      const text = choices[audit.name][option.name];
      if (untouched(option, text)) {
        continue;
      }
      const held = valueOf(option, text);
      if ('problem' in held) {
        return null;
      }
      suite[audit.name][option.name] = held.value;
    }
  }
  return suite;
}
