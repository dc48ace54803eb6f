// SPDX-License-Identifier: MIT
// How a call, or an attempt, has ended: a word, and a colour beside it.

import { h, plain } from './dom.js';

const KIND = { ok: 'good', won: 'good', error: 'bad', failed: 'bad',
  refused: 'warn', cancelled: 'warn', lost: 'warn', unknown: 'warn',
  open: 'idle', closed: 'good', 'half-open': 'warn' };

export const badge = (word, kind = KIND[word] ?? 'idle', more) =>
  h('span', { class: `badge ${kind}` }, plain(word, 24), more);

// outcome(row): its word, and why where it is none of the good ones.
export function outcome(row) {
  if (row.cache === 'hit')
    return badge('cached', 'good');
  const why = row.error && plain(row.error, 32);
  return [badge(row.outcome), why && h('span', { class: 'why' }, ` ${why}`)];
}
