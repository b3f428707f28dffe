import * as React from 'react';
import { useLanguage } from '../context';
import { count } from '../format';
import { Series, series } from '../judge';
import type { StageVerdict } from '../records';

const BOX = { width: 520, height: 186, left: 58, right: 96, top: 12, bottom: 46 };

/** Half of what two labels need between them. */
const APART = 7;

/** Round steps that put about four ticks on a scale. */
export function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= rough) ?? rough;
  const found: number[] = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) {
    found.push(Number(at.toPrecision(12)));
  }
  return found;
}

/** Evidence over requests: two lines that climb to ln(1/α), or do not. */
export function EvidenceLine(props: { verdict: StageVerdict }) {
  const trans = useLanguage();
  const { verdict } = props;
  const threshold = Math.log(1 / verdict.alpha);
  const lines: Array<[Series, string]> = [
    ['log_e_worse', trans.__('worse')],
    ['log_e_no_worse', trans.__('no worse')]
  ];
  const all = lines.flatMap(([key]) => series(verdict.points, key));
  if (all.length === 0) {
    return null;
  }
  const right = Math.max(...all.map(([n]) => n), 1);
  const low = Math.min(0, ...all.map(([, e]) => e));
  const high = Math.max(threshold * 1.15, ...all.map(([, e]) => e));
  const x = (n: number) => BOX.left + (n / right) * (BOX.width - BOX.left - BOX.right);
  const y = (e: number) =>
    BOX.height - BOX.bottom - ((e - low) / (high - low)) * (BOX.height - BOX.top - BOX.bottom);
  const path = (points: Array<[number, number]>) =>
    points.map(([n, e], i) => (i === 0 ? `M${x(n)} ${y(e)}` : `H${x(n)}V${y(e)}`)).join('');
  const ends = lines.map(([key]) => series(verdict.points, key).at(-1)?.[1]);
  const touch =
    ends[0] !== undefined && ends[1] !== undefined && Math.abs(y(ends[0]) - y(ends[1])) < 2 * APART;
  return (
    <svg
      className="wb-Evidence"
      role="img"
      viewBox={`0 0 ${BOX.width} ${BOX.height}`}
      aria-label={trans.__(
        'Evidence over requests for %1 in %2; a line that reaches %3 settles it. %4',
        verdict.metric,
        verdict.stage,
        threshold.toFixed(2),
        verdict.sentence
      )}
    >
      {ticks(low, high).map(e => (
        <g key={e}>
          <line className="wb-Evidence-grid" x1={BOX.left} x2={BOX.width - BOX.right} y1={y(e)} y2={y(e)} />
          <text x={BOX.left - 6} y={y(e) + 4} textAnchor="end">
            {e}
          </text>
        </g>
      ))}
      {ticks(0, right).map(n => (
        <text key={n} x={x(n)} y={BOX.height - BOX.bottom + 16} textAnchor="middle">
          {count(n)}
        </text>
      ))}
      <text x={(BOX.left + BOX.width - BOX.right) / 2} y={BOX.height - 8} textAnchor="middle">
        {verdict.metric === 'disagreement' ? trans.__('pairs') : trans.__('requests')}
      </text>
      <text
        textAnchor="middle"
        transform={`translate(14 ${(BOX.top + BOX.height - BOX.bottom) / 2}) rotate(-90)`}
      >
        {trans.__('evidence, ln E')}
      </text>
      <line
        className="wb-Evidence-threshold"
        x1={BOX.left}
        x2={BOX.width - BOX.right}
        y1={y(threshold)}
        y2={y(threshold)}
      />
      <text x={BOX.left + 4} y={y(threshold) - 4}>
        {trans.__('settled')}
      </text>
      {lines.map(([key, label]) => (
        <Line
          key={key}
          name={key}
          label={label}
          points={series(verdict.points, key)}
          path={path}
          x={x}
          y={y}
          lower={touch ? (key === 'log_e_worse' ? APART : -APART) : 0}
        />
      ))}
    </svg>
  );
}

function Line(props: {
  name: Series;
  label: string;
  points: Array<[number, number]>;
  path: (points: Array<[number, number]>) => string;
  x: (n: number) => number;
  y: (e: number) => number;
  /** How much lower than the end of its line the label stands. */
  lower: number;
}) {
  const last = props.points[props.points.length - 1];
  if (last === undefined) {
    return null;
  }
  const [cx, cy] = [props.x(last[0]), props.y(last[1])];
  return (
    <g className="wb-Evidence-series" data-series={props.name}>
      <path d={props.path(props.points)} />
      <circle cx={cx} cy={cy} r={3} />
      <text x={cx + 7} y={cy + 4 + props.lower}>
        {props.label}
      </text>
    </g>
  );
}
