/** What a reader needs first, by the rules of `workbench/views/summary.py`: a test holds the two together. */
import { count, moment } from './format';
import type { Evidence, Measurement, Outcome } from './records';
import { betweenGroups } from './views/Groups';

/** Metrics that answer each audit's question, the most telling first. */
export const LEADS: Readonly<Record<string, string[]>> = {
  performance: [
    'accuracy_score',
    'balanced_accuracy_score',
    'roc_auc_score',
    'mean_absolute_error',
    'r2_score'
  ],
  fairness: [
    'equalized_odds_difference',
    'demographic_parity_difference',
    'accuracy_score_difference',
    'mean_error_difference',
    'mean_absolute_error_difference'
  ],
  mitigation: ['equalized_odds_difference_change', 'demographic_parity_difference_change'],
  calibration: [
    'expected_calibration_error',
    'calibration_slope',
    'classification_coverage_score',
    'regression_coverage_score'
  ],
  robustness: ['adversarial_accuracy', 'attack_success_rate', 'certified_accuracy'],
  corruption: ['accuracy_score_difference', 'mean_absolute_error_difference', 'changed_answers'],
  drift: ['drifted_columns_share', 'domain_classifier_roc_auc'],
  data_quality: ['contract_violated_column_count', 'conflicting_label_share', 'duplicate_share'],
  explainability: ['shap_importance_share', 'sensitive_importance_share', 'counterfactual_rate'],
  privacy: ['membership_advantage_over_floor', 'attribute_inference_advantage', 'extraction_agreement'],
  poisoning: ['label_error_share', 'trigger_gain', 'near_duplicate_share'],
  efficiency: ['latency_p95', 'throughput', 'artifact_size'],
  worth: ['accuracy_score_difference', 'roc_auc_score_difference', 'mean_absolute_error_difference'],
  behaviour: ['cases_passed']
};

/** Audits of which the least figure is the one to read: what the model is worth over its strongest rival. */
export const LEAST: string[] = ['worth'];

const ORDER: Outcome[] = ['error', 'fail', 'inconclusive', 'pass', 'measured'];

function lead(evidence: Evidence, metric: string): Measurement | undefined {
  const all = evidence.measurements.filter(m => m.metric === metric);
  const overall = all.filter(m => m.slice === '');
  const single = all.filter(m => !m.slice.includes(' & '));
  const coarse = [overall, single, all].find(found => found.length > 0) ?? [];
  const sign = LEAST.includes(evidence.audit) ? -1 : 1;
  const size = (m: Measurement) => sign * Math.abs(m.value ?? 0);
  return coarse.reduce<Measurement | undefined>(
    (best, m) => (best === undefined || size(m) > size(best) ? m : best),
    undefined
  );
}

/** The figures to read first, one a metric: for all rows, else of the slice where it is greatest. */
export function headlines(evidence: Evidence, most = 3): Measurement[] {
  const found = (LEADS[evidence.audit] ?? [])
    .map(metric => lead(evidence, metric))
    .filter((m): m is Measurement => m !== undefined && m.value !== null);
  const overall = evidence.measurements.filter(m => m.slice === '');
  const between = betweenGroups(evidence.measurements);
  return ([found, between, overall].find(some => some.length > 0) ?? evidence.measurements).slice(0, most);
}

const counted = (outcomes: Outcome[], of: Outcome[]): string[] =>
  of
    .map((outcome): [Outcome, number] => [outcome, outcomes.filter(o => o === outcome).length])
    .filter(([, n]) => n > 0)
    .map(([outcome, n]) => `${count(n)} ${outcome}`);

/** How many numbers there are and how many of them are weak: `6 fail, 7 inconclusive of 25`. */
export function tally(evidence: Evidence): string {
  const numbers = evidence.measurements.length;
  if (numbers === 0) {
    return evidence.error || (evidence.notes[0] ?? '');
  }
  const weak = counted(
    evidence.measurements.map(m => m.outcome),
    ORDER.slice(0, 3)
  );
  return weak.length > 0
    ? `${weak.join(', ')} of ${count(numbers)}`
    : `${count(numbers)} number${numbers === 1 ? '' : 's'}`;
}

/** How the audits of a report ended: `14 audits: 1 fail, 5 inconclusive, 8 measured`. */
export function outcomes(evidence: Evidence[]): string {
  const parts = counted(
    evidence.map(e => e.outcome),
    ORDER
  );
  return parts.length > 0
    ? `${evidence.length} audit${evidence.length === 1 ? '' : 's'}: ${parts.join(', ')}`
    : 'No audit was run';
}

/** When it was measured, where that was not now. */
export const taken = (evidence: Evidence): string =>
  evidence.recalled ? `measured on ${moment(evidence.started)}, recalled` : '';
