import * as React from 'react';

const WIDTH = 150;
const HEIGHT = 12;

export interface Span {
  low: number;
  high: number;
}

/** From the least to the greatest of some amounts, with zero in it. */
export function spanOf(amounts: number[]): Span {
  const found = amounts.filter(Number.isFinite);
  return { low: Math.min(0, ...found), high: Math.max(0, ...found) };
}

/** A bar from zero to either side, on a scale shared with its neighbours. The number beside it says the same. */
export function SignedBar(props: { amount: number; side: string; span: Span }) {
  const { amount, span } = props;
  if (!Number.isFinite(amount)) {
    return null;
  }
  const unit = WIDTH / (span.high - span.low || 1);
  const zero = -span.low * unit;
  return (
    <svg
      className="wb-SignedBar"
      width={WIDTH + 4}
      height={HEIGHT}
      viewBox={`-2 0 ${WIDTH + 4} ${HEIGHT}`}
      aria-hidden="true"
    >
      <rect
        data-side={props.side}
        x={zero + Math.min(0, amount) * unit}
        y={1}
        width={Math.abs(amount) * unit}
        height={HEIGHT - 2}
      />
      <line x1={zero} x2={zero} y1={0} y2={HEIGHT} />
    </svg>
  );
}
