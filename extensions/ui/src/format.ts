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
/** Whole numbers most of the time, but a mean of them is not. */
const COUNTED = new Set(['columns', 'size']);
/** Units that stand behind their number. */
const NAMED = new Set(['ms', 's', 'MB', 'rows/s', 'sd']);
/** Smaller numbers are written with a power of ten. */
const MOST_DECIMALS = 6;

/** `toFixed`, but a tie goes to the even digit as in Python. A tie is one only where the binary value is. */
function fixed(value: number, digits: number): string {
  const scaled = value * 10 ** digits;
  const tie = Number.isInteger(value * 2 ** (digits + 1)) && Math.abs(scaled % 1) === 0.5;
  return (tie ? (2 * Math.round(scaled / 2)) / 10 ** digits : value).toFixed(digits);
}

/** The same without a minus before nothing but zeros. */
const plain = (value: number, digits: number): string => fixed(value, digits).replace(/^-(?=[0.]*$)/, '');

const spaced = (text: string): string =>
  text.replace(/^-?\d+/, whole => whole.replace(/\B(?=(\d{3})+$)/g, THIN));

const grouped = (value: number): string => spaced(fixed(value, 0));

/** Places that all of some values get: none from a thousand on, two digits of what is small. */
function decimals(values: number[], unit: string): number {
  const greatest = Math.max(...values.map(Math.abs));
  if (
    WHOLE.has(unit) ||
    greatest >= 1000 ||
    (COUNTED.has(unit) && values.every(value => Number.isInteger(value)))
  ) {
    return 0;
  }
  if (greatest >= 100) {
    return 1;
  }
  return greatest === 0 || greatest >= 0.001 ? 3 : 1 - Math.floor(Math.log10(greatest));
}

const known = (value: number | null | undefined): value is number =>
  typeof value === 'number' && Number.isFinite(value);

/**
 * One value with the digits its unit deserves; an em dash when there is none. Values that stand beside it, its
 * interval's ends, get the same decimal places.
 */
export function number(
  value: number | null | undefined,
  unit = '',
  beside: Array<number | null | undefined> = []
): string {
  if (!known(value)) {
    return '—';
  }
  if (PERCENT.has(unit)) {
    return `${plain(value * 100, 1)} %`;
  }
  if (unit === 'difference') {
    return `${plain(value * 100, 1)} pp`;
  }
  const digits = decimals([value, ...beside.filter(known)], unit);
  if (digits > MOST_DECIMALS) {
    return value === 0 ? '0' : value.toExponential(1);
  }
  return spaced(plain(value, digits));
}

/** A value with its unit, and its interval with the same decimals: `44.9 %` and `[42.1, 47.6]`. */
export function estimate(m: {
  value: number | null;
  low: number | null;
  high: number | null;
  unit: string;
}): [string, string] {
  const shown = number(m.value, m.unit, [m.low, m.high]);
  const named = NAMED.has(m.unit) && shown !== '—' ? `${shown} ${m.unit}` : shown;
  return [named, interval(m.low, m.high, m.unit, m.value)];
}

/** A contribution, its sign always shown: `+1.20`. */
export function signed(value: number | null, places: number): string {
  if (value === null || !Number.isFinite(value)) {
    return '—';
  }
  const sign = value < 0 || Object.is(value, -0) ? '-' : '+';
  const [whole, ...decimals] = fixed(Math.abs(value), places).split('.');
  return [sign + whole.replace(/\B(?=(\d{3})+(?!\d))/g, THIN), ...decimals].join('.');
}

/** A difference of two figures of one unit, its sign always shown; of rates in percentage points. */
export function change(value: number | null, unit = ''): string {
  if (!known(value)) {
    return '—';
  }
  const text = number(Math.abs(value), PERCENT.has(unit) ? 'difference' : unit);
  return `${value < 0 ? '−' : '+'}${text}`;
}

/** Decimal places that give the greatest of some values three digits, so that they stand in one column. */
export function places(values: Array<number | null>): number {
  const greatest = Math.max(0, ...values.map(v => Math.abs(v ?? 0)).filter(Number.isFinite));
  return greatest === 0 ? 3 : Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(greatest))));
}

/** One value of a row: text as it stands, a number with at most six digits that are not its whole part. */
export function value(given: unknown): string {
  if (given === null || given === undefined) {
    return 'missing';
  }
  if (typeof given === 'boolean') {
    return given ? 'True' : 'False';
  }
  if (typeof given !== 'number') {
    return text(given);
  }
  if (Math.abs(given) < 1e15 && (Number.isInteger(given) || Math.abs(given) >= 1e5)) {
    return grouped(given);
  }
  const rounded = Number(given.toPrecision(6));
  const usual = Math.abs(rounded) >= 1e-4 && Math.abs(rounded) < 1e15;
  return usual ? String(rounded) : rounded.toExponential();
}

/** `[42.1, 47.6]` in the unit and with the decimals of the value; empty when there is no interval. */
export function interval(
  low: number | null,
  high: number | null,
  unit = '',
  value: number | null = null
): string {
  if (low === null || high === null) {
    return '';
  }
  const [from, to] = [low, high].map(end => number(end, unit, [low, high, value]).replace(/ (%|pp)$/, ''));
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

/** A stretch of time with two digits in the unit that suits it: `37 min`, `2.5 h`, `12 d`. */
export function duration(minutes: number | null): string {
  if (!known(minutes)) {
    return 'never';
  }
  for (const [unit, length] of [
    ['d', 1440],
    ['h', 60]
  ] as const) {
    if (minutes >= 1.5 * length) {
      return `${spaced(plain(minutes / length, minutes < 10 * length ? 1 : 0))} ${unit}`;
    }
  }
  return minutes >= 1 ? `${plain(minutes, 0)} min` : 'under a minute';
}

/** Any JSON value as text: what a cell of an unknown type shows. */
export const text = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
