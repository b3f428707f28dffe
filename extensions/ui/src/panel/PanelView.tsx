import * as React from 'react';
import { Heading } from '../parts/Heading';
import { Language, Surroundings, SurroundingsContext, useLanguage } from '../context';
import type { IncidentGlance, ModelGlance, Overview } from '../records';
import { EndpointGlanceItem, IncidentGlanceItem, Refusals, ReleaseGlanceItem } from './glances';
import { Step } from './next';
import { VersionItem } from './VersionItem';

export type { Step } from './next';

/** What a step is about; what is left out the Python leaves to the reader. */
export interface Subject {
  model?: string;
  incident?: string;
}

export interface Actions {
  /** Put the Python of a step into the notebook. */
  insert: (step: Step, subject: Subject) => void;
  /** Ask which audits to run on a version, then put their Python into the notebook. */
  choose: (model: string) => void;
  /** Ask, with a note, that somebody approves a version. */
  requestApproval: (model: string) => void;
  /** Open what an approver reads, to approve or reject. */
  decide: (model: string) => void;
  /** Open a record beside the notebook: `model`, `report`, `verdict`, `release`, `incident`, `bisect`. */
  open: (view: string, id: string) => void;
  refresh: () => void;
}

export type OverviewState =
  | { kind: 'loading' }
  | { kind: 'failed'; message: string }
  | { kind: 'absent'; folder: string }
  | { kind: 'ready'; project: string; overview: Overview };

/** The panel: every model with what is known of it, and what to do next. */
export function PanelView(props: {
  state: OverviewState;
  actions: Actions;
  surroundings: Surroundings;
  now: number;
}) {
  const trans = props.surroundings.trans;
  return (
    <SurroundingsContext.Provider value={props.surroundings}>
      <div className="wb-Panel">
        <header className="wb-Panel-header">
          <Heading level={2}>{trans.__('Model Workbench')}</Heading>
          <button
            type="button"
            className="wb-Button"
            title={trans.__('Read the project again')}
            aria-label={trans.__('Refresh')}
            onClick={props.actions.refresh}
          >
            ↻
          </button>
        </header>
        <Body {...props} trans={trans} />
      </div>
    </SurroundingsContext.Provider>
  );
}

function Body(props: { state: OverviewState; actions: Actions; now: number; trans: Language }) {
  const { state, actions, trans } = props;
  switch (state.kind) {
    case 'loading':
      return (
        <p className="wb-Muted" role="status">
          {trans.__('Reading the project…')}
        </p>
      );
    case 'failed':
      return (
        <div className="wb-Notice" role="alert">
          <p>{trans.__('The project could not be read.')}</p>
          <p className="wb-Muted">{state.message}</p>
          <button type="button" className="wb-Button" onClick={actions.refresh}>
            {trans.__('Try again')}
          </button>
        </div>
      );
    case 'absent':
      return (
        <Invitation
          text={trans.__('%1 is not a project yet. One line of Python makes it one.', state.folder)}
          button={trans.__('Insert code: open a project here')}
          onClick={() => actions.insert('open', {})}
        />
      );
    case 'ready':
      return <Project {...props} project={state.project} overview={state.overview} />;
  }
}

function Invitation(props: { text: string; button: string; onClick: () => void }) {
  return (
    <div className="wb-Notice">
      <p>{props.text}</p>
      <button type="button" className="wb-Button wb-Primary" onClick={props.onClick}>
        {props.button}
      </button>
    </div>
  );
}

function Project(props: { project: string; overview: Overview; actions: Actions; now: number }) {
  const trans = useLanguage();
  const { overview, actions } = props;
  return (
    <>
      <p className="wb-Muted wb-Panel-project">{props.project}</p>
      <Refusals refusals={overview.refusals} />
      {overview.incidents.length > 0 && (
        <section aria-label={trans.__('Incidents')}>
          <Heading level={3}>{trans.__('Incidents')}</Heading>
          <ul className="wb-Plain">
            {overview.incidents.map(incident => (
              <IncidentItem key={incident.id} incident={incident} actions={actions} />
            ))}
          </ul>
        </section>
      )}
      {overview.releases.length > 0 && (
        <section aria-label={trans.__('Releases')}>
          <Heading level={3}>{trans.__('Releases')}</Heading>
          <ul className="wb-Plain">
            {overview.releases.map(release => (
              <ReleaseGlanceItem
                key={release.id}
                release={release}
                said={overview.endpoints?.find(endpoint => endpoint.release === release.id)?.verdicts}
                onOpen={actions.open}
              />
            ))}
          </ul>
        </section>
      )}
      {overview.endpoints?.length > 0 && (
        <section aria-label={trans.__('Endpoints')}>
          <Heading level={3}>{trans.__('Endpoints')}</Heading>
          <ul className="wb-Plain">
            {overview.endpoints.map(endpoint => (
              <EndpointGlanceItem key={endpoint.name} endpoint={endpoint} />
            ))}
          </ul>
        </section>
      )}
      <section aria-label={trans.__('Models')}>
        <Heading level={3}>{trans.__('Models')}</Heading>
        {overview.models.length === 0 ? (
          <Invitation
            text={trans.__(
              'No model is registered yet. Fit one, then register it with the data it was trained on.'
            )}
            button={trans.__('Insert code: register')}
            onClick={() => actions.insert('register', {})}
          />
        ) : (
          overview.models.map(model => (
            <ModelItem key={model.name} model={model} actions={actions} now={props.now} />
          ))
        )}
      </section>
    </>
  );
}

function ModelItem(props: { model: ModelGlance; actions: Actions; now: number }) {
  const trans = useLanguage();
  const { model } = props;
  const newest = model.versions[0].version;
  return (
    <details open className="wb-Model">
      <summary>
        <b>{model.name}</b>{' '}
        <small className="wb-Muted">{trans._n('%1 version', '%1 versions', model.versions.length)}</small>
      </summary>
      <ul className="wb-Plain" aria-label={trans.__('Versions of %1', model.name)}>
        {model.versions.map(version => (
          <VersionItem
            key={version.version}
            name={model.name}
            version={version}
            open={version.version === newest}
            actions={props.actions}
            now={props.now}
          />
        ))}
      </ul>
      <button
        type="button"
        className="wb-Button wb-Quiet"
        onClick={() => props.actions.insert('register', { model: model.name })}
      >
        {trans.__('Insert code: register the next version')}
      </button>
    </details>
  );
}

function IncidentItem(props: { incident: IncidentGlance; actions: Actions }) {
  const trans = useLanguage();
  const { incident, actions } = props;
  const insert = (step: Step) => () => actions.insert(step, { incident: incident.id, model: incident.model });
  return (
    <IncidentGlanceItem incident={incident} onOpen={actions.open}>
      <div className="wb-Bar" role="group" aria-label={trans.__('Insert code for %1', incident.id)}>
        <button type="button" className="wb-Button" onClick={insert('replay')}>
          {trans.__('Replay')}
        </button>
        <button type="button" className="wb-Button" onClick={insert('bisect')}>
          {trans.__('Bisect')}
        </button>
      </div>
    </IncidentGlanceItem>
  );
}
