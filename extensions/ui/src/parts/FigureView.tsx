import * as React from 'react';
import { SurroundingsContext } from '../context';
import type { Figure } from '../records';

/** Room between labels that a wider font than the one that was measured would make touch. */
const AXIS = { labelSeparation: 6, labelFlush: false, titlePadding: 10 };

function roomy(spec: Figure['spec']): Figure['spec'] {
  const config = (spec.config ?? {}) as Record<string, object>;
  return { ...spec, config: { ...config, axis: { ...AXIS, ...config.axis } } };
}

/** A chart drawn by whoever shows the record; where nobody draws charts, its sentence stands in. */
export function FigureView(props: { figure: Figure }) {
  const { figure } = props;
  const { drawFigure } = React.useContext(SurroundingsContext);
  const host = React.useRef<HTMLDivElement>(null);
  React.useEffect(
    () => (drawFigure && host.current ? drawFigure(host.current, roomy(figure.spec)) : undefined),
    [drawFigure, figure]
  );
  return (
    <figure className="wb-Figure">
      <figcaption>{figure.title}</figcaption>
      {drawFigure ? (
        <div ref={host} role="img" aria-label={figure.description} />
      ) : (
        <p className="wb-Muted">{figure.description}</p>
      )}
    </figure>
  );
}
