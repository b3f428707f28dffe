import * as React from 'react';
import { SurroundingsContext } from '../context';

interface Props {
  children: React.ReactNode;
  /** What is shown in place of a record that cannot be drawn. */
  data: unknown;
}

/** A record from another version, or made by hand, must not take the notebook down with it. */
export class Boundary extends React.Component<Props, { error: string }> {
  static contextType = SurroundingsContext;
  declare context: React.ContextType<typeof SurroundingsContext>;
  state = { error: '' };

  static getDerivedStateFromError(error: unknown): { error: string } {
    return { error: String(error) };
  }

  componentDidUpdate(before: Props): void {
    if (this.state.error && before.data !== this.props.data) {
      this.setState({ error: '' });
    }
  }

  render(): React.ReactNode {
    if (!this.state.error) {
      return this.props.children;
    }
    const trans = this.context.trans;
    return (
      <details className="wb-Notice" role="alert">
        <summary>{trans.__('This record cannot be drawn: %1', this.state.error)}</summary>
        <pre>{JSON.stringify(this.props.data, null, 2)}</pre>
      </details>
    );
  }
}
