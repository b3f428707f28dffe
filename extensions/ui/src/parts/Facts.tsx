import * as React from 'react';

/** Names and values, one a line; a fact without a value is left out. */
export function Facts(props: { facts: Array<[name: string, value: React.ReactNode]> }) {
  return (
    <dl className="wb-Facts">
      {props.facts
        .filter(([, value]) => value !== null && value !== '')
        .map(([name, value]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </React.Fragment>
        ))}
    </dl>
  );
}
