import * as React from 'react';

/**
 * A heading of a record. Not an `h2`: JupyterLab's table of contents would list it among the author's own
 * headings, and write its numbers into an element that is React's.
 */
export function Heading(props: { level: 2 | 3; children: React.ReactNode }) {
  return (
    <div className="wb-Heading" role="heading" aria-level={props.level}>
      {props.children}
    </div>
  );
}
