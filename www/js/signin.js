// SPDX-License-Identifier: MIT
// The door: a key, or none where the gateway wants none.

import { h } from './dom.js';
import { get, key } from './api.js';

const here = new URL('..', import.meta.url).href.replace(/\/$/, '');

const clients = () => h('dl', { class: 'clients' },
  h('dt', null, 'OpenAI clients'),
  h('dd', null, h('code', null, `${here}/v1`)),
  h('dt', null, 'Anthropic clients'), h('dd', null, h('code', null, here)));

// signIn(main, enter, why): show the form; enter(me) once a key is good.
export function signIn(main, enter, why) {
  const input = h('input', { type: 'password', id: 'key', required: true,
    autocomplete: 'off', spellcheck: 'false', placeholder: 'sk-sl-…',
    'aria-describedby': 'key-note' });
  const error = h('p', { class: 'error', role: 'alert' }, why ?? '');
  const attempt = async (text) => {
    if (text)
      key.set(text);
    error.textContent = '';
    try {
      enter(await get('me'));
    } catch (e) {
      key.forget();
      error.textContent = e.status === 401 && !text
        ? 'This gateway wants a key.' : e.message;
      input.focus();
    }
  };
  const form = h('form', { class: 'door', on: { submit: (e) => {
    e.preventDefault();
    attempt(input.value.trim());
  } } },
  h('img', { src: 'sluice.svg', alt: '', width: 44, height: 44 }),
  h('h1', null, 'sluice'),
  h('p', { class: 'lead' }, 'What your calls cost, and where it went.'),
  h('label', { for: 'key' }, 'Gateway key'), input,
  h('p', { class: 'note', id: 'key-note' },
    'It stays in this tab, and is forgotten with it.'),
  error,
  h('div', { class: 'row' }, h('button', { class: 'primary' }, 'Sign in'),
    h('button', { type: 'button', class: 'quiet',
      on: { click: () => attempt('') } }, 'Go on without a key')),
  h('h2', null, 'Point a client at this gateway'), clients(),
  h('p', { class: 'note' }, 'Keys come from the operator: ',
    h('code', null, 'sluice key create --name NAME'), '. ',
    h('a', { href: 'healthz' }, 'Is it well?')));
  main.replaceChildren(form);
  input.focus();
}
