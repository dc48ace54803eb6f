// SPDX-License-Identifier: MIT
// One call, in a drawer: what was asked, each attempt on one line of time
// with its dollars, what translation lost, and the prices that were used.

import { h, name, plain } from './dom.js';
import { get, path } from './api.js';
import { exact, money, pusd } from './money.js';
import { count, ms, time } from './format.js';
import { badge, outcome } from './outcome.js';
import { table } from './table.js';

let drawer = null;

const fact = (label, value) => value !== null && value !== undefined &&
  value !== false && [h('dt', null, label), h('dd', null, value)];
const named = (label, text) => text ? fact(label, name(text)) : null;

// The time an attempt took, against that of the whole call.
function track(a, whole) {
  const at = (t) => `${Math.min(100, 100 * t / whole).toFixed(2)}%`;
  const length = a.duration_ms ?? Math.max(0, whole - a.start_ms);
  const wait = Math.min(a.ttft_ms ?? length, length);
  return h('span', { class: `track ${a.outcome}`, css: {
    '--start': at(a.start_ms ?? 0), '--wait': at(wait),
    '--flow': at(length - wait) } }, h('span', { class: 'wait' }),
  h('span', { class: 'flow' }));
}

const tokens = (u) => Object.entries(u)
  .filter(([, n]) => typeof n === 'number' && n > 0)
  .map(([k, n]) => `${count(n)} ${k.replaceAll('_', ' ')}`)
  .concat(Object.entries(u.units ?? {}).map(([k, n]) =>
    `${count(n)} ${plain(k, 30)}`)).join(', ') || 'none';

// What of an attempt's tokens and dollars another model took: an advisor.
const other = (o) => h('p', { class: 'note' }, 'Of these ', name(o.model),
  `: ${tokens(o)}, `, money(o.cost_usd), '.');

function attempt(a, whole) {
  return h('li', null,
    h('div', { class: 'what' },
      h('span', { class: 'role' }, a.role), ' ',
      name(`${a.provider}/${a.model}`), ' ', badge(a.outcome),
      h('span', { class: 'dollars' }, money(a.cost_usd, { tabindex: 0 }))),
    track(a, whole),
    h('p', { class: 'note' }, [
      `starts at ${ms(a.start_ms)}`,
      a.ttft_ms !== null && `first token after ${ms(a.ttft_ms)}`,
      a.duration_ms !== null && `took ${ms(a.duration_ms)}`,
      a.status && `status ${a.status}`, a.error && plain(a.error, 60),
    ].filter(Boolean).join(' · ')),
    h('p', { class: 'note' }, `Tokens (${a.usage_source}): `, tokens(a.usage),
      `. Cost ${a.cost_source}`, a.price && `, prices of ${plain(a.price, 40)}`,
      a.credential && `, credential ${plain(a.credential, 60)}`,
      a.returned_model && a.returned_model !== a.model &&
        [', answered as ', name(a.returned_model)],
      a.provider_cost_usd !== null && [', the provider says ',
        money(a.provider_cost_usd)], '.'),
    (a.usage.others ?? []).map(other));
}

function timeline(row) {
  const whole = Math.max(row.duration_ms ?? 0, 1, ...row.attempts.map((a) =>
    (a.start_ms ?? 0) + (a.duration_ms ?? 0)));
  return [h('h3', null, row.attempts.length === 1 ? 'One attempt'
    : `${row.attempts.length} attempts`),
  row.attempts.length === 0
    ? h('p', { class: 'empty' }, row.cache ? 'Answered by the cache.'
      : 'Nothing was sent to any provider.')
    : [h('ol', { class: 'timeline' }, row.attempts.map((a) =>
      attempt(a, whole))),
    h('p', { class: 'axis', 'aria-hidden': 'true' }, h('span', null, '0'),
      h('span', null, ms(Math.round(whole / 2))), h('span', null, ms(whole))),
    h('p', { class: 'note key' }, h('span', { class: 'dot wait' }),
      ' until the first token', h('span', { class: 'dot flow' }), ' after it')]];
}

function prices(all) {
  const rows = all.flatMap((p) => Object.entries(p.price ?? {}).filter(
    ([, usd]) => typeof usd === 'string' && pusd(usd) !== null).map(([bucket,
    usd]) => ({ model: `${p.provider}/${p.model}`, version: p.version, bucket,
    usd })));
  return rows.length > 0 && h('details', null,
    h('summary', null, 'Prices used, USD per million tokens'),
    table({ caption: 'Prices used', rows, columns: [
      { label: 'Model', cell: (r) => name(r.model) },
      { label: 'Bucket', cell: (r) => r.bucket.replaceAll('_', ' ') },
      { label: 'Price', num: true, cell: (r) => exact(pusd(r.usd)) }] }));
}

function facts(row, names, link) {
  const tags = Object.entries(row.tags);
  return h('dl', { class: 'facts' },
    fact('Outcome', outcome(row)),
    fact('Status', row.status),
    fact('Cost', [money(row.cost_usd, { tabindex: 0 }),
      row.cost_note && ` ${plain(row.cost_note, 200)}`]),
    row.saved_usd && fact('Saved', money(row.saved_usd)),
    fact('Began', time(row.started_at)),
    fact('Took', ms(row.duration_ms) + (row.ttft_ms === null ? ''
      : `, first token after ${ms(row.ttft_ms)}`)),
    fact('Asked', `${row.endpoint}${row.stream ? ', streamed' : ''}`),
    named('for model', row.requested), named('Route', row.route),
    named('Answered by', row.answered),
    named('Key', row.key && names(row.key)), named('Account', row.account),
    named('User', row.user), named('Task', row.task),
    row.session && fact('Session', h('a', { href: link('requests',
      { session: row.session, range: '90d' }) }, name(row.session))),
    tags.length > 0 && fact('Tags', h('ul', { class: 'tags' }, tags.map(
      ([k, v]) => h('li', null, name(`${k}=${v}`))))),
    row.lossy.length > 0 && fact('Lost in translation', h('ul',
      { class: 'tags' }, row.lossy.map((l) => h('li', null, name(l))))));
}

async function fill(id, { link, names }) {
  const { request: row, prices: used } = await get(path('requests', id));
  return [facts(row, names, link), timeline(row), prices(used),
    h('p', { class: 'note id' }, row.id)];
}

// openCall(id, { link, close, names }): show it over the view.
export async function openCall(id, ctx) {
  closeCall();
  const body = h('div', { class: 'body', 'aria-busy': 'true' }, 'Loading …');
  const d = h('dialog', { class: 'drawer', 'aria-labelledby': 'call-title' },
    h('div', { class: 'head' }, h('h2', { id: 'call-title', tabindex: -1,
      autofocus: true }, 'One call'),
      h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close',
        on: { click: () => d.close() } }, '✕')), body);
  const opener = document.activeElement;
  drawer = d;
  d.addEventListener('click', (e) => e.target === d && d.close());
  d.addEventListener('close', () => {
    d.remove();
    if (drawer !== d)
      return;
    drawer = null;
    ctx.close();
    if (opener?.isConnected)
      opener.focus();
  });
  document.body.append(d);
  d.showModal();
  try {
    body.replaceChildren(...(await fill(id, { link: ctx.link,
      names: await ctx.names() })).flat(3).filter(Boolean));
  } catch (e) {
    body.replaceChildren(h('p', { class: 'error', role: 'alert' }, e.message));
  }
  body.removeAttribute('aria-busy');
}

export function closeCall() {
  const d = drawer;
  drawer = null;
  d?.close();
}
