// SPDX-License-Identifier: MIT
// Today, this month against last, and what this month will come to, from the
// ledger's days (UTC).

import { get } from './api.js';
import { pusd, sum } from './money.js';

const DAY = 86400000;
const WEEK = 7;
const month = new Intl.DateTimeFormat('en-GB', { month: 'long',
  timeZone: 'UTC' });

// forecast(spent, days, left): what is spent, and the mean of the days for
// each day that is left.  Null where nothing can be said.
function forecast(spent, days, left) {
  const known = days.filter((d) => d !== undefined);
  return known.length ? spent + sum(known) * left / BigInt(known.length) : null;
}

export function lookAhead(perDay, now) {
  const at = new Date(now);
  const y = at.getUTCFullYear();
  const m = at.getUTCMonth();
  const begin = Date.UTC(y, m, 1);
  const before = Date.UTC(y, m - 1, 1);
  const today = Date.UTC(y, m, at.getUTCDate());
  const between = (from, to) => sum([...perDay]
    .filter(([t]) => t >= from && t < to).map(([, p]) => p));
  const days = (today - begin) / DAY;
  const long = (Date.UTC(y, m + 1, 1) - begin) / DAY;
  const spent = between(begin, today + DAY);
  const first = Math.min(...perDay.keys(), today);
  // the last whole days, not further back than there are any
  const recent = [...Array(WEEK).keys()].map((i) => today - (i + 1) * DAY)
    .filter((t) => t >= first).map((t) => perDay.get(t) ?? 0n);
  // the mean stands for what today still lacks, too, if today is below it
  const mean = recent.length ? sum(recent) / BigInt(recent.length) : 0n;
  const now1 = perDay.get(today) ?? 0n;
  const ends = between(begin, today) + (now1 > mean ? now1 : mean);
  return { today: now1, yesterday: between(today - DAY, today), month: spent,
    last: between(before, begin), lastName: month.format(before),
    lastToDate: between(before, Math.min(before + (days + 1) * DAY, begin)),
    forecast: forecast(ends, recent, BigInt(long - days - 1)),
    how: recent.length ? `at the mean of the last ${recent.length} whole ` +
      `day${recent.length > 1 ? 's' : ''}` : 'no whole day yet' };
}

export async function outlook(signal) {
  const now = Date.now();
  const at = new Date(now);
  const from = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - 1, 1))
    .toISOString().slice(0, 10);
  const usage = await get('usage', { from, interval: 'day' }, signal);
  return lookAhead(new Map(usage.groups.map((g) => [Date.parse(g.start),
    pusd(g.cost_usd) ?? 0n])), now);
}
