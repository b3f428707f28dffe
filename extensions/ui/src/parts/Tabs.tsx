import * as React from 'react';
import { OWN_KEYS } from './keys';

export interface Tab {
  key: string;
  label: string;
  content: () => React.ReactNode;
}

/** Tabs as the ARIA practices ask for: arrows move, only the chosen one is in the tab order. */
export function Tabs(props: { label: string; tabs: Array<Tab | false | null> }) {
  const tabs = props.tabs.filter((tab): tab is Tab => Boolean(tab));
  const [chosen, setChosen] = React.useState(tabs[0]?.key);
  const id = React.useId();
  const list = React.useRef<HTMLDivElement>(null);
  const current = tabs.find(tab => tab.key === chosen) ?? tabs[0];
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const next = (tabs.indexOf(current) + step + tabs.length) % tabs.length;
    setChosen(tabs[next].key);
    list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next].focus();
  };
  return (
    <div className="wb-Tabs">
      <div className="wb-Tabs-list" role="tablist" aria-label={props.label} ref={list} onKeyDown={onKeyDown}>
        {tabs.map(tab => (
          <button
            key={tab.key}
            type="button"
            role="tab"
            {...OWN_KEYS}
            id={`${id}-${tab.key}`}
            aria-selected={tab === current}
            aria-controls={`${id}-panel`}
            tabIndex={tab === current ? 0 : -1}
            onClick={() => setChosen(tab.key)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${current.key}`}>
        {current.content()}
      </div>
    </div>
  );
}
