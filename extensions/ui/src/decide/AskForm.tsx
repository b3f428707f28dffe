import * as React from 'react';
import { Surroundings, SurroundingsContext } from '../context';

/** One thing to fill in. */
export interface Field {
  name: string;
  label: string;
  kind: 'note' | 'line' | 'day' | 'choice';
  /** Of a choice. */
  choices?: readonly string[];
  help?: string;
}

export type Answers = Record<string, string>;

/** Why something was not done, and what to do instead. */
export interface Refusal {
  message: string;
  remedy: string;
}

/** A few fields below a sentence that says what they are for. What was refused stays filled in. */
export function AskForm(props: {
  text: string;
  fields: readonly Field[];
  answers: Answers;
  refusal: Refusal | null;
  surroundings: Surroundings;
  onChange: (answers: Answers) => void;
}) {
  const { answers } = props;
  return (
    <SurroundingsContext.Provider value={props.surroundings}>
      <div className="wb-Form">
        <p>{props.text}</p>
        {props.refusal && <RefusalNotice refusal={props.refusal} />}
        {props.fields.map((field, index) => (
          <Control
            key={field.name}
            field={field}
            first={index === 0}
            value={answers[field.name] ?? ''}
            onChange={value => props.onChange({ ...answers, [field.name]: value })}
          />
        ))}
      </div>
    </SurroundingsContext.Provider>
  );
}

/** What the server said, and what it said to do. */
export function RefusalNotice(props: { refusal: Refusal }) {
  return (
    <div className="wb-Notice" role="alert">
      <p>
        <b>{props.refusal.message}</b>
      </p>
      {props.refusal.remedy && <p>{props.refusal.remedy}</p>}
    </div>
  );
}

function Control(props: { field: Field; first: boolean; value: string; onChange: (value: string) => void }) {
  const { field, first, value } = props;
  const id = React.useId();
  const common = {
    id,
    value,
    autoFocus: first,
    'aria-describedby': field.help ? `${id}h` : undefined,
    onChange: (event: React.ChangeEvent<HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>) =>
      props.onChange(event.target.value)
  };
  return (
    <div className="wb-Form-field">
      <label htmlFor={id}>{field.label}</label>
      {field.kind === 'note' && <textarea {...common} rows={3} maxLength={4000} />}
      {field.kind === 'line' && <input {...common} type="text" maxLength={200} />}
      {field.kind === 'day' && <input {...common} type="date" />}
      {field.kind === 'choice' && (
        <select {...common}>
          {field.choices?.map(choice => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      )}
      {field.help && (
        <small id={`${id}h`} className="wb-Muted">
          {field.help}
        </small>
      )}
    </div>
  );
}
