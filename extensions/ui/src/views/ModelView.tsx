import * as React from 'react';
import { Heading } from '../parts/Heading';
import { useLanguage } from '../context';
import { count, moment, number, short, text } from '../format';
import { Facts } from '../parts/Facts';
import { Table } from '../parts/Table';
import type { Column, ModelVersion } from '../records';

export function ModelView(props: { record: ModelVersion }) {
  const trans = useLanguage();
  const model = props.record;
  const { lineage } = model;
  return (
    <>
      <Heading level={2}>
        {model.name}/{model.version} <small className="wb-Muted">{short(model.digest)}</small>
      </Heading>
      <Facts
        facts={[
          [trans.__('task'), trans.__('%1 of %2', model.task, model.target)],
          [trans.__('positive label'), model.positive === null ? '' : text(model.positive)],
          [trans.__('sensitive'), model.sensitive.join(', ')],
          [trans.__('stored as'), `${model.flavor}, ${model.format}`],
          [
            trans.__('scanned as'),
            model.scan ? [model.scan.verdict, model.program_by].filter(Boolean).join(', ') : ''
          ],
          [trans.__('unsigned'), model.unsigned],
          [trans.__('registered'), trans.__('%1 by %2', moment(model.created), model.author)]
        ]}
      />
      <Heading level={3}>{trans.__('Lineage')}</Heading>
      <Facts
        facts={[
          [
            trans.__('code'),
            lineage.git_commit
              ? lineage.git_commit.slice(0, 12) +
                (lineage.git_dirty ? trans.__(', with changes that are not committed') : '')
              : trans.__('not in git')
          ],
          [trans.__('data'), trans.__('%1 rows, %2', count(lineage.data_rows), short(lineage.data_digest))],
          [
            trans.__('environment'),
            [
              `Python ${lineage.python}`,
              ...Object.entries(lineage.packages).map(([name, version]) => `${name} ${version}`)
            ].join(', ')
          ]
        ]}
      />
      <details>
        <summary>{trans._n('%1 input column', '%1 input columns', model.columns.length)}</summary>
        <Table
          caption={trans.__('Input columns')}
          rows={model.columns}
          rowKey={c => c.name}
          columns={[
            { key: 'name', label: trans.__('column'), cell: c => c.name, sortBy: c => c.name, heading: true },
            {
              key: 'type',
              label: trans.__('type'),
              cell: c => c.type + (c.required ? '' : trans.__(', may be missing')),
              sortBy: c => c.type
            },
            { key: 'range', label: trans.__('in training'), cell: range }
          ]}
        />
      </details>
    </>
  );
}

function range(column: Column): string {
  if (column.categories !== null) {
    return column.categories.join(', ');
  }
  return column.low === null ? '' : `${number(column.low)} – ${number(column.high)}`;
}
