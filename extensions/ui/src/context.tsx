/** What a place that draws records may lend to the components: its language and its chart renderer. */
import * as React from 'react';

/** The two calls of a gettext bundle that the components use. */
export interface Language {
  __(message: string, ...values: unknown[]): string;
  _n(one: string, many: string, n: number, ...values: unknown[]): string;
}

const fill = (message: string, values: unknown[]): string =>
  message.replace(/%(\d)/g, (whole, place: string) =>
    Number(place) <= values.length ? String(values[Number(place) - 1]) : whole
  );

export const english: Language = {
  __: (message, ...values) => fill(message, values),
  _n: (one, many, n, ...values) => fill(n === 1 ? one : many, [n, ...values])
};

/** Draws a Vega-Lite spec into an element and returns how to take it away again. */
export type DrawFigure = (host: HTMLElement, spec: Record<string, unknown>) => () => void;

export interface Surroundings {
  trans: Language;
  drawFigure?: DrawFigure;
  /** Puts a text on the clipboard. Without it a command is text to be marked. */
  copy?: (text: string) => void;
}

export const SurroundingsContext = React.createContext<Surroundings>({
  trans: english
});

export const useLanguage = (): Language => React.useContext(SurroundingsContext).trans;
