import * as React from 'react';

const WIDTH = 120;
const HEIGHT = 14;

export interface Domain {
  low: number;
  high: number;
}

/** A domain that holds every value and the natural end of its unit: 0 for what cannot be negative. */
export function domainOf(values: Array<number | null>): Domain {
  const found = values.filter((v): v is number => Number.isFinite(v));
  const low = Math.min(0, ...found);
  const high = Math.max(0, ...found);
  return high > low ? { low, high } : { low, high: low + 1 };
}

/** A dot with its interval on a scale shared with its neighbours. The number beside it says the same. */
export function Whisker(props: {
  value: number | null;
  low: number | null;
  high: number | null;
  domain: Domain;
  /** Where "overall" lies, as a line to compare with. */
  reference?: number | null;
}) {
  const { value, domain, reference } = props;
  if (value === null || !Number.isFinite(value)) {
    return null;
  }
  const x = (v: number) => 4 + ((v - domain.low) / (domain.high - domain.low)) * (WIDTH - 8);
  const middle = HEIGHT / 2;
  return (
    <svg
      className="wb-Whisker"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      aria-hidden="true"
    >
      <line className="wb-Whisker-axis" x1={4} x2={WIDTH - 4} y1={middle} y2={middle} />
      {domain.low < 0 && <line className="wb-Whisker-zero" x1={x(0)} x2={x(0)} y1={2} y2={HEIGHT - 2} />}
      {typeof reference === 'number' && (
        <line className="wb-Whisker-reference" x1={x(reference)} x2={x(reference)} y1={0} y2={HEIGHT} />
      )}
      {props.low !== null && props.high !== null && (
        <line className="wb-Whisker-interval" x1={x(props.low)} x2={x(props.high)} y1={middle} y2={middle} />
      )}
      <circle className="wb-Whisker-dot" cx={x(value)} cy={middle} r={3.5} />
    </svg>
  );
}
