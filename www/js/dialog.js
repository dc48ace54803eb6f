// SPDX-License-Identifier: MIT
// What is asked, and what is told once, in a dialog of its own.

import { h, button } from './dom.js';

let ids = 0;

function open(dialog, opener = document.activeElement) {
  document.body.append(dialog);
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (opener?.isConnected)
      opener.focus();
  });
  dialog.showModal();
  return dialog;
}

const shell = (title, ...content) => {
  const id = `dialog-${++ids}`;
  return h('dialog', { 'aria-labelledby': id }, h('h2', { id }, title),
    content);
};

// A field: { name, label, type, value, options, hint, ...attributes }
function control(f, id) {
  const { name, label, type = 'text', value, options, hint, wide,
    ...more } = f;
  const rest = { id, name, 'aria-describedby': hint && `${id}-hint`,
    spellcheck: 'false', autocomplete: 'off', ...more };
  if (type === 'select') {
    const s = h('select', rest, options.map(([v, text]) =>
      h('option', { value: v }, text)));
    s.value = value ?? options[0][0];
    return s;
  }
  return h('input', { ...rest, type, value: value ?? '' });
}

function field(f) {
  const id = `field-${++ids}`;
  if (f.type === 'checkbox')
    return h('div', { class: 'field check all' }, h('label', null,
      h('input', { type: 'checkbox', name: f.name, checked: f.value }), ' ',
      f.label), f.hint && h('p', { class: 'note' }, f.hint));
  return h('div', { class: f.wide ? 'field all' : 'field' }, h('label', { for: id }, f.label),
    control(f, id),
    f.hint && h('p', { class: 'note', id: `${id}-hint` }, f.hint));
}

function values(form, fields) {
  return Object.fromEntries(fields.map((f) => {
    const c = form.elements[f.name];
    return [f.name, f.type === 'checkbox' ? c.checked : c.value.trim()];
  }));
}

// ask({ title, text, fields, action, danger, run, also }): run(values) does it;
// what goes wrong is said in the dialog, which then stays.  also: what else
// one may come to do, { label: function }.
export function ask({ title, text, fields = [], action, danger, run,
  also = {} }) {
  const error = h('p', { class: 'error', role: 'alert' });
  const yes = h('button', { class: danger ? 'danger' : 'primary' }, action);
  const form = h('form', { method: 'dialog', on: { submit: async (e) => {
    e.preventDefault();
    yes.disabled = true;
    error.textContent = '';
    try {
      await run(values(form, fields));
      dialog.close();
    } catch (problem) {
      error.textContent = problem.message;
    } finally {
      yes.disabled = false;
    }
  } } }, text && h('p', null, text),
    h('div', { class: 'fields' }, fields.map(field)), error,
  h('div', { class: 'row' }, yes, button('Cancel', () => dialog.close(),
    { class: 'quiet' }), h('span', { class: 'also' }, Object.entries(also).map(
    ([label, other]) => button(label, () => {
      dialog.close();
      other();
    }, { class: 'quiet' })))));
  const dialog = open(shell(title, form));
}

// secret({ title, text, value }): shown once, to be copied.
export function secret({ title, text, value }) {
  const output = h('output', { class: 'secret' }, h('code', null, value));
  const copy = button('Copy', async () => {
    await navigator.clipboard.writeText(value);
    copy.textContent = 'Copied';
  }, { class: 'primary' });
  const dialog = open(shell(title, h('p', null, text), output,
    h('div', { class: 'row' }, navigator.clipboard && copy,
      button('Done', () => dialog.close(), { class: 'quiet' }))));
}

// tell({ title }, ...content): to be read, and closed again.
export function tell({ title }, ...content) {
  const dialog = open(shell(title, content, h('div', { class: 'row' },
    button('Close', () => dialog.close(), { class: 'primary' }))));
  dialog.classList.add('wider');
  return dialog;
}

// Numbers and lists of a form as the API takes them; nothing is null.
export const numberOrNull = (s) => s === '' ? null : Number(s);
export const textOrNull = (s) => s === '' ? null : s;
export function listOrNull(s) {
  const all = s.split(/[\s,]+/).filter(Boolean);
  return all.length ? all : null;
}
