import * as React from 'react';
import { Surroundings, SurroundingsContext, useLanguage } from '../context';
import type { AuditHelp, Option } from '../records';
import { Choices, typed, untouched, valueOf } from './choices';

/** Which audits to run and with which options, made from what the audits say of themselves. */
export function AuditForm(props: {
  audits: AuditHelp[];
  choices: Choices;
  surroundings: Surroundings;
  onChange: (choices: Choices) => void;
}) {
  return (
    <SurroundingsContext.Provider value={props.surroundings}>
      <div className="wb-AuditForm">
        {props.audits.map(audit => (
          <AuditFields key={audit.name} audit={audit} choices={props.choices} onChange={props.onChange} />
        ))}
      </div>
    </SurroundingsContext.Provider>
  );
}

function AuditFields(props: { audit: AuditHelp; choices: Choices; onChange: (choices: Choices) => void }) {
  const trans = useLanguage();
  const { audit, choices, onChange } = props;
  const id = React.useId();
  const chosen = choices[audit.name];
  const asked = audit.options.filter(option => option.input !== '');
  const changed = asked.filter(option => !untouched(option, chosen?.[option.name])).length;
  const run = (on: boolean) => {
    const others = Object.entries(choices).filter(([name]) => name !== audit.name);
    onChange(Object.fromEntries(on ? [...others, [audit.name, {}]] : others));
  };
  const set = (option: string, text: string) =>
    onChange({ ...choices, [audit.name]: { ...chosen, [option]: text } });
  return (
    <section className="wb-AuditForm-audit" aria-label={audit.name}>
      <label className="wb-AuditForm-name">
        <input
          type="checkbox"
          checked={chosen !== undefined}
          aria-describedby={id}
          onChange={event => run(event.target.checked)}
        />{' '}
        <b>{audit.name}</b>
      </label>
      <div id={id} className="wb-Muted">
        {audit.summary}
      </div>
      {chosen !== undefined && asked.length > 0 && (
        <details>
          <summary>
            {trans._n('%1 option', '%1 options', asked.length)}
            {changed > 0 && trans.__(', %1 changed', changed)}
          </summary>
          {asked.map(option => (
            <OptionField
              key={option.name}
              option={option}
              text={chosen[option.name] ?? typed(option)}
              onChange={text => set(option.name, text)}
            />
          ))}
        </details>
      )}
    </section>
  );
}

function OptionField(props: { option: Option; text: string; onChange: (text: string) => void }) {
  const trans = useLanguage();
  const { option, text } = props;
  const id = React.useId();
  const wrong = !untouched(option, text) && 'problem' in valueOf(option, text);
  const number = option.input === 'integer' || option.input === 'number';
  return (
    <div className="wb-AuditForm-option">
      <label htmlFor={id}>{option.name}</label>
      {option.input === 'choice' || option.input === 'switch' ? (
        <select
          id={id}
          value={text}
          aria-describedby={`${id}h`}
          onChange={e => props.onChange(e.target.value)}
        >
          {(option.input === 'switch' ? ['true', 'false'] : option.choices).map(choice => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          type="text"
          inputMode={number ? 'decimal' : 'text'}
          value={text}
          placeholder={option.input === 'list' ? trans.__('separated by commas') : ''}
          aria-describedby={`${id}h`}
          aria-invalid={wrong}
          onChange={event => props.onChange(event.target.value)}
        />
      )}
      <div id={`${id}h`} className="wb-Muted">
        {wrong && (
          <b role="alert">
            {option.input === 'integer'
              ? trans.__('A whole number, please. ')
              : trans.__('A number, please. ')}
          </b>
        )}
        {option.help}
      </div>
    </div>
  );
}
