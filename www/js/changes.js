// SPDX-License-Identifier: MIT
// Who has changed what: the end of the audit log, for admins.

import { h, name } from './dom.js';
import { get } from './api.js';
import { time } from './format.js';
import { csvButton, panel, table } from './table.js';
import { keyNames } from './names.js';

const MOST = 20;

export async function changes(ctx) {
  const [names, { entries }] = await Promise.all([keyNames(ctx),
    get('audit', { limit: MOST }, ctx.signal)]);
  const said = (e) => e.change === null || e.change === undefined ? null
    : typeof e.change === 'string' ? e.change : JSON.stringify(e.change);
  const columns = [
    { label: 'Time', cell: (e) => time(e.at), csv: (e) => e.at },
    { label: 'By', class: 'wraps', cell: (e) => name(e.key && names(e.key)),
      csv: (e) => e.key },
    { label: 'What', cell: (e) => name(e.action), csv: (e) => e.action },
    { label: 'Of', class: 'wraps', cell: (e) => name(e.target),
      csv: (e) => e.target },
    { label: 'Change', wide: true, class: 'wraps',
      cell: (e) => h('code', null, name(said(e))), csv: said },
    { label: 'From', wide: true, cell: (e) => name(e.remote),
      csv: (e) => e.remote },
    { label: 'Status', num: true, cell: (e) => String(e.status ?? '–'),
      csv: (e) => e.status }];
  return panel('Last changes', { tools: csvButton('changes.csv', columns,
    () => entries) }, table({ caption: 'Last changes', columns, rows: entries,
    empty: 'Nothing has been changed yet.' }));
}
