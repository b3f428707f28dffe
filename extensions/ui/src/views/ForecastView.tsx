import * as React from 'react';
import { Language, useLanguage } from '../context';
import { count, duration, moment, number, short } from '../format';
import { Chip } from '../parts/Chip';
import { Heading } from '../parts/Heading';
import { Table } from '../parts/Table';
import type { Expected, Forecast, StepForecast } from '../records';

type Take = Expected & { step: StepForecast };

/** A dry run: what each step of a plan waits for, and how many requests each verdict takes. */
export function ForecastView(props: { record: Forecast }) {
  const trans = useLanguage();
  const forecast = props.record;
  const takes = forecast.steps.flatMap(step => step.expected.map(one => ({ ...one, step })));
  return (
    <>
      <Heading level={2}>
        {trans.__('Dry run of %1 for %2 on %3', forecast.plan, forecast.candidate, forecast.endpoint)}{' '}
        <InTime steps={forecast.steps} />
      </Heading>
      <p>
        {trans.__(
          '%1 requests were captured in the last day; %2 a minute are reckoned with.',
          count(forecast.requests),
          number(forecast.per_minute)
        )}{' '}
        {forecast.champion &&
          trans.__(
            'The champion %1 failed %2 of %3.',
            forecast.champion,
            count(forecast.champion_bad),
            count(forecast.champion_n)
          )}{' '}
        {trans.__('The error budget is %1.', number(forecast.alpha, 'rate'))}
      </p>
      <Steps steps={forecast.steps} />
      {takes.length > 0 && <Takes takes={takes} />}
      <ul className="wb-Muted">
        {forecast.notes.map((note, index) => (
          <li key={index}>{note}</li>
        ))}
      </ul>
      <p className="wb-Muted">
        {trans.__(
          'nothing was opened · plan %1 %2 · reckoned %3',
          forecast.plan,
          short(forecast.plan_digest),
          moment(forecast.time)
        )}
      </p>
    </>
  );
}

/** How long it takes, or which stages would not make it: a stage that cannot pass is late as well. */
function InTime(props: { steps: StepForecast[] }) {
  const trans = useLanguage();
  const late = props.steps.filter(step => step.late).map(step => step.name);
  if (late.length > 0) {
    return (
      <Chip
        outcome="inconclusive"
        word={trans.__(
          '%1 would probably not pass before the deadline, which ends the release',
          late.join(', ')
        )}
      />
    );
  }
  const takes = duration(props.steps.reduce((sum, step) => sum + (step.minutes ?? 0), 0));
  return <Chip outcome="pass" word={takes.startsWith('under') ? takes : trans.__('about %1', takes)} />;
}

const unitOf = (step: StepForecast, trans: Language): string =>
  step.kind === 'shadow' ? trans.__('pairs') : trans.__('requests to the candidate');

function Steps(props: { steps: StepForecast[] }) {
  const trans = useLanguage();
  return (
    <Table<StepForecast>
      caption={trans.__('Stages of the plan')}
      rows={props.steps}
      rowKey={step => step.name}
      columns={[
        { key: 'stage', label: trans.__('stage'), cell: s => <b>{s.name}</b>, heading: true },
        {
          key: 'asks',
          label: trans.__('asks for'),
          cell: s => (
            <>
              {trans.__('%1 %2', count(s.min_requests), unitOf(s, trans))}
              {s.exposure_minutes !== null && (
                <small className="wb-Muted"> {trans.__('in %1', duration(s.exposure_minutes))}</small>
              )}
            </>
          )
        },
        {
          key: 'passes',
          label: trans.__('may pass after'),
          cell: s => (
            <>
              {s.minutes === null ? trans.__('never') : duration(s.minutes)}{' '}
              <small className="wb-Muted">{trans.__('waits for %1', s.waits_for)}</small>
            </>
          )
        },
        { key: 'deadline', label: trans.__('deadline'), cell: s => duration(s.deadline_minutes) },
        {
          key: 'late',
          label: trans.__('in time'),
          cell: s => (
            <Chip
              outcome={s.late ? 'inconclusive' : 'pass'}
              word={s.late ? trans.__('probably too late') : trans.__('in time')}
            />
          )
        }
      ]}
    />
  );
}

function Takes(props: { takes: Take[] }) {
  const trans = useLanguage();
  const needed = (one: Take) => one.median ?? one.expectation;
  return (
    <>
      <Heading level={3}>{trans.__('What each verdict takes')}</Heading>
      <Table<Take>
        caption={trans.__('What each verdict takes')}
        rows={props.takes}
        rowKey={(_, index) => String(index)}
        columns={[
          { key: 'stage', label: trans.__('stage'), cell: one => one.step.name },
          {
            key: 'verdict',
            label: trans.__('verdict'),
            cell: one =>
              one.verdict === 'worse'
                ? trans.__('%1 proved worse', `${one.metric} ${one.group}`.trim())
                : trans.__('%1 proved good', `${one.metric} ${one.group}`.trim()),
            heading: true
          },
          { key: 'when', label: trans.__('if'), cell: one => one.when },
          {
            key: 'needed',
            label: trans.__('takes about'),
            cell: one =>
              needed(one) === null
                ? trans.__('not to be expected')
                : trans.__('%1 %2', count(needed(one)), unitOf(one.step, trans)),
            sortBy: needed
          },
          {
            key: 'minutes',
            label: trans.__('here'),
            cell: one => (one.minutes === null ? '—' : duration(one.minutes)),
            sortBy: one => one.minutes,
            numeric: true
          }
        ]}
      />
    </>
  );
}
