// SPDX-License-Identifier: MIT
// Accounts are teams, with provider credentials of their own, which go in and
// never come out again.

import { h, button, name, plain } from './dom.js';
import { get, patch, path, post, put, remove } from './api.js';
import { dateOf } from './format.js';
import { csvButton, panel, table } from './table.js';
import { ask } from './dialog.js';

const SHARED = { name: 'allow_shared', type: 'checkbox', value: true,
  label: 'May use the configured credentials',
  hint: 'Its own always come first.' };

function create(again) {
  ask({ title: 'New account', action: 'Create', fields: [{ name: 'name',
    label: 'Name', required: true, dir: 'auto' }, SHARED],
  run: async (v) => {
    await post('accounts', v);
    again();
  } });
}

function addCredential(a, again) {
  ask({ title: `Credential for ${plain(a.name, 40)}`, action: 'Store', fields: [
    { name: 'provider', label: 'Provider', required: true, wide: true,
      placeholder: 'openai' },
    { name: 'key', label: 'Its key', type: 'password', required: true,
      wide: true,
      hint: 'Sealed when stored, and never shown again.' },
    { name: 'add', label: 'Beside those that are there', type: 'checkbox' }],
  run: async (v) => {
    await put(path('accounts', a.name, 'credentials', v.provider),
      { key: v.key, add: v.add });
    again();
  } });
}

function dropCredential(a, provider, again) {
  ask({ title: 'Remove the credential?', danger: true, action: 'Remove',
    text: [name(a.name), ' has none for ', name(provider), ' any more.'],
    run: async () => {
      await remove(path('accounts', a.name, 'credentials', provider));
      again();
    } });
}

function drop(a, again) {
  ask({ title: 'Remove the account?', danger: true, action: 'Remove',
    text: ['Its credentials go with ', name(a.name), '; its calls stay in the ' +
      'ledger.'], run: async () => {
      await remove(path('accounts', a.name));
      again();
    } });
}

const credentials = (a, ctx) => a.credentials.length === 0
  ? h('span', { class: 'none' }, 'none')
  : h('ul', { class: 'tags' }, a.credentials.map((c) => h('li', null,
    name(c.provider), ' ', h('span', { class: 'soft' }, 'since ',
      dateOf(c.set_at)), ctx.me.admin && button('✕',
      () => dropCredential(a, c.provider, ctx.again), { class: 'quiet',
        'aria-label': `Remove the credential for ${plain(c.provider)}` }))));

function edit(a, again) {
  ask({ title: `Account ${plain(a.name, 40)}`, action: 'Save',
    fields: [{ ...SHARED, value: a.allow_shared }],
    also: { 'Add a credential …': () => addCredential(a, again),
      'Remove …': () => drop(a, again) },
    run: async (v) => {
      await patch(path('accounts', a.name), v);
      again();
    } });
}

function columns(ctx) {
  return [
    { label: 'Name', class: 'wraps', cell: (a) => h('a', { class: 'dim',
      href: ctx.link('requests', { account: a.name, range: '30d' }) },
    name(a.name)), csv: (a) => a.name },
    { label: 'Own credentials', class: 'wraps',
      cell: (a) => credentials(a, ctx),
      csv: (a) => a.credentials.map((c) => c.provider).join(' ') },
    { label: 'Configured ones', cell: (a) => a.allow_shared ? 'allowed'
      : 'forbidden', csv: (a) => a.allow_shared },
    { label: 'Created', wide: true, cell: (a) => dateOf(a.created_at),
      csv: (a) => a.created_at },
    ...(ctx.me.admin ? [{ label: '', class: 'acts', csv: null,
      cell: (a) => button('Change', () => edit(a, ctx.again), {
        class: 'quiet', 'aria-label': `Change ${plain(a.name, 40)}` }) }]
      : [])];
}

export async function accounts(ctx) {
  const { accounts: all } = await get('accounts', {}, ctx.signal);
  const cols = columns(ctx);
  return [h('div', { class: 'title' }, h('h1', null, 'Accounts'), ctx.me.admin &&
    button('New account', () => create(ctx.again), { class: 'primary' })),
  panel('Teams', { tools: csvButton('accounts.csv', cols, () => all) },
    table({ caption: 'Accounts', columns: cols, rows: all,
      empty: 'There is no account yet.' }))];
}
