/** What a person would do next with a version: the step of the loop that is open. */
import type { VersionGlance } from '../records';

/** The steps whose Python can be inserted; `workbench/interfaces/lab/snippets.py` writes it. */
export type Step =
  | 'open'
  | 'register'
  | 'audit'
  | 'gate'
  | 'request'
  | 'approve'
  | 'reject'
  | 'revoke'
  | 'release'
  | 'incident'
  | 'replay'
  | 'bisect';

/** Null when nothing is open: one that fails or is rejected asks for a better one, a released one for patience. */
export function nextStep(version: VersionGlance): Step | null {
  const { evidence, verdict } = version;
  if (!evidence) {
    return 'audit';
  }
  if (!verdict || verdict.stale) {
    return 'gate';
  }
  if (verdict.outcome === 'pass' && verdict.rejected_by.length === 0 && !version.release) {
    return Object.keys(verdict.missing_approvals).length > 0 ? 'approve' : 'release';
  }
  return null;
}

/** How long ago, in the largest unit that is at least one: `3 h`. */
export function ago(time: string, now: number): string {
  const seconds = Math.max(0, (now - new Date(time).getTime()) / 1000);
  const units: Array<[number, string]> = [
    [86400, 'd'],
    [3600, 'h'],
    [60, 'min']
  ];
  const [size, unit] = units.find(([length]) => seconds >= length) ?? [1, 's'];
  return Number.isFinite(seconds) ? `${Math.floor(seconds / size)} ${unit}` : '—';
}
