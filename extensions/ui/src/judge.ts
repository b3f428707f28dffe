/** What a record says beyond its fields; the same rules as the properties of the Python records. */
import type { EvidencePoint, Outcome, Report, Verdict } from './records';

const ORDER: Outcome[] = ['error', 'fail', 'inconclusive', 'measured', 'pass'];

/** Combine outcomes that must all hold: a pass only if all pass, and nothing at all is inconclusive. */
export const worst = (outcomes: Outcome[]): Outcome =>
  ORDER.find(outcome => outcomes.includes(outcome)) ?? 'inconclusive';

export const outcomeOf = (report: Report): Outcome => worst(report.evidence.map(e => e.outcome));

/** Roles and how many people of each are still to approve. */
export function missingApprovals(verdict: Verdict): Array<[string, number]> {
  return Object.entries(verdict.required_approvals)
    .map(([role, need]): [string, number] => [role, need - (verdict.given_approvals[role]?.length ?? 0)])
    .filter(([, left]) => left > 0);
}

/** Which attribute or attributes a slice is of: `race`, `race & sex`; empty for overall. */
export function family(slice: string): string {
  return slice
    .split(' & ')
    .map(part => part.split('=')[0])
    .join(' & ');
}

/** The slice without the names that its family already says: `African-American`. */
export function groupName(slice: string): string {
  return slice
    .split(' & ')
    .map(part => part.slice(part.indexOf('=') + 1))
    .join(' & ');
}

export type Series = 'log_e_worse' | 'log_e_no_worse';

/** Evidence at each look as `[n, ln E]`, without looks that have no number. */
export const series = (points: EvidencePoint[], key: Series): Array<[number, number]> =>
  points.filter(point => Number.isFinite(point[key])).map(point => [point.n, point[key]]);

/** Whether there is anything to draw: where no arm has failed, evidence stays at naught and says less than words. */
export const moved = (points: EvidencePoint[]): boolean =>
  points.length > 1 && points.some(point => Boolean(point.log_e_worse || point.log_e_no_worse));
