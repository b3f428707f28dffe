import * as React from 'react';
import { SurroundingsContext, Surroundings } from './context';
import { Boundary } from './parts/Boundary';
import { StaleList } from './parts/StaleList';
import type { Stale } from './records';
import { BisectView } from './views/BisectView';
import { CardView } from './views/CardView';
import { DecisionView } from './views/DecisionView';
import { ForecastView } from './views/ForecastView';
import { FreshnessView } from './views/FreshnessView';
import { IncidentView } from './views/IncidentView';
import { ModelView } from './views/ModelView';
import { OverviewView } from './views/OverviewView';
import { ReleaseView } from './views/ReleaseView';
import { ReplayView } from './views/ReplayView';
import { ReportView } from './views/ReportView';
import { RequestView } from './views/RequestView';
import { VerdictView } from './views/VerdictView';

/** A component for each `view` of the Python records. The JSON comes from outside and is only said to fit. */
const VIEWS: Readonly<Record<string, React.ComponentType<{ record: never }>>> = {
  bisect: BisectView,
  card: CardView,
  decision: DecisionView,
  forecast: ForecastView,
  freshness: FreshnessView,
  incident: IncidentView,
  model: ModelView,
  overview: OverviewView,
  release: ReleaseView,
  replay: ReplayView,
  report: ReportView,
  request: RequestView,
  verdict: VerdictView
};

export const VIEW_NAMES: readonly string[] = Object.keys(VIEWS);

/** Draw any record by its view. What is known to hold no longer of it, the record's own text cannot say. */
export function RecordView(props: {
  view: string;
  data: unknown;
  surroundings: Surroundings;
  stale?: readonly Stale[];
}) {
  const View = VIEWS[props.view];
  return (
    <SurroundingsContext.Provider value={props.surroundings}>
      <article className="wb-Record">
        {props.stale && <StaleList stale={props.stale} />}
        <Boundary data={props.data}>{View && <View record={props.data as never} />}</Boundary>
      </article>
    </SurroundingsContext.Provider>
  );
}
