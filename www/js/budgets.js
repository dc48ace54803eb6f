// SPDX-License-Identifier: MIT
// Budgets as bars: what is spent, set aside, and left.

import { h, button, name } from './dom.js';
import { get, put, remove } from './api.js';
import { dollars, money, pusd } from './money.js';
import { minute, share } from './format.js';
import { csvButton, panel } from './table.js';
import { ask, numberOrNull } from './dialog.js';
import { keyNames } from './names.js';

const SCOPES = [['key', 'a key'], ['account', 'an account'],
  ['user', 'a user'], ['tag', 'a tag (KEY=VALUE)']];
const PERIODS = [['day', 'a day'], ['week', 'a week'], ['month', 'a month'],
  ['total', 'in all']];
const FILE = ['scope', 'name', 'per', 'limit_usd', 'spent_usd', 'reserved_usd',
  'left_usd', 'resets_at', 'alert_pct'].map((f) => ({ label: f,
  csv: (b) => b[f] }));

const FIELDS = (b) => [
  { name: 'scope', label: 'For', type: 'select', options: SCOPES, wide: true,
    value: b?.scope },
  { name: 'name', label: 'Name', value: b?.name, required: true, dir: 'auto',
    wide: true,
    hint: 'The id of the key, or the name of the account, user or tag.' },
  { name: 'usd', label: 'USD', value: b?.limit_usd, required: true,
    inputmode: 'decimal', pattern: '[0-9]+(\\.[0-9]+)?' },
  { name: 'per', label: 'Per', type: 'select', options: PERIODS,
    value: b?.per ?? 'month' },
  { name: 'alert_pct', label: 'Tell when spent, per cent', type: 'number',
    min: 1, max: 100, value: b ? b.alert_pct : 80 }];

const save = (again) => async (v) => {
  await put('budgets', { ...v, alert_pct: numberOrNull(v.alert_pct) });
  again();
};

function edit(b, again) {
  ask({ title: 'Change the budget', action: 'Save',
    fields: FIELDS(b).slice(2).filter((f) => f.name !== 'per'),
    run: (v) => save(again)({ scope: b.scope, name: b.name, per: b.per, ...v }) });
}

function drop(b, title, again) {
  ask({ title: 'Remove the budget?', danger: true, action: 'Remove',
    text: ['Nothing limits ', name(title), ' any more for this period.'],
    run: async () => {
      await remove('budgets', { scope: b.scope, name: b.name, per: b.per });
      again();
    } });
}

// Spent and set aside, of the limit; what is over stays within the bar.
function meter(b, title) {
  const limit = dollars(pusd(b.limit_usd));
  const part = (usd) => limit > 0
    ? Math.min(100, 100 * dollars(pusd(usd)) / limit) : 100;
  const spent = part(b.spent_usd);
  const state = spent >= 100 ? 'full' : b.alert_pct && spent >= b.alert_pct
    ? 'near' : 'free';
  return h('div', { class: `meter ${state}`, role: 'meter',
    'aria-valuemin': 0, 'aria-valuemax': 100,
    'aria-valuenow': Math.round(spent), 'aria-label': `Spent by ${title}`,
    css: { '--spent': `${spent}%`,
      '--held': `${Math.min(100 - spent, part(b.reserved_usd))}%` } },
  h('span', { class: 'spent' }), h('span', { class: 'held' }));
}

function card(b, ctx, names) {
  const title = b.scope === 'key' ? names(b.name) : b.name;
  const used = share(dollars(pusd(b.spent_usd)), dollars(pusd(b.limit_usd)));
  return h('li', { class: 'budget' },
    h('div', { class: 'what' }, h('span', { class: 'role' }, b.scope), ' ',
      h('a', { class: 'dim', href: ctx.link('requests', { [b.scope]: b.name,
        range: '30d' }) }, name(title)),
      h('span', { class: 'dollars' }, money(b.spent_usd, { tabindex: 0 }),
        ' of ', money(b.limit_usd),
        b.per === 'total' ? ' in all' : ` a ${b.per}`)),
    meter(b, title),
    h('div', { class: 'what' }, h('p', { class: 'note' }, `${used} spent, `,
      money(b.left_usd), ' left',
      pusd(b.reserved_usd) > 0n && [', ', money(b.reserved_usd), ' set aside'],
      b.resets_at && ['; starts anew ', minute(b.resets_at)],
      b.alert_pct !== null && `; alert at ${b.alert_pct} %`),
    ctx.me.admin && h('span', { class: 'dollars' },
      button('Change', () => edit(b, ctx.again), { class: 'quiet' }),
      button('Remove', () => drop(b, title, ctx.again), { class: 'quiet' }))));
}

export async function budgets(ctx) {
  const [names, { budgets: all }] = await Promise.all([keyNames(ctx),
    get('budgets', {}, ctx.signal)]);
  const full = (b) => dollars(pusd(b.spent_usd)) /
    Math.max(1e-12, dollars(pusd(b.limit_usd)));
  all.sort((a, b) => full(b) - full(a));
  const add = ctx.me.admin && button('New budget', () => ask({
    title: 'New budget', action: 'Set', fields: FIELDS(),
    run: save(ctx.again) }), { class: 'primary' });
  return [h('div', { class: 'title' }, h('h1', null, 'Budgets'), add),
    panel('The fullest first', { note: `Days, weeks and months in ${
      ctx.me.zone}.`, tools: csvButton('budgets.csv', FILE, () => all) },
    all.length ? h('ul', { class: 'budgets' }, all.map((b) =>
      card(b, ctx, names)))
      : h('p', { class: 'empty' }, 'No budget limits anything yet.'))];
}
