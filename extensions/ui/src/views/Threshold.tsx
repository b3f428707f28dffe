import * as React from 'react';
import { useLanguage } from '../context';
import { count, number } from '../format';
import { family, groupName } from '../judge';
import { OWN_KEYS } from '../parts/keys';
import { Select } from '../parts/Select';
import { RATE_NAMES, Rates, nearestBin, ratesAt } from '../rates';
import type { ScoreCounts } from '../records';

const ALL = '*';

/** Slices to choose from: everything, each attribute, and each single slice of one. */
function choices(scores: ScoreCounts): string[] {
  return [...new Set(scores.slices.map(family))].filter(Boolean);
}

/**
 * The decision threshold, moved: every rate of every group follows at once. It is drawn in a report without a
 * kernel and in the explorer widget, where `onChange` tells Python.
 */
export function Threshold(props: {
  scores: ScoreCounts;
  /** Where it stands; without it the component keeps it itself. */
  threshold?: number;
  slice?: string;
  onThreshold?: (threshold: number) => void;
  onSlice?: (slice: string) => void;
}) {
  const trans = useLanguage();
  const { scores } = props;
  const [ownThreshold, setOwnThreshold] = React.useState(scores.threshold);
  const [ownSlice, setOwnSlice] = React.useState(choices(scores)[0] ?? ALL);
  const threshold = props.threshold ?? ownThreshold;
  const slice = props.slice ?? ownSlice;
  const id = React.useId();
  const bin = nearestBin(scores, threshold);
  const usual = nearestBin(scores, scores.threshold);
  const move = (to: number) => {
    setOwnThreshold(scores.edges[to]);
    props.onThreshold?.(scores.edges[to]);
  };
  const choose = (to: string) => {
    setOwnSlice(to);
    props.onSlice?.(to);
  };
  const keep = (r: Rates) =>
    r.slice === '' || slice === ALL || r.slice === slice || family(r.slice) === slice;
  const now = ratesAt(scores, bin).filter(keep);
  const before = new Map(ratesAt(scores, usual).map(r => [r.slice, r]));
  return (
    <div className="wb-Threshold">
      <div className="wb-Bar">
        <label className="wb-Field" htmlFor={id}>
          {trans.__('Decision threshold')}
        </label>
        <input
          id={id}
          type="range"
          {...OWN_KEYS}
          min={0}
          max={scores.edges.length - 2}
          step={1}
          value={bin}
          aria-valuetext={number(scores.edges[bin])}
          onInput={event => move(Number(event.currentTarget.value))}
          onChange={event => move(Number(event.currentTarget.value))}
        />
        <output htmlFor={id} className="wb-Threshold-value">
          {number(scores.edges[bin])}
        </output>
        <button type="button" className="wb-Button" disabled={bin === usual} onClick={() => move(usual)}>
          {trans.__('Back to %1', number(scores.edges[usual]))}
        </button>
        <Select
          label={trans.__('Slices')}
          value={slice}
          onChange={choose}
          options={[
            [ALL, trans.__('all')],
            ...choices(scores).map(f => [f, f] as [string, string]),
            ...scores.slices.filter(Boolean).map(s => [s, s] as [string, string])
          ]}
        />
      </div>
      <div className="wb-Scroll" tabIndex={0} role="region" aria-label={trans.__('Rates at the threshold')}>
        <table className="wb-Table">
          <caption className="wb-Hidden">
            {trans.__('Rates when scores of at least %1 are taken as positive', number(scores.edges[bin]))}
          </caption>
          <thead>
            <tr>
              <th scope="col">{trans.__('slice')}</th>
              {RATE_NAMES.map(name => (
                <th key={name} scope="col">
                  {name.replace(/_/g, ' ')}
                </th>
              ))}
              <th scope="col" className="wb-Numeric">
                {trans.__('n')}
              </th>
            </tr>
          </thead>
          <tbody>
            {now.map(rates => (
              <tr key={rates.slice}>
                <th scope="row" title={rates.slice}>
                  {rates.slice === '' ? trans.__('everyone') : groupName(rates.slice)}
                </th>
                {RATE_NAMES.map(name => (
                  <td key={name}>
                    <Bar value={rates[name]} before={before.get(rates.slice)?.[name] ?? null} />
                  </td>
                ))}
                <td className="wb-Numeric">{count(rates.n)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="wb-Muted">
        {trans.__('Bar: at this threshold. Tick: at %1, the threshold in use.', number(scores.edges[usual]))}
      </p>
    </div>
  );
}

function Bar(props: { value: number | null; before: number | null }) {
  const { value, before } = props;
  return (
    <span className="wb-Rate">
      <svg width="72" height="10" viewBox="0 0 72 10" aria-hidden="true">
        <rect className="wb-Rate-track" x="0" y="2" width="72" height="6" rx="3" />
        {value !== null && <rect className="wb-Rate-bar" x="0" y="2" width={72 * value} height="6" rx="3" />}
        {before !== null && (
          <line className="wb-Rate-before" x1={72 * before} x2={72 * before} y1="0" y2="10" />
        )}
      </svg>
      <span className="wb-Numeric">{number(value, 'rate')}</span>
    </span>
  );
}
