// SPDX-License-Identifier: MIT
// Gateway keys: who has one, what it may do, and new ones.

import { h, button, name, plain } from './dom.js';
import { get, patch, path, post, remove } from './api.js';
import { count, dateOf } from './format.js';
import { badge } from './outcome.js';
import { csvButton, panel, table } from './table.js';
import { ask, listOrNull, numberOrNull, secret, textOrNull } from './dialog.js';
import { changes } from './changes.js';

const STATE = { valid: 'good', admin: 'good', revoked: 'idle',
  expired: 'warn' };
const CACHE = [['', 'as configured'], ['off', 'off'], ['on', 'on']];
const PERIODS = [['month', 'a month'], ['week', 'a week'], ['day', 'a day'],
  ['total', 'in all']];
const limit = (name, label, value) => ({ name, label, type: 'number', min: 1,
  value, hint: 'Nothing: no limit.' });

const FIELDS = (k) => [
  { name: 'name', label: 'Name', required: true, value: k?.name, dir: 'auto' },
  { name: 'owner', label: 'Owner', value: k?.owner, dir: 'auto' },
  { name: 'expires_at', label: 'Expires', type: 'date',
    value: k?.expires_at?.slice(0, 10), hint: 'At the beginning of the day, ' +
      'UTC. Nothing: never.' },
  { name: 'models', label: 'Models', value: k?.models?.join(', '), wide: true,
    hint: 'Names or patterns such as openai/*, with commas. Nothing: all.' },
  limit('rpm', 'Requests a minute', k?.rpm),
  limit('tpm', 'Tokens a minute', k?.tpm),
  limit('parallel', 'At a time', k?.parallel),
  { name: 'cache', label: 'Cache by default',
    type: 'select', options: CACHE, value: k?.cache ?? '' },
  { name: 'may_route', label: 'May send routes of its own', type: 'checkbox',
    value: k?.may_route },
  { name: 'admin', label: 'Admin: sees and changes everything',
    type: 'checkbox', value: k?.admin }];
const MORE = [
  { name: 'account', label: 'Account', dir: 'auto' },
  { name: 'usd', label: 'Budget, USD', inputmode: 'decimal',
    pattern: '[0-9]+(\\.[0-9]+)?', hint: 'Nothing: no budget of its own.' },
  { name: 'per', label: 'Budget per', type: 'select', options: PERIODS }];

const body = (v) => ({ name: v.name, owner: textOrNull(v.owner),
  expires_at: v.expires_at ? `${v.expires_at}T00:00:00Z` : null,
  models: listOrNull(v.models), rpm: numberOrNull(v.rpm), tpm: numberOrNull(v.tpm),
  parallel: numberOrNull(v.parallel), cache: textOrNull(v.cache), may_route: v.may_route,
  admin: v.admin });

// What is not said is left out: the API's own default holds.
const said = (o) => Object.fromEntries(Object.entries(o).filter(([, v]) =>
  v !== null && v !== false));

const show = (k, title) => secret({ title, value: k.key, text:
  'This is the only time that it is shown. Copy it to where it is needed.' });

function create(again) {
  ask({ title: 'New key', action: 'Create', fields: [FIELDS()[0], ...MORE,
    ...FIELDS().slice(1)], run: async (v) => {
    const k = await post('keys', said({ ...body(v),
      account: textOrNull(v.account),
      budget: v.usd === '' ? null : { usd: v.usd, per: v.per } }));
    again();
    show(k, 'The new key');
  } });
}

function edit(k, again) {
  const before = body({ ...k, expires_at: k.expires_at?.slice(0, 10) ?? '',
    owner: k.owner ?? '', models: (k.models ?? []).join(','), rpm: k.rpm ?? '',
    tpm: k.tpm ?? '', parallel: k.parallel ?? '', cache: k.cache ?? '' });
  ask({ title: 'Change the key', action: 'Save', fields: FIELDS(k),
    also: { 'Rotate …': () => rotate(k, again),
      'Revoke …': () => revoke(k, again) }, run: async (v) => {
      const after = Object.entries(body(v)).filter(([f, x]) =>
        JSON.stringify(x) !== JSON.stringify(before[f]));
      if (after.length)
        await patch(path('keys', k.id), Object.fromEntries(after));
      again();
    } });
}

function rotate(k, again) {
  ask({ title: 'Rotate the key?', action: 'Rotate', text: ['A new secret for ',
    name(k.name), '. The old one goes on for as long as you say.'],
  fields: [{ name: 'hours', label: 'Hours of grace', type: 'number', min: 0,
    value: 24 }], run: async (v) => {
    const fresh = await post(path('keys', k.id, 'rotate'),
      { grace_s: Math.round(3600 * Number(v.hours)) });
    again();
    show(fresh, 'The new secret');
  } });
}

function revoke(k, again) {
  ask({ title: 'Revoke the key?', danger: true, action: 'Revoke',
    text: ['Calls with ', name(k.name), ' are refused from now on. There is ' +
      'no way back.'], run: async () => {
      await remove(path('keys', k.id));
      again();
    } });
}

const limits = (k) => [k.rpm && `${count(k.rpm)} rpm`,
  k.tpm && `${count(k.tpm)} tpm`, k.parallel && `${count(k.parallel)} at a time`,
  k.cache === 'on' && 'cache', k.may_route && 'routes']
  .filter(Boolean).join(', ') || h('span', { class: 'none' }, '–');

function columns(ctx) {
  const same = (label, field, more) => ({ label, field, csv: (k) => k[field],
    ...more });
  const act = (k) => k.state !== 'revoked' && button('Change',
    () => edit(k, ctx.again), { class: 'quiet', 'aria-label':
      `Change ${plain(k.name, 40)}` });
  return [
    same('Name', 'name', { class: 'wraps', cell: (k) => h('a', { class: 'dim',
      href: ctx.link('requests', { key: k.id, range: '30d' }) },
    name(k.name)) }),
    same('State', 'state', { cell: (k) => badge(k.state, STATE[k.state]) }),
    same('Id', 'id', { wide: true, cell: (k) => h('code', null, k.id) }),
    same('Account', 'account', { wide: true, class: 'wraps',
      cell: (k) => name(k.account) }),
    same('Owner', 'owner', { wide: true, class: 'wraps',
      cell: (k) => name(k.owner) }),
    { label: 'Models', field: 'models', wide: true, class: 'wraps',
      cell: (k) => k.models ? name(k.models.join(', '))
        : h('span', { class: 'none' }, 'all'), csv: (k) => k.models?.join(' ') },
    { label: 'Limits', field: 'limits', wide: true, cell: limits,
      csv: (k) => [k.rpm, k.tpm, k.parallel].join('/') },
    same('Created', 'created_at', { wide: true,
      cell: (k) => dateOf(k.created_at) }),
    same('Expires', 'expires_at', { cell: (k) => k.expires_at
      ? dateOf(k.expires_at) : h('span', { class: 'none' }, 'never') }),
    ...(ctx.me.admin ? [{ label: '', class: 'acts', cell: act,
      csv: null }] : [])];
}

export async function keys(ctx) {
  const [{ keys: all }, log] = await Promise.all([get('keys', {}, ctx.signal),
    ctx.me.admin && changes(ctx)]);
  const gone = (k) => k.state === 'revoked' || k.state === 'expired';
  all.sort((a, b) => gone(a) - gone(b) || (a.name < b.name ? -1 : 1));
  const cols = columns(ctx);
  return [h('div', { class: 'title' }, h('h1', null, 'Keys'), ctx.me.admin &&
    button('New key', () => create(ctx.again), { class: 'primary' })),
  panel(`${count(all.length)} keys`, { tools: csvButton('keys.csv', cols,
    () => all) }, table({ caption: 'Keys', columns: cols, rows: all,
    empty: 'There is no key yet.' })), log];
}
