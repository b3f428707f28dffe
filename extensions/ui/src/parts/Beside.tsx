import * as React from 'react';
import type { Side } from '../records';

const WIDTH = 110;
const HEIGHT = 18;

/** Two figures with their intervals on one scale, the candidate's above. The numbers beside it say the same. */
export function Beside(props: { candidate: Side; champion: Side | null }) {
  const sides = props.champion ? [props.candidate, props.champion] : [];
  const ends = sides.flatMap(s => [s.value, s.low, s.high]).filter((v): v is number => Number.isFinite(v));
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  if (ends.length === 0 || high <= low) {
    return null;
  }
  const x = (value: number) => 5 + ((value - low) / (high - low)) * (WIDTH - 10);
  return (
    <svg
      className="wb-Beside"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      aria-hidden="true"
    >
      {sides.map((side, index) => {
        const y = index === 0 ? 5 : 13;
        return (
          <g key={index} data-side={index === 0 ? 'candidate' : 'champion'}>
            {side.low !== null && side.high !== null && (
              <line x1={x(side.low)} x2={x(side.high)} y1={y} y2={y} />
            )}
            {side.value !== null && <circle cx={x(side.value)} cy={y} r={3} />}
          </g>
        );
      })}
    </svg>
  );
}
