import * as React from 'react';
import { SurroundingsContext, useLanguage } from '../context';

/** Milliseconds that a button says that it has copied. */
const SAID = 2000;

/** A command for a terminal, with a button that copies it. */
export function Command(props: { command: string }) {
  const trans = useLanguage();
  const { copy } = React.useContext(SurroundingsContext);
  const [copied, setCopied] = React.useState(false);
  React.useEffect(() => {
    if (copied) {
      const timer = setTimeout(() => setCopied(false), SAID);
      return () => clearTimeout(timer);
    }
  }, [copied]);
  return (
    <span className="wb-Command">
      <code>{props.command}</code>
      {copy && (
        <button
          type="button"
          className="wb-Button"
          aria-label={trans.__('Copy: %1', props.command)}
          onClick={() => {
            copy(props.command);
            setCopied(true);
          }}
        >
          {trans.__('Copy')}
        </button>
      )}
      <span role="status" className={copied ? 'wb-Muted' : 'wb-Hidden'}>
        {copied && trans.__('copied')}
      </span>
    </span>
  );
}
