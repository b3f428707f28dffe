import * as React from 'react';
import { useLanguage } from '../context';
import { Answering, Driver, LastDrill, Served, Standby, UnderWay } from '../parts/EndpointFacts';
import { Heading } from '../parts/Heading';
import { Table } from '../parts/Table';
import type { EndpointGlance } from '../records';

/** Every endpoint in a row: who answers, what is on its way, who stands by, who drives. */
export function EndpointsTable(props: { endpoints: EndpointGlance[] }) {
  const trans = useLanguage();
  const { endpoints } = props;
  if (endpoints.length === 0) {
    return null;
  }
  return (
    <>
      <Heading level={3}>{trans.__('Endpoints')}</Heading>
      <Table<EndpointGlance>
        caption={trans.__('Endpoints')}
        rows={endpoints}
        rowKey={endpoint => endpoint.name}
        columns={[
          {
            key: 'endpoint',
            label: trans.__('endpoint'),
            cell: endpoint => (
              <>
                <b>{endpoint.name}</b> <Served endpoint={endpoint} />
              </>
            ),
            sortBy: endpoint => endpoint.name,
            heading: true
          },
          { key: 'answers', label: trans.__('answers'), cell: e => <Answering endpoint={e} /> },
          { key: 'release', label: trans.__('release'), cell: e => <UnderWay endpoint={e} /> },
          { key: 'standby', label: trans.__('standby'), cell: e => <Standby endpoint={e} /> },
          { key: 'drill', label: trans.__('last drill'), cell: e => <LastDrill endpoint={e} /> },
          { key: 'driven', label: trans.__('driven by'), cell: e => <Driver endpoint={e} /> }
        ]}
      />
    </>
  );
}
