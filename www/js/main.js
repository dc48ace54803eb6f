// SPDX-License-Identifier: MIT
// Who looks (a key, or nobody where none is required), and which view.  The
// address has all of it: #/VIEW?PARAMETERS, call=ID opens the drawer.

import { h, byId, notice, plain } from './dom.js';
import { get, key } from './api.js';
import { showExact } from './money.js';
import { sweep } from './figure.js';
import { signIn } from './signin.js';
import { closeCall, openCall } from './call.js';
import { spend } from './spend.js';
import { requests } from './requests.js';
import { targets } from './targets.js';
import { budgets } from './budgets.js';
import { keys } from './keys.js';
import { accounts } from './accounts.js';
import { experiments } from './fit.js';
import { keyNames } from './names.js';

// path: [label, view]
const VIEWS = {
  spend: ['Spend', spend],
  requests: ['Requests', requests],
  targets: ['Targets', targets],
  budgets: ['Budgets', budgets],
  keys: ['Keys', keys],
  accounts: ['Accounts', accounts],
  experiments: ['Experiments', experiments],
};

let me = null;
let shown = null;                       // address of the view on the page
let running = null;                     // what its requests hang on

function address() {
  const [, view, query] = /^#\/(\w+)(?:\?(.*))?$/.exec(location.hash) ?? [];
  const params = new URLSearchParams(query);
  const call = params.get('call');
  params.delete('call');
  return { view: Object.hasOwn(VIEWS, view ?? '') ? view : 'spend', params,
    call };
}

// link(view, parameters): what leads there.
const link = (view, params) => {
  const p = new URLSearchParams(params);
  return `#/${view}${p.size ? `?${p}` : ''}`;
};

// go({ name: value }): the same view with these parameters changed.
function go(changes) {
  const { view, params } = address();
  for (const [k, v] of Object.entries(changes))
    if (v === null || v === '')
      params.delete(k);
    else
      params.set(k, v);
  location.hash = link(view, params);
}

function mark(view) {
  for (const a of byId('nav').children)
    if (a.dataset.view === view)
      a.setAttribute('aria-current', 'page');
    else
      a.removeAttribute('aria-current');
  document.title = `${VIEWS[view][0]} · sluice`;
}

async function render({ view, params }, moved) {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const main = byId('main');
  main.setAttribute('aria-busy', 'true');
  mark(view);
  try {
    const page = await VIEWS[view][1]({ params, me, go, link, signal,
      again: () => render(address(), false) });
    if (signal.aborted)
      return;
    main.replaceChildren(...page.filter(Boolean));
    sweep();
    if (moved)
      main.focus({ preventScroll: true });
  } catch (e) {
    if (!signal.aborted)
      fail(e, view);
  } finally {
    if (!signal.aborted)
      main.removeAttribute('aria-busy');
  }
}

function fail(e, view) {
  if (e.status === 401)
    return leave(`Signed out: ${e.message}`);
  byId('main').replaceChildren(h('h1', null, VIEWS[view][0]),
    h('p', { class: 'error', role: 'alert' }, e.message),
    h('button', { type: 'button', on: {
      click: () => render(address(), false) } }, 'Try again'));
}

function arrive() {
  if (!me)
    return;
  const to = address();
  const where = link(to.view, to.params);
  if (where !== shown) {
    const moved = shown !== null && !shown.startsWith(`#/${to.view}`);
    shown = where;
    render(to, moved);
  }
  if (to.call)
    openCall(to.call, { link, close: () => go({}),
      names: () => keyNames({}) });
  else
    closeCall();
}

function enter(who) {
  me = who;
  byId('nav').replaceChildren(...Object.entries(VIEWS).map(([path, [label]]) =>
    h('a', { href: `#/${path}`, 'data-view': path }, label)));
  byId('who').textContent = plain(me.key?.name ??
    (key.get() ? 'admin' : 'no key needed'), 30);
  byId('leave').hidden = !key.get();
  byId('bar').hidden = false;
  shown = null;
  arrive();
}

function leave(why) {
  running?.abort();
  key.forget();
  me = null;
  closeCall();
  byId('bar').hidden = true;
  document.title = 'sluice';
  byId('main').removeAttribute('aria-busy');
  signIn(byId('main'), enter, why);
}

async function start() {
  window.addEventListener('hashchange', arrive);
  byId('leave').addEventListener('click', () => leave());
  byId('exact').addEventListener('change', (e) => showExact(e.target.checked));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change',
    () => me && render(address(), false));
  if (!key.get())
    return leave();
  try {
    enter(await get('me'));
  } catch (e) {
    leave(e.status === 401 ? 'That key is not valid any more.' : e.message);
  }
}

start().catch((e) => notice(e.message, 'error'));
