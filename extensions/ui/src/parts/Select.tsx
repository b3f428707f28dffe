import * as React from 'react';
import { OWN_KEYS } from './keys';

/** A labelled native select. */
export function Select(props: {
  label: string;
  value: string;
  options: Array<[value: string, label: string]>;
  onChange: (value: string) => void;
}) {
  return (
    <label className="wb-Field">
      <span>{props.label}</span>
      <select
        className="wb-Select"
        {...OWN_KEYS}
        value={props.value}
        onChange={event => props.onChange(event.currentTarget.value)}
      >
        {props.options.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}
