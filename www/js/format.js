// SPDX-License-Identifier: MIT
// Numbers and times as they are shown.  Times are in the viewer's zone; days
// and months of sums are the ledger's, UTC, and say so.

import { h } from './dom.js';

// Is it a phone: the style sheet draws the line there, too.
export const narrow = () => matchMedia('(max-width: 46rem)').matches;

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const local = new Intl.DateTimeFormat('en-GB', { day: 'numeric',
  month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full',
  timeStyle: 'long' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short',
  timeZone: 'UTC' });
const dayYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric',
  month: 'short', year: 'numeric', timeZone: 'UTC' });
const month = new Intl.DateTimeFormat('en-GB', { month: 'short',
  year: 'numeric', timeZone: 'UTC' });
const hour = new Intl.DateTimeFormat('en-GB', { weekday: 'short',
  hour: '2-digit', minute: '2-digit' });
const soon = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short',
  hour: '2-digit', minute: '2-digit' });
const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
const BUCKET = { hour, day, week: day, month };

// bucket(start, interval): the label of a bar.
export const bucket = (start, interval) =>
  BUCKET[interval].format(new Date(start));
export const utcDay = (ms) => dayYear.format(ms);

const element = (text, format) => {
  const at = new Date(text ?? NaN);
  return Number.isNaN(at.getTime()) ? h('span', { class: 'none' }, '–')
    : h('time', { datetime: text, title: full.format(at) }, format.format(at));
};
export const time = (text) => element(text, local);
export const minute = (text) => element(text, soon);
export const dateOf = (text) => element(text, date);

const whole = new Intl.NumberFormat('en-US');
const compact = new Intl.NumberFormat('en-US', { notation: 'compact',
  maximumSignificantDigits: 3 });
export const count = (n) => n === null || n === undefined ? '–'
  : whole.format(n);

// brief(n): 12.3M, and the whole number beside it.
export const brief = (n) => h('span', { title: count(n) },
  n < 10000 ? count(n) : compact.format(n));

// share(a, b): a of b in per cent, with no more figures than it has.
export function share(a, b) {
  if (!b)
    return '–';
  const p = 100 * a / b;
  if (p !== 0 && p < 0.1)
    return '<0.1 %';
  return `${p < 10 && p !== 0 ? p.toFixed(1) : Math.round(p)} %`;
}

export function ms(n) {
  if (n === null || n === undefined)
    return '–';
  if (n < 1000)
    return `${n} ms`;
  return n < 60000 ? `${(n / 1000).toFixed(n < 10000 ? 1 : 0)} s`
    : `${(n / 60000).toFixed(1)} min`;
}
