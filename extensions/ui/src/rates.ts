/** Rates at a decision threshold from counts by slice, label and score bin: no row is needed. */
import type { ScoreCounts } from './records';

export interface Rates {
  slice: string;
  n: number;
  /** A rate is null where its denominator is zero. */
  selection_rate: number | null;
  true_positive_rate: number | null;
  false_positive_rate: number | null;
  false_negative_rate: number | null;
}

export const RATE_NAMES = [
  'selection_rate',
  'true_positive_rate',
  'false_positive_rate',
  'false_negative_rate'
] as const;

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const ratio = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

/** The bin whose lower edge is nearest to the threshold: there the rates are exact. */
export function nearestBin(scores: ScoreCounts, threshold: number): number {
  const starts = scores.edges.slice(0, -1);
  return starts.reduce(
    (best, edge, bin) => (Math.abs(edge - threshold) < Math.abs(starts[best] - threshold) ? bin : best),
    0
  );
}

/** Rates of every slice when scores of bin `bin` and above are taken as positive. */
export function ratesAt(scores: ScoreCounts, bin: number): Rates[] {
  return scores.slices.map((slice, i) => {
    const [negative, positive] = scores.counts[i];
    const [n0, n1] = [sum(negative), sum(positive)];
    const [falsePositive, truePositive] = [sum(negative.slice(bin)), sum(positive.slice(bin))];
    return {
      slice,
      n: n0 + n1,
      selection_rate: ratio(falsePositive + truePositive, n0 + n1),
      true_positive_rate: ratio(truePositive, n1),
      false_positive_rate: ratio(falsePositive, n0),
      false_negative_rate: ratio(n1 - truePositive, n1)
    };
  });
}
