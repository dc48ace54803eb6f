// SPDX-License-Identifier: MIT
// What was spent: now, over time, on whom, and what of it served nobody.

import { h, name, plain } from './dom.js';
import { get } from './api.js';
import { dollars, exact, money, pusd, short, sum } from './money.js';
import { brief, bucket, count, share, utcDay, zone } from './format.js';
import { colour, figure, swatch } from './figure.js';
import { csvButton, panel, table } from './table.js';
import { picker, range, starts } from './range.js';
import { keyNames } from './names.js';
import { outlook } from './outlook.js';

const BY = ['model', 'key', 'account', 'provider', 'user', 'task', 'tag',
  'session'];
const TOPS = ['key', 'user', 'model', 'tag'];
const NONE = { key: 'without a key', model: 'no model' };
const cost = (s) => pusd(s.cost_usd) ?? 0n;

// A value of a dimension, as a text and as an element.
const text = (g, by, names) => g.other ? 'all others'
  : g[by] === null ? NONE[by] ?? `no ${by}`
    : plain(by === 'key' ? names(g.key) : g[by], 60);
const label = (g, by, names, link) => g.other || g[by] === null
  ? h('span', { class: 'none' }, text(g, by, names))
  : h('a', { href: link('requests', { [by]: g[by] }), class: 'dim' },
    name(by === 'key' ? names(g.key) : g[by]));

const tile = (title, value, ...below) => h('div', { class: 'tile' },
  h('dt', null, title), h('dd', { class: 'big' }, value),
  h('dd', { class: 'below' }, below));

function change(now, before) {
  if (!before)
    return null;
  const p = Math.round(100 * (dollars(now) / dollars(before) - 1));
  return h('span', { class: 'change' }, p > 0 ? `▲ ${p} %`
    : p < 0 ? `▼ ${-p} %` : 'as much');
}

function months(o) {
  return h('dl', { class: 'tiles' },
    tile('Today', money(o.today, { tabindex: 0 }), 'yesterday ',
      money(o.yesterday)),
    tile('This month', money(o.month, { tabindex: 0 }),
      change(o.month, o.lastToDate), ' ', money(o.lastToDate),
      ' at this time last month'),
    tile('Last month', money(o.last, { tabindex: 0 }), o.lastName),
    tile('Forecast for this month', o.forecast === null ? '–'
      : [h('span', { class: 'about' }, '≈ '),
        money(o.forecast, { tabindex: 0 })], o.how));
}

function totals(t) {
  const read = t.tokens;
  const input = read.input + read.cache_read + read.cache_write_5m +
    read.cache_write_1h + read.cache_write_30m + read.cache_write_12h;
  return h('dl', { class: 'tiles small' },
    tile('Total', money(t.cost_usd, { tabindex: 0 }), t.unpriced > 0
      ? `and ${count(t.unpriced)} calls of unknown cost` : 'all costs known'),
    tile('Calls', brief(t.calls), `${share(t.errors, t.calls)} errors, ` +
      `${count(t.refused)} refused`),
    tile('Tokens read', brief(input), `${share(read.cache_read, input)} from ` +
      'providers’ caches'),
    tile('Tokens written', brief(read.output + read.reasoning),
      `${share(read.reasoning, read.output + read.reasoning)} reasoning`));
}

// One series for each value that is told apart, the dearest at the bottom.
function series(usage, by, names) {
  const groups = new Map();
  for (const g of usage.groups) {
    const id = g.other ? 'other' : JSON.stringify(g[by]);
    if (!groups.has(id))
      groups.set(id, { other: Boolean(g.other), sample: g, at: new Map() });
    groups.get(id).at.set(g.start, g);
  }
  for (const s of groups.values()) {
    s.total = sum([...s.at.values()].map(cost));
    s.label = text(s.sample, by, names);
  }
  return [...groups.values()].sort((a, b) => a.other - b.other ||
    (b.total > a.total) - (b.total < a.total));
}

function seriesTable(all, at, r) {
  const columns = [{ label: { hour: 'Hour', day: 'Day', month: 'Month' }[
    r.interval], cell: (t) => bucket(t, r.interval),
  csv: (t) => new Date(t).toISOString() },
  ...all.map((s) => ({ label: s.label, num: true,
    cell: (t) => money(s.byTime.get(t) ?? 0n),
    csv: (t) => dollarsText(s.byTime.get(t)) }))];
  return { columns, rows: at };
}
const dollarsText = (p) => exact(p ?? 0n).replace(/[$,]/g, '')
  .replace('−', '-');

function overTime(usage, by, r, names, ctx) {
  const all = series(usage, by, names);
  const at = usage.groups.length ? starts(r) : [];
  for (const s of all)
    s.byTime = new Map([...s.at].map(([t, g]) => [Date.parse(t), cost(g)]));
  const tab = seriesTable(all, at, r);
  const slot = (s, i) => s.other ? 99 : i;
  const chart = figure({ type: 'bar', stacked: true,
    name: `Spend per ${r.interval} by ${by}, ${all.length} series; ` +
      'the same figures are in the table below.',
    labels: at.map((t) => bucket(t, r.interval)),
    datasets: all.map((s, i) => ({ label: s.label,
      data: at.map((t) => dollars(s.byTime.get(t) ?? 0n)),
      exact: at.map((t) => s.byTime.get(t) ?? 0n),
      backgroundColor: colour(slot(s, i)), borderWidth: 0, borderRadius: 2,
      barPercentage: 0.94, categoryPercentage: 0.92, maxBarThickness: 56 })),
    format: (v) => short(pusd(v.toFixed(9))).replace(/\.00$/, ''),
    tooltip: (c) => ` ${c.dataset.label}  ${exact(
      c.dataset.exact[c.dataIndex])}`,
    footer: (items) => items.length < 2 ? '' : `Together  ${exact(sum(
      items.map((i) => i.dataset.exact[i.dataIndex])))}`,
    legend: h('ul', { class: 'legend' }, all.map((s, i) => h('li', null,
      swatch(slot(s, i)), label(s.sample, by, names, ctx.link), ' ',
      money(s.total)))),
    table: table({ caption: `Spend per ${r.interval} by ${by}`, ...tab }) });
  return panel(`Spend per ${r.interval}`, {
    note: r.interval === 'hour' ? `Hours in ${zone}.`
      : 'Days and months are UTC.',
    tools: [bySelect(by, ctx), csvButton(`spend-by-${by}.csv`, tab.columns,
      () => tab.rows)] },
  at.length ? chart : h('p', { class: 'empty' }, 'No calls in this time.'));
}

function bySelect(by, ctx) {
  const select = h('select', { on: {
    change: () => ctx.go({ by: select.value }) } },
  BY.map((d) => h('option', { value: d }, d)));
  select.value = by;
  return h('label', null, 'by ', select);
}

// What was asked by interval, of all of it: one question less.
const fold = (usage, by) => ({ total: usage.total,
  groups: series(usage, by, String).map((s) => ({ ...s.sample,
    cost_usd: dollarsText(s.total),
    calls: [...s.at.values()].reduce((n, g) => n + g.calls, 0) })) });

function top(by, usage, names, ctx) {
  const all = usage.groups.map((g) => ({ ...g, p: cost(g) }))
    .sort((a, b) => Boolean(a.other) - Boolean(b.other));
  const most = all.reduce((m, g) => g.p > m ? g.p : m, 1n);
  const columns = [
    { label: by[0].toUpperCase() + by.slice(1), class: 'wraps',
      cell: (g) => label(g, by, names, ctx.link),
      csv: (g) => g.other ? '(all others)' : g[by] },
    { label: 'Calls', num: true, cell: (g) => count(g.calls),
      csv: (g) => g.calls, wide: true },
    { label: 'Share', cell: (g) => h('span', { class: 'bar',
      css: { '--part': `${dollars(g.p) / dollars(most) * 100}%` } },
    h('span', { class: 'unseen' }, share(dollars(g.p),
      dollars(cost(usage.total))))), csv: null, class: 'bars' },
    { label: 'Cost', num: true, cell: (g) => money(g.p),
      csv: (g) => g.cost_usd, field: 'cost_usd' }];
  return panel(`Top ${by}s`, { tools: csvButton(`top-${by}s.csv`, columns,
    () => all) }, table({ caption: `Top ${by}s`, columns,
    rows: all, class: 'top' }));
}

function waste(t) {
  const total = dollars(pusd(t.cost_usd) ?? 0n);
  const part = (text) => `${share(dollars(pusd(text) ?? 0n), total)} of the ` +
    'total';
  return panel('Saved, and spent for nothing', {}, h('dl',
    { class: 'tiles small' },
    tile('The cache saved', money(t.saved_usd),
      `${count(t.cached)} calls answered from it`),
    tile('Races that were lost', money(t.race_usd), part(t.race_usd)),
    tile('Retries and failures', money(t.retry_usd), part(t.retry_usd)),
    tile('All that served nobody', money(t.overhead_usd),
      part(t.overhead_usd))));
}

export async function spend(ctx) {
  const r = range(ctx.params);
  const by = BY.includes(ctx.params.get('by')) ? ctx.params.get('by') : 'model';
  const ask = (q) => get('usage', { from: r.from, to: r.to, ...q }, ctx.signal);
  const [names, view, usage, ...tops] = await Promise.all([
    keyNames(ctx), outlook(ctx.signal),
    ask({ interval: r.interval, by, top: 8 }),
    ...TOPS.map((d) => d !== by && ask({ interval: 'none', by: d, top: 8 }))]);
  return [h('div', { class: 'title' }, h('h1', null, 'Spend'),
    picker(ctx.params, ctx.go)), months(view),
  h('p', { class: 'since' }, `${utcDay(Date.parse(r.from))} to ` +
    `${utcDay(Date.parse(r.last))}`), totals(usage.total),
  overTime(usage, by, r, names, ctx), waste(usage.total),
  h('div', { class: 'grid' }, tops.map((u, i) => top(TOPS[i],
    u || fold(usage, by), names, ctx)))];
}
