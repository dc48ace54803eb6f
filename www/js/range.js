// SPDX-License-Identifier: MIT
// From when to when: a choice in the address of the view.

import { h } from './dom.js';

const DAY = 86400000;
const isDay = (s) => /^\d{4}-\d\d-\d\d$/.test(s ?? '') &&
  !Number.isNaN(Date.parse(s));
const dayText = (at) => new Date(at).toISOString().slice(0, 10);
const daysBack = (n) => dayText(Date.now() - (n - 1) * DAY);
const yearBack = () => {
  const now = new Date();
  return dayText(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 11, 1));
};

// name: [label, from, interval]
const RANGES = {
  '24h': ['Last 24 hours', () => `${new Date(Date.now() - DAY + 3600000)
    .toISOString().slice(0, 13)}:00:00Z`, 'hour'],
  '7d': ['Last 7 days', () => daysBack(7), 'day'],
  '30d': ['Last 30 days', () => daysBack(30), 'day'],
  '90d': ['Last 90 days', () => daysBack(90), 'day'],
  '12m': ['Last 12 months', yearBack, 'month'],
};

function own(params) {
  const from = params.get('from');
  const to = params.get('to');
  const days = (Date.parse(to) - Date.parse(from)) / DAY + 1;
  // the day that is named last counts as well
  return { name: 'own', from, to: dayText(Date.parse(to) + DAY),
    last: to, interval: days <= 120 ? 'day' : 'month' };
}

// range(params): { name, from, to, interval }; to is null for "until now".
export function range(params, standard = '30d') {
  if (params.get('range') === 'own' && isDay(params.get('from')) &&
      isDay(params.get('to')) && params.get('from') <= params.get('to'))
    return own(params);
  const name = Object.hasOwn(RANGES, params.get('range') ?? '')
    ? params.get('range') : standard;
  const [, from, interval] = RANGES[name];
  return { name, from: from(), to: null, last: dayText(Date.now()), interval };
}

// starts(range): when each bar begins that there should be, also those with
// nothing in them; of a month that is its first day, wherever one looks from.
export function starts(r) {
  const last = Date.parse(r.to ?? new Date().toISOString()) - 1;
  const all = [];
  const at = new Date(r.from);
  if (r.interval === 'month')
    at.setUTCDate(1);
  while (at <= last && all.length < 2000) {
    all.push(at.getTime());
    if (r.interval === 'month')
      at.setUTCMonth(at.getUTCMonth() + 1);
    else
      at.setTime(at.getTime() + (r.interval === 'hour' ? 3600000 : DAY));
  }
  return all;
}

const dayInput = (label, value, on) => h('label', null, `${label} `,
  h('input', { type: 'date', value, max: '9999-12-31', on: { change: on } }));

// picker(params, go, standard): the control; go gets the changed parameters.
export function picker(params, go, standard) {
  const now = range(params, standard);
  const first = now.from.slice(0, 10);
  const dates = h('span', { class: 'dates', hidden: now.name !== 'own' });
  const change = () => {
    const [from, to] = [...dates.querySelectorAll('input')]
      .map((i) => i.value);
    if (isDay(from) && isDay(to) && from <= to)
      go({ range: 'own', from, to });
  };
  dates.append(dayInput('from', first, change), dayInput('to', now.last,
    change));
  const select = h('select', { 'aria-label': 'Time', on: { change: () => {
    if (select.value === 'own')
      dates.hidden = false;
    else
      go({ range: select.value, from: null, to: null });
  } } }, Object.entries(RANGES).map(([value, [label]]) =>
    h('option', { value }, label)), h('option', { value: 'own' },
    'From … to …'));
  select.value = now.name;
  return h('div', { class: 'range' }, select, dates);
}
