import * as React from 'react';
import { SIGNS } from '../format';
import type { Outcome } from '../records';

/** How something ended: shape, word and colour together. */
export function Chip(props: { outcome: Outcome; word?: string }) {
  const sign = SIGNS[props.outcome] ?? SIGNS.measured;
  return (
    <span className="wb-Chip" data-outcome={props.outcome}>
      <span aria-hidden="true">{sign}</span> {props.word ?? props.outcome}
    </span>
  );
}
