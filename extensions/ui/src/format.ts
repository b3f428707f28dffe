/** Numbers for people, with the digits of `workbench/views/formats.py`: a test holds the two together. */
import type { Outcome } from './records';

/** Shape and word together: colour is never the only sign. */
export const SIGNS: Readonly<Record<Outcome, string>> = {
  pass: '✓',
  fail: '✕',
  inconclusive: '?',
  error: '!',
  measured: '·'
};

const THIN = '\u2009';
const PERCENT = new Set(['rate', 'share']);
const WHOLE = new Set(['queries', 'count', 'rows']);

/** `toFixed`, but a tie goes to the even digit as in Python. A tie is one only where the binary value is. */
function fixed(value: number, digits: number): string {
  const scaled = value * 10 ** digits;
  const tie = Number.isInteger(value * 2 ** (digits + 1)) && Math.abs(scaled % 1) === 0.5;
  return (tie ? (2 * Math.round(scaled / 2)) / 10 ** digits : value).toFixed(digits);
}

const grouped = (value: number): string => fixed(value, 0).replace(/\B(?=(\d{3})+(?!\d))/g, THIN);

/** One value with the digits its unit deserves; an em dash when there is none. */
export function number(value: number | null | undefined, unit = ''): string {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return '—';
  }
  if (PERCENT.has(unit)) {
    return `${fixed(value * 100, 1)} %`;
  }
  if (unit === 'difference') {
    return `${fixed(value * 100, 1)} pp`;
  }
  if (WHOLE.has(unit) || (Number.isInteger(value) && Math.abs(value) >= 1000)) {
    return grouped(value);
  }
  return Math.abs(value) < 1000 ? fixed(value, 3) : grouped(value);
}

/** `[42.1, 47.6]` in the unit of the value; empty when there is no interval. */
export function interval(low: number | null, high: number | null, unit = ''): string {
  if (low === null || high === null) {
    return '';
  }
  const [from, to] = [low, high].map(end => number(end, unit).replace(/ (%|pp)$/, ''));
  return `[${from}, ${to}]`;
}

/** A count with thin spaces between thousands. */
export const count = (value: number | null): string => (value === null ? '—' : grouped(value));

/** The first eight hex digits of a digest. */
export const short = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 8);

/** A time to the second, in UTC. */
export function moment(value: string | null): string {
  const date = new Date(value ?? NaN);
  return Number.isNaN(date.getTime()) ? '—' : `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Any JSON value as text: what a cell of an unknown type shows. */
export const text = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
