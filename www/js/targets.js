// SPDX-License-Identifier: MIT
// What stands behind the routes: how fast each target is, how often it fails,
// and whether it is being left alone.

import { h, name, plain } from './dom.js';
import { get } from './api.js';
import { money } from './money.js';
import { bucket, count, ms, narrow, share } from './format.js';
import { badge } from './outcome.js';
import { colour, figure, swatch } from './figure.js';
import { csvButton, panel, table } from './table.js';
import { picker, range } from './range.js';

const MOST = 30;                        // targets in the picture of latency
const LINES = 6;

// Of the ledger and of the shared header, what belongs together.
function merge(groups, targets) {
  const all = new Map();
  for (const g of groups)
    if (g.model !== null)
      all.set(g.model, { target: g.model, sum: g, now: null });
  for (const t of targets)
    all.set(t.target, { target: t.target, sum: all.get(t.target)?.sum ?? null,
      now: t });
  return [...all.values()];
}

function breaker(t) {
  if (!t)
    return h('span', { class: 'none' }, 'not tried');
  if (t.state === 'closed')
    return badge('closed', 'good');
  return badge(t.state, t.state === 'open' ? 'bad' : 'warn',
    t.open_for_ms ? ` ${Math.ceil(t.open_for_ms / 1000)} s` : '');
}

const failed = (s) => s ? s.errors / Math.max(1, s.calls) : null;

const COLUMNS = [
  { label: 'Target', class: 'wraps', cell: (t) => name(t.target),
    csv: (t) => t.target },
  { label: 'Breaker', cell: (t) => breaker(t.now),
    csv: (t) => t.now?.state },
  { label: 'Last minute', num: true, wide: true, cell: (t) => t.now
    ? `${count(t.now.failures_60s)} of ${count(t.now.calls_60s)} failed` : '–',
  csv: (t) => t.now?.failures_60s },
  { label: 'Calls', num: true, wide: true, cell: (t) => count(t.sum?.calls),
    csv: (t) => t.sum?.calls },
  { label: 'Errors', num: true, cell: (t) => t.sum
    ? share(t.sum.errors, t.sum.calls) : '–', csv: (t) => t.sum?.errors },
  { label: 'First token p50', num: true, wide: true,
    cell: (t) => ms(t.sum?.ttft_ms.p50), csv: (t) => t.sum?.ttft_ms.p50 },
  { label: 'p95', field: 'ttft_p95', num: true, wide: true,
    cell: (t) => ms(t.sum?.ttft_ms.p95), csv: (t) => t.sum?.ttft_ms.p95 },
  { label: 'Call p50', num: true,
    cell: (t) => ms(t.sum?.duration_ms.p50),
    csv: (t) => t.sum?.duration_ms.p50 },
  { label: 'p95', field: 'duration_p95', num: true, wide: true,
    cell: (t) => ms(t.sum?.duration_ms.p95),
    csv: (t) => t.sum?.duration_ms.p95 },
  { label: 'Tokens/s', num: true, wide: true,
    cell: (t) => count(t.now?.tokens_per_s), csv: (t) => t.now?.tokens_per_s },
  { label: 'Cost', num: true, wide: true, cell: (t) => money(t.sum?.cost_usd ?? null),
    csv: (t) => t.sum?.cost_usd }];

function latency(rows) {
  const known = rows.filter((t) => t.sum?.duration_ms.p95 != null)
    .slice(0, MOST);
  const bars = (label, member, i) => ({ label, backgroundColor: colour(i),
    data: known.map((t) => t.sum[member].p50 == null ? null
      : [t.sum[member].p50, t.sum[member].p95]), borderRadius: 3,
    borderSkipped: false, barPercentage: 0.7, maxBarThickness: 12 });
  return panel('Latency, p50 to p95', { note: 'Each bar from the median to ' +
    'what 95 of 100 calls stay below.' }, known.length === 0
    ? h('p', { class: 'empty' }, 'No calls in this time.')
    : figure({ type: 'bar', sideways: true, ticks: MOST,
      name: `Latency of ${known.length} targets; the figures are in the ` +
        'table of targets.',
      height: `${3 + 1.9 * known.length}rem`,
      labels: known.map((t) => plain(t.target, narrow() ? 18 : 34)),
      datasets: [bars('First token', 'ttft_ms', 1),
        bars('Whole call', 'duration_ms', 0)],
      format: (v) => ms(v), legend: h('ul', { class: 'legend' },
        h('li', null, swatch(1), 'First token'),
        h('li', null, swatch(0), 'Whole call')), tooltip: (c) => ` ${c.dataset.label}  ` +
        `${ms(c.raw[0])} to ${ms(c.raw[1])}`,
      table: table({ caption: 'Latency by target', rows: known,
        columns: [COLUMNS[0], ...COLUMNS.slice(5, 9)] }) }));
}

function errors(usage, rows) {
  const at = [...new Set(usage.groups.map((g) => g.start))].sort();
  const best = rows.filter((t) => t.sum).slice(0, LINES);
  const of = new Map(usage.groups.map((g) => [`${g.start} ${g.model}`, g]));
  const rate = (t, s) => failed(of.get(`${s} ${t.target}`));
  const columns = [{ label: 'From', cell: (s) => bucket(s, usage.interval) },
    ...best.map((t) => ({ label: plain(t.target, 30), num: true,
      cell: (s) => rate(t, s) === null ? '–' : share(rate(t, s), 1) }))];
  return panel('Errors over time', { note: 'Share of the calls that ended ' +
    'in an error.' }, best.length === 0 || at.length === 0
    ? h('p', { class: 'empty' }, 'No calls in this time.')
    : figure({ type: 'line', name: `Share of failed calls of ${best.length} ` +
      'targets over time; the same figures are in the table below.',
    labels: at.map((s) => bucket(s, usage.interval)),
    datasets: best.map((t, i) => ({ label: plain(t.target, 40),
      data: at.map((s) => rate(t, s)), borderColor: colour(i),
      backgroundColor: colour(i), borderWidth: 2, pointRadius: at.length > 40
        ? 0 : 2, spanGaps: true })),
    format: (v) => `${Math.round(v * 1000) / 10} %`,
    tooltip: (c) => ` ${c.dataset.label}  ${share(c.raw, 1)}`,
    legend: h('ul', { class: 'legend' }, best.map((t, i) => h('li', null,
      swatch(i), name(t.target)))),
    table: table({ caption: 'Errors over time', columns, rows: at }) }));
}

export async function targets(ctx) {
  const r = range(ctx.params, '7d');
  const ask = (q) => get('usage', { from: r.from, to: r.to, by: 'model', ...q },
    ctx.signal);
  const [sums, over, { targets: now }] = await Promise.all([
    ask({ interval: 'none', top: 100 }),
    ask({ interval: r.interval, top: LINES }),
    get('health', {}, ctx.signal)]);
  const rows = merge(sums.groups.filter((g) => !g.other), now);
  return [h('div', { class: 'title' }, h('h1', null, 'Targets'),
    picker(ctx.params, ctx.go, '7d')),
  panel('All targets', { tools: csvButton('targets.csv', COLUMNS, () => rows) },
    table({ caption: 'Targets', columns: COLUMNS, rows,
      empty: 'No target has been called yet.' })),
  latency(rows), errors(over, rows)];
}
