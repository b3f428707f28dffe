import * as React from 'react';
import { Heading } from '../parts/Heading';
import { Threshold } from './Threshold';

/** The threshold of a report with its title: what the explorer widget draws. */
export function Explorer(props: { title: string } & React.ComponentProps<typeof Threshold>) {
  const { title, ...rest } = props;
  return (
    <article className="wb-Explorer" aria-label={title}>
      <Heading level={3}>{title}</Heading>
      <Threshold {...rest} />
    </article>
  );
}
