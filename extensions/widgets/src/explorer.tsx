/** The front of `workbench/interfaces/widgets/explorer.py`: a report's threshold, shared with Python. */
import type { Render } from '@anywidget/types';
import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { Explorer } from 'model-workbench-ui/lib/views/Explorer';
import type { ScoreCounts } from 'model-workbench-ui';

/** The traits of the Python class. */
interface Model {
  title: string;
  scores: ScoreCounts;
  threshold: number;
  slice: string;
}

const render: Render<Model> = ({ model, el }) => {
  const root = createRoot(el);
  const set = <Key extends 'threshold' | 'slice'>(key: Key, value: Model[Key]) => {
    model.set(key, value);
    model.save_changes();
  };
  const draw = () =>
    root.render(
      <Explorer
        title={model.get('title')}
        scores={model.get('scores')}
        threshold={model.get('threshold')}
        slice={model.get('slice')}
        onThreshold={threshold => set('threshold', threshold)}
        onSlice={slice => set('slice', slice)}
      />
    );
  draw();
  model.on('change', draw);
  return () => {
    model.off('change', draw);
    root.unmount();
  };
};

export default { render };
