// SPDX-License-Identifier: MIT
// The request log: every call, newest first, by whatever one looks for.

import { h, button, name, notice } from './dom.js';
import { get } from './api.js';
import { money } from './money.js';
import { count, minute, ms, narrow, time, zone } from './format.js';
import { line, saveCsv, table } from './table.js';
import { picker, range } from './range.js';
import { keyNames } from './names.js';
import { outcome } from './outcome.js';

const PAGE = 50;
const MOST = 20000;                     // rows of one file
const OUTCOMES = ['', 'ok', 'error', 'refused', 'cancelled', 'unknown', 'open'];
// filter: its label
const FILTERS = { model: 'Model', provider: 'Provider', key: 'Key',
  account: 'Account', user: 'User', task: 'Task', tag: 'Tag (KEY=VALUE)',
  session: 'Session', route: 'Route', error: 'Error', status: 'Status',
  cache: 'Cache' };
const ALL = ['outcome', ...Object.keys(FILTERS)];

const written = (u) => u.output + u.reasoning + u.audio_out + u.image_out;
const used = (row, of) => row.attempts.reduce((n, a) => n + of(a.usage), 0);
const read = (u) => u.input + u.cache_read + u.cache_write_5m +
  u.cache_write_1h + u.cache_write_30m + u.cache_write_12h + u.audio_in +
  u.image_in;
const tags = (row) => Object.entries(row.tags).map((t) => t.join('='))
  .join(' ');
const plainly = (label, field, more) => ({ label, field, csv: (r) => r[field],
  ...more });

function columns(names, open) {
  return [
    plainly('Time', 'started_at', { plain: true, cell: (r) =>
      h('a', { href: open(r.id), class: 'open' },
        (narrow() ? minute : time)(r.started_at)) }),
    { label: 'Call', field: 'id', csv: (r) => r.id, file: true },
    plainly('Answered by', 'answered', { class: 'wraps',
      cell: (r) => r.answered ? name(r.answered)
        : h('span', { class: 'none' }, name(r.requested)) }),
    plainly('Outcome', 'outcome', { cell: (r) => outcome(r) }),
    plainly('Status', 'status', { file: true }),
    plainly('Error', 'error', { file: true }),
    plainly('Key', 'key', { wide: true, class: 'wraps',
      cell: (r) => name(r.key && names(r.key)) }),
    plainly('Account', 'account', { file: true }),
    plainly('User', 'user', { wide: true, class: 'wraps',
      cell: (r) => name(r.user) }),
    plainly('Task', 'task', { file: true }),
    plainly('Session', 'session', { file: true }),
    { label: 'Tags', field: 'tags', csv: tags, file: true },
    plainly('Route', 'route', { file: true }),
    { label: 'Tries', field: 'attempts', num: true, wide: true,
      cell: (r) => count(r.attempts.length), csv: (r) => r.attempts.length },
    { label: 'Read', field: 'tokens_read', num: true, wide: true,
      cell: (r) => count(used(r, read)), csv: (r) => used(r, read) },
    { label: 'Written', field: 'tokens_written', num: true, wide: true,
      cell: (r) => count(used(r, written)), csv: (r) => used(r, written) },
    plainly('First token', 'ttft_ms', { num: true, wide: true,
      cell: (r) => ms(r.ttft_ms) }),
    plainly('Duration', 'duration_ms', { num: true, wide: true,
      cell: (r) => ms(r.duration_ms) }),
    plainly('Saved', 'saved_usd', { file: true }),
    plainly('Cost', 'cost_usd', { num: true, cell: (r) => money(r.cost_usd) })];
}

function query(params) {
  const r = range(params, '7d');
  const q = { from: r.from, to: r.to };
  for (const f of ALL)
    if (params.has(f))
      q[f] = params.get(f);
  return q;
}

// All that fits, as a file: page by page, up to MOST.
async function exportAll(ctx, all, b) {
  const rows = [];
  let cursor;
  do {
    const page = await get('requests', { ...query(ctx.params), cursor,
      limit: 200 });
    rows.push(...page.requests);
    cursor = page.next;
    b.textContent = `${count(rows.length)} …`;
  } while (cursor && rows.length < MOST && b.isConnected);
  b.textContent = 'CSV';
  saveCsv('requests.csv', all, rows);
  if (cursor)
    notice(`The file has the newest ${count(rows.length)} calls; for all of ` +
      'them there is sluice ledger export.');
}

function filterForm(ctx) {
  const form = h('form', { class: 'filters', 'aria-label': 'Filters', on: {
    submit: (e) => {
      e.preventDefault();
      ctx.go(Object.fromEntries(ALL.map((f) => [f,
        form.elements[f].value.trim()])));
    } } });
  const select = h('select', { name: 'outcome',
    on: { change: () => form.requestSubmit() } },
  OUTCOMES.map((o) => h('option', { value: o }, o || 'any')));
  select.value = ctx.params.get('outcome') ?? '';
  const fields = Object.entries(FILTERS).map(([f, text]) => h('label', null,
    text, h('input', { name: f, value: ctx.params.get(f) ?? '',
      autocomplete: 'off', spellcheck: 'false', dir: 'auto',
      inputmode: f === 'status' && 'numeric' })));
  form.append(h('label', null, 'Outcome', select), ...fields.slice(0, 4),
    h('div', { class: 'row' }, h('button', { class: 'primary' }, 'Filter'),
      button('Clear', () => ctx.go(Object.fromEntries(ALL.map(
        (f) => [f, null]))), { class: 'quiet' })),
    h('details', { class: 'more', open: Object.keys(FILTERS).slice(4)
      .some((f) => ctx.params.get(f)) }, h('summary', null, 'More filters'),
    h('div', null, fields.slice(4))));
  return form;
}

// Enough to fill the first page; sparse pages are read on, within reason.
async function fetchPage(ctx, cursor) {
  const rows = [];
  let tries = 0;
  do {
    const page = await get('requests', { ...query(ctx.params), cursor,
      limit: PAGE }, ctx.signal);
    rows.push(...page.requests);
    cursor = page.next;
  } while (cursor && rows.length < PAGE / 2 && ++tries < 4);
  return { rows, next: cursor };
}

// The log so far: in the place of the words that there is none comes a table
// as soon as there are rows.
function listing(shown, first) {
  const show = ({ rows, next }) => table({ caption: 'Requests, newest first',
    columns: shown, rows, class: 'log', empty: next
      ? 'None so far; there is more to look through.'
      : 'No calls like that in this time.' });
  const box = h('div', null, show(first));
  const body = () => box.querySelector('tbody');
  return { box, add(page) {
    const before = body()?.rows.length ?? 0;
    if (body())
      body().append(...page.rows.map((r) => line(shown, r)));
    else
      box.replaceChildren(show(page));
    body()?.rows[before]?.querySelector('a')?.focus();
  } };
}

function more(ctx, log, state) {
  const b = button('Show more', async () => {
    const page = await fetchPage(ctx, state.next);
    state.next = page.next;
    if (!state.next)
      b.remove();
    log.add(page);
  }, { class: 'wide-button' });
  return b;
}

export async function requests(ctx) {
  const [names, first] = await Promise.all([keyNames(ctx), fetchPage(ctx)]);
  const all = columns(names, (id) => ctx.link('requests',
    [...ctx.params, ['call', id]]));
  const shown = all.filter((c) => !c.file);
  const log = listing(shown, first);
  const csv = button('CSV', (b) => exportAll(ctx, all, b), { class: 'quiet csv',
    'aria-label': 'Save requests.csv' });
  return [h('div', { class: 'title' }, h('h1', null, 'Requests'),
    picker(ctx.params, ctx.go, '7d')), filterForm(ctx),
  h('section', { class: 'panel', 'aria-label': 'Calls' },
    h('div', { class: 'head' }, h('p', { class: 'note' },
      `Times in ${zone}.`), h('div', { class: 'tools' }, csv)), log.box,
    first.next && more(ctx, log, first))];
}
