import * as React from 'react';
import { SurroundingsContext } from '../context';
import type { Figure } from '../records';

/** A chart drawn by whoever shows the record; where nobody draws charts, its sentence stands in. */
export function FigureView(props: { figure: Figure }) {
  const { figure } = props;
  const { drawFigure } = React.useContext(SurroundingsContext);
  const host = React.useRef<HTMLDivElement>(null);
  React.useEffect(
    () => (drawFigure && host.current ? drawFigure(host.current, figure.spec) : undefined),
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
