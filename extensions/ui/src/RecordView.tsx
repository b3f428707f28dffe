import * as React from 'react';
import { SurroundingsContext, Surroundings } from './context';
import { Boundary } from './parts/Boundary';
import { BisectView } from './views/BisectView';
import { CardView } from './views/CardView';
import { DecisionView } from './views/DecisionView';
import { IncidentView } from './views/IncidentView';
import { ModelView } from './views/ModelView';
import { OverviewView } from './views/OverviewView';
import { ReleaseView } from './views/ReleaseView';
import { ReplayView } from './views/ReplayView';
import { ReportView } from './views/ReportView';
import { VerdictView } from './views/VerdictView';

/** A component for each `view` of the Python records. The JSON comes from outside and is only said to fit. */
const VIEWS: Readonly<Record<string, React.ComponentType<{ record: never }>>> = {
  bisect: BisectView,
  card: CardView,
  decision: DecisionView,
  incident: IncidentView,
  model: ModelView,
  overview: OverviewView,
  release: ReleaseView,
  replay: ReplayView,
  report: ReportView,
  verdict: VerdictView
};

export const VIEW_NAMES: readonly string[] = Object.keys(VIEWS);

/** Draw any record by its view. */
export function RecordView(props: { view: string; data: unknown; surroundings: Surroundings }) {
  const View = VIEWS[props.view];
  return (
    <SurroundingsContext.Provider value={props.surroundings}>
      <article className="wb-Record">
        <Boundary data={props.data}>{View && <View record={props.data as never} />}</Boundary>
      </article>
    </SurroundingsContext.Provider>
  );
}
