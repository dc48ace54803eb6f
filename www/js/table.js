// SPDX-License-Identifier: MIT
// Every table of the page: columns are data, and what is shown can be saved.

import { h, button } from './dom.js';
import { csv, save } from './csv.js';

// A column: { label, cell(row), csv(row), num, wide }; csv: null keeps it out
// of files, `wide` only where there is room.
const kind = (c) => [c.num && 'num', c.wide && 'wide', c.class]
  .filter(Boolean).join(' ') || null;

export const line = (columns, row) => h('tr', null, columns.map((c, i) =>
  h(i === 0 && !c.plain ? 'th' : 'td', { class: kind(c),
    scope: i === 0 && !c.plain && 'row' }, c.cell(row))));

export function saveCsv(file, columns, rows) {
  const kept = columns.filter((c) => c.csv !== null);
  save(file, csv(kept.map((c) => c.field ?? c.label),
    rows.map((r) => kept.map((c) => c.csv(r)))));
}

export const csvButton = (file, columns, rows) => button('CSV',
  () => saveCsv(file, columns, rows()), { class: 'quiet csv',
    'aria-label': `Save ${file}` });

// table({ caption, columns, rows, empty, class }): in a region of its own that
// scrolls sideways where it must.
export function table(o) {
  if (o.rows.length === 0)
    return h('p', { class: 'empty' }, o.empty ?? 'Nothing in this time.');
  return h('div', { class: `scroll ${o.class ?? ''}`, tabindex: 0,
    role: 'region', 'aria-label': o.caption },
  h('table', null, h('caption', { class: 'unseen' }, o.caption),
    h('thead', null, h('tr', null, o.columns.map((c) =>
      h('th', { scope: 'col', class: kind(c) },
        c.label || h('span', { class: 'unseen' }, c.hidden ?? 'Actions'))))),
    h('tbody', null, o.rows.map((r) => line(o.columns, r)))));
}

// panel(title, { tools, note }, ...content): a part of a view.
export function panel(title, { tools, note } = {}, ...content) {
  return h('section', { class: 'panel' },
    h('div', { class: 'head' }, h('h2', null, title),
      note && h('p', { class: 'note' }, note),
      tools && h('div', { class: 'tools' }, tools)),
    content);
}
