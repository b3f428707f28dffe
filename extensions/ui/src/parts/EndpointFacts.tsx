import * as React from 'react';
import { useLanguage } from '../context';
import { count, moment, number } from '../format';
import type { EndpointGlance, Outcome } from '../records';
import { Chip } from './Chip';

/** Verdicts that a glance has room for. */
const SENTENCES = 2;

/** Whether requests are answered at all: by a gateway of this machine, as it says itself. */
export function Served(props: { endpoint: EndpointGlance }) {
  const trans = useLanguage();
  const { killed, gateway, ready } = props.endpoint;
  const [outcome, word]: [Outcome, string] = killed
    ? ['fail', trans.__('killed: no model answers')]
    : ready
      ? ['pass', trans.__('gateway ready')]
      : gateway
        ? ['inconclusive', trans.__('gateway not ready')]
        : ['measured', trans.__('not served here')];
  return <Chip outcome={outcome} word={word} />;
}

/** The champion, how many it answered of late, and who is left alone because it kept failing. */
export function Answering(props: { endpoint: EndpointGlance }) {
  const trans = useLanguage();
  const { champion, killed, answers, counted_since, breakers } = props.endpoint;
  const minute = answers
    .filter(one => one.minute > 0)
    .map(one =>
      one.version === null
        ? trans.__('%1 by no model', count(one.minute))
        : trans.__('%1 by version %2', count(one.minute), one.version)
    );
  return (
    <>
      {killed ? trans.__('no model') : champion || trans.__('no champion yet')}
      {counted_since !== null && (
        <small className="wb-Muted wb-Line">
          {minute.length > 0
            ? trans.__('last minute: %1', minute.join(', '))
            : trans.__('no request in the last minute')}
        </small>
      )}
      {Object.entries(breakers).map(([version, state]) => (
        <div key={version}>
          <Chip outcome="fail" word={trans.__('%1 is left alone: %2', version, state)} />
        </div>
      ))}
    </>
  );
}

/** The release under way: whom it tries, in which stage, with how much of the traffic. What it says is longer. */
export function UnderWay(props: { endpoint: EndpointGlance }) {
  const trans = useLanguage();
  const { release, candidate, stage, weight } = props.endpoint;
  if (!release) {
    return <span className="wb-Muted">{trans.__('none under way')}</span>;
  }
  return (
    <>
      {candidate}
      <small className="wb-Muted wb-Line">
        {trans.__('%1, %2 of requests', stage, number(weight, 'rate'))}
      </small>
    </>
  );
}

/** What the first metrics of a stage say; the release itself shows every one with its picture. */
export function Sentences(props: { said: readonly string[] }) {
  const trans = useLanguage();
  const more = props.said.length - SENTENCES;
  return (
    <>
      {props.said.slice(0, SENTENCES).map((sentence, index) => (
        <small key={index} className="wb-Muted wb-Line">
          {sentence}
        </small>
      ))}
      {more > 0 && (
        <small className="wb-Muted wb-Line">
          {trans._n('%1 more verdict is in the release.', '%1 more verdicts are in the release.', more)}
        </small>
      )}
    </>
  );
}

/** Whom going back leads to, and whether that would be at once. */
export function Standby(props: { endpoint: EndpointGlance }) {
  const trans = useLanguage();
  const { standby, standby_loaded } = props.endpoint;
  if (!standby) {
    return <span className="wb-Muted">{trans.__('nobody')}</span>;
  }
  return (
    <>
      {standby}{' '}
      <Chip
        outcome={standby_loaded ? 'pass' : 'inconclusive'}
        word={standby_loaded ? trans.__('loaded') : trans.__('not loaded')}
      />
    </>
  );
}

/** When going back was last tried, and the seconds that it took. */
export function LastDrill(props: { endpoint: EndpointGlance }) {
  const trans = useLanguage();
  const { drill } = props.endpoint;
  if (!drill) {
    return <span className="wb-Muted">{trans.__('never drilled')}</span>;
  }
  const { first_seconds: first, last_seconds: last } = drill;
  const seconds = [
    first !== null && trans.__('the standby answered after %1 s', number(first)),
    last !== null && trans.__('the champion until %1 s', number(last))
  ].filter(Boolean);
  return (
    <>
      <Chip outcome={drill.outcome} /> <small className="wb-Muted wb-NoBreak">{moment(drill.time)}</small>
      <small className="wb-Muted wb-Line">
        {drill.outcome === 'pass' ? seconds.join(', ') : drill.reason}
      </small>
    </>
  );
}

/** Who takes releases further now. */
export function Driver(props: { endpoint: EndpointGlance }) {
  const trans = useLanguage();
  return <>{props.endpoint.controller || <span className="wb-Muted">{trans.__('nobody')}</span>}</>;
}
