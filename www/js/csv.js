// SPDX-License-Identifier: MIT
// Tables as files: RFC 4180, UTF-8, and no text that a spreadsheet would run.

const FORMULA = /^[\s]*[=+\-@|]|^[\t\r]/;
const NUMBER = /^-?\d+(\.\d+)?$/;

function field(value) {
  let s = value === null || value === undefined ? '' : String(value);
  if (FORMULA.test(s) && !NUMBER.test(s))
    s = `'${s}`;
  return /[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s;
}

export const csv = (head, rows) =>
  [head, ...rows].map((r) => `${r.map(field).join(',')}\r\n`).join('');

// save(file, text): hand it to the viewer as a download.
export function save(file, text) {
  const url = URL.createObjectURL(new Blob(['\ufeff', text],
    { type: 'text/csv;charset=utf-8' }));
  const a = document.createElement('a');
  a.href = url;
  a.download = file;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
