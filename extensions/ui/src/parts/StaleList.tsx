import * as React from 'react';
import { useLanguage } from '../context';
import type { Stale } from '../records';
import { Chip } from './Chip';
import { Command } from './Command';

/** More than these are folded away. */
const MOST = 2;

/** What was said of a version and holds no longer: why, and the one command that renews just that. */
export function StaleList(props: { stale: readonly Stale[] }) {
  const trans = useLanguage();
  const { stale } = props;
  if (stale.length === 0) {
    return null;
  }
  return (
    <details className="wb-Stale" open={stale.length <= MOST}>
      <summary>
        <Chip
          outcome="inconclusive"
          word={trans._n('%1 thing is stale', '%1 things are stale', stale.length)}
        />
      </summary>
      <ul className="wb-Plain" aria-label={trans.__('Stale')}>
        {stale.map((one, index) => (
          <li key={index}>
            <div>
              <b>
                {one.kind} {one.name}
              </b>
              : {one.why}
            </div>
            <Command command={one.renew} />
          </li>
        ))}
      </ul>
    </details>
  );
}
