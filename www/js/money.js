// SPDX-License-Identifier: MIT
// Dollars as the ledger has them: decimal strings, exact to the picodollar.
// Sums are integers; what is shown is rounded, the exact amount is beside it.

import { h } from './dom.js';

const DIGITS = 12;
const ONE = 10n ** BigInt(DIGITS);

// pusd('1.25'): picodollars as BigInt, null for null.
export function pusd(text) {
  if (text === null || text === undefined)
    return null;
  const [, sign, whole, part = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined)
    return null;
  const n = BigInt(whole + part.padEnd(DIGITS, '0').slice(0, DIGITS));
  return sign ? -n : n;
}

export const sum = (amounts) => amounts.reduce((n, a) => n + (a ?? 0n), 0n);

const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

// exact(p): every digit there is.
export function exact(p) {
  if (p === null)
    return 'not known';
  const a = p < 0n ? -p : p;
  const part = String(a % ONE).padStart(DIGITS, '0').replace(/0+$/, '');
  return `${p < 0n ? '−' : ''}$${grouped(a / ONE)}${part && `.${part}`}`;
}

function rounded(a, places) {
  const unit = 10n ** BigInt(DIGITS - places);
  const n = (a + unit / 2n) / unit;
  const scale = 10n ** BigInt(places);
  return `$${grouped(n / scale)}` +
    (places ? `.${String(n % scale).padStart(places, '0')}` : '');
}

// short(p): what can be read at a glance: whole dollars from a thousand, cents
// from one, below that two figures.
export function short(p) {
  if (p === null)
    return '–';
  const a = p < 0n ? -p : p;
  const sign = p < 0n ? '−' : '';
  if (a === 0n)
    return '$0';
  if (a < ONE / 100000n)
    return `${sign}<$0.00001`;
  if (a >= 1000n * ONE)
    return sign + rounded(a, 0);
  if (a >= ONE / 10n)
    return sign + rounded(a, 2);
  return sign + rounded(a, DIGITS - String(a).length + 2);
}

// money(text or picodollars): an amount on the page.
let all = false;
export function money(value, props) {
  const p = typeof value === 'bigint' ? value : pusd(value);
  const e = h('span', { class: 'money', title: exact(p), 'data-exact': exact(p),
    'data-short': short(p), ...props });
  e.textContent = all ? exact(p) : short(p);
  return e;
}

// showExact(on): exact or rounded amounts all over the page, from now on.
export function showExact(on) {
  all = on;
  for (const e of document.querySelectorAll('.money'))
    e.textContent = on ? e.dataset.exact : e.dataset.short;
}

// For drawing only.
export const dollars = (p) => Number(p) / Number(ONE);
