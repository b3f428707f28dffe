import * as React from 'react';
import { useLanguage } from '../context';
import type { Matter } from '../records';
import { Refusal, RefusalNotice } from './AskForm';
import type { DecideActions } from './DecideView';

/** A yes or no as somebody is about to say it. */
export interface Said {
  decision: 'approve' | 'reject';
  role: string;
  note: string;
}

/** Where whoever reads says yes or no, or is told who may. It stays in sight, and keeps a note that was refused. */
export function DecisionBar(props: { matter: Matter; moved: boolean; actions: DecideActions }) {
  const trans = useLanguage();
  const { matter, moved, actions } = props;
  return (
    <section className="wb-Decide-bar wb-Form" aria-label={trans.__('Your decision')}>
      {moved && (
        <div className="wb-Notice" role="status">
          {trans.__('Something has changed since you opened this.')}{' '}
          <button type="button" className="wb-Button" onClick={actions.refresh}>
            {trans.__('Show it as it is now')}
          </button>
        </div>
      )}
      {matter.powers.roles.length === 0 ? (
        <Barred matter={matter} onRequest={actions.request} />
      ) : (
        <Speaking matter={matter} moved={moved} say={actions.say} />
      )}
    </section>
  );
}

/** Somebody who may not decide: why, who may, and what they can do. */
function Barred(props: { matter: Matter; onRequest: () => void }) {
  const trans = useLanguage();
  const { powers, policy, asks, given, rejected } = props.matter;
  // Whoever asks cannot approve: to ask now would undo what they have said.
  const spoke = [...given, ...rejected].some(one => one.by === powers.person);
  const refused = powers.refused || trans.__('Policy %1 asks for no approval.', policy);
  return (
    <div className="wb-Bar">
      <p>
        <b>{refused}</b> {powers.remedy}
      </p>
      {!powers.silent && !spoke && Object.keys(asks).length > 0 && (
        <button type="button" className="wb-Button" onClick={props.onRequest}>
          {trans.__('Request approval…')}
        </button>
      )}
    </div>
  );
}

function Speaking(props: { matter: Matter; moved: boolean; say: DecideActions['say'] }) {
  const trans = useLanguage();
  const { person, roles } = props.matter.powers;
  const [note, setNote] = React.useState('');
  const [chosen, setChosen] = React.useState('');
  const [refusal, setRefusal] = React.useState<Refusal | null>(null);
  const [busy, setBusy] = React.useState(false);
  const field = React.useRef<HTMLTextAreaElement>(null);
  const id = React.useId();
  const role = roles.length === 1 ? roles[0].name : chosen;
  const say = async (decision: Said['decision']) => {
    if (busy) {
      return;
    }
    if (note.trim() === '') {
      setRefusal({ message: trans.__('Say why in a sentence.'), remedy: trans.__('It is kept with it.') });
      field.current?.focus();
      return;
    }
    if (role === '') {
      setRefusal({ message: trans.__('You have several roles.'), remedy: trans.__('Choose the one.') });
      return;
    }
    setRefusal(null);
    setBusy(true);
    const outcome = await props.say({ decision, role, note });
    setBusy(false);
    if (outcome === 'done') {
      setNote('');
    } else if (outcome !== 'cancelled') {
      setRefusal(outcome);
    }
  };
  return (
    <>
      {refusal && <RefusalNotice refusal={refusal} />}
      <div className="wb-Form-field">
        <label htmlFor={id}>
          {roles.length === 1
            ? trans.__('Your note, %1, as %2', person, role)
            : trans.__('Your note, %1', person)}
        </label>
        <textarea
          id={id}
          ref={field}
          rows={2}
          maxLength={4000}
          value={note}
          placeholder={trans.__('Why it may go live, or why not')}
          onChange={event => setNote(event.target.value)}
        />
      </div>
      <div className="wb-Bar">
        {roles.length > 1 && (
          <label className="wb-Field">
            <span>{trans.__('Role')}</span>
            <select className="wb-Select" value={chosen} onChange={event => setChosen(event.target.value)}>
              <option value="">{trans.__('choose…')}</option>
              {roles.map(one => (
                <option key={one.name} value={one.name}>
                  {one.name}
                </option>
              ))}
            </select>
          </label>
        )}
        <button
          type="button"
          className="wb-Button wb-Primary"
          disabled={props.moved}
          aria-disabled={busy}
          onClick={() => void say('approve')}
        >
          {trans.__('Approve…')}
        </button>
        <button
          type="button"
          className="wb-Button wb-Danger"
          disabled={props.moved}
          aria-disabled={busy}
          onClick={() => void say('reject')}
        >
          {trans.__('Reject…')}
        </button>
        <span className="wb-Muted">{trans.__('You are asked once more before it is signed.')}</span>
      </div>
    </>
  );
}
