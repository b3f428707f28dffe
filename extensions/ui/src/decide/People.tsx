import * as React from 'react';
import { useLanguage } from '../context';
import { Chip } from '../parts/Chip';
import type { Approval, Matter } from '../records';
import { SaidLine } from '../views/SaidLine';

/** What people have said, what is still to come, and what can be taken back by whoever reads. */
export function People(props: { matter: Matter; onRevoke: (approval: Approval) => void }) {
  const trans = useLanguage();
  const { matter } = props;
  const given = (role: string) => matter.given.filter(one => one.role === role).length;
  const missing = Object.entries(matter.asks).filter(([role, need]) => need > given(role));
  return (
    <ul className="wb-Plain wb-People" aria-label={trans.__('Approvals')}>
      {[...matter.rejected, ...matter.given].map(approval => (
        <li key={approval.id}>
          <SaidLine approval={approval} />{' '}
          {matter.powers.revocable.includes(approval.id) && (
            <button
              type="button"
              className="wb-Link"
              aria-label={trans.__('Take %1 back', approval.id)}
              onClick={() => props.onRevoke(approval)}
            >
              {trans.__('Take back…')}
            </button>
          )}
        </li>
      ))}
      {missing.map(([role, need]) => (
        <li key={role}>
          <Chip outcome="inconclusive" word={trans.__('%1 to come', need - given(role))} />{' '}
          {trans.__('as %1', role)}
        </li>
      ))}
      {matter.lapsed.length > 0 && (
        <li>
          <details>
            <summary>{trans._n('%1 counts no longer', '%1 count no longer', matter.lapsed.length)}</summary>
            <ul>
              {matter.lapsed.map((lapse, index) => (
                <li key={index}>
                  <SaidLine approval={lapse.approval} /> <b>{trans.__('It %1.', lapse.why)}</b>
                </li>
              ))}
            </ul>
          </details>
        </li>
      )}
    </ul>
  );
}
