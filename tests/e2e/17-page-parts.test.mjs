// SPDX-License-Identifier: MIT
// Parts of the page that need no browser: amounts, names, files, forecasts.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { exact, pusd, short } from '../../www/js/money.js';
import { csv } from '../../www/js/csv.js';
import { plain } from '../../www/js/dom.js';
import { lookAhead } from '../../www/js/outlook.js';
import { ms, share } from '../../www/js/format.js';
import { range, starts } from '../../www/js/range.js';

describe('an amount', () => {
  for (const [usd, brief, all] of [
    ['0', '$0', '$0'],
    ['0.000000000001', '<$0.00001', '$0.000000000001'],
    ['0.0000123456', '$0.000012', '$0.0000123456'],
    ['0.00764265', '$0.0076', '$0.00764265'],
    ['0.05', '$0.050', '$0.05'],
    ['0.996', '$1.00', '$0.996'],
    ['12.345', '$12.35', '$12.345'],
    ['999.994', '$999.99', '$999.994'],
    ['1234567.5', '$1,234,568', '$1,234,567.5'],
    ['9223372.036854775807', '$9,223,372', '$9,223,372.036854775807'],
    ['-1.5', '−$1.50', '−$1.5'],
    [null, '–', 'not known'],
    ['1e3', '–', 'not known'],
  ])
    test(`${usd} is ${brief}`, () => {
      assert.equal(short(pusd(usd)), brief);
      assert.equal(exact(pusd(usd)), all);
    });
});

test('a name can neither turn, hide nor flood what is around it', () => {
  assert.equal(plain('a\u202eb\u0000c\u200bd'), 'a⟨202E⟩b⟨0000⟩c⟨200B⟩d');
  assert.equal(plain('x\ny\tz'), 'x y z');
  assert.equal(plain('W'.repeat(10_000)).length, 80);
  assert.equal(plain('😀'.repeat(90), 10), `${'😀'.repeat(9)}…`);
  assert.equal(plain('שלום <b>'), 'שלום <b>');
});

test('a file is RFC 4180, and no text in it is a formula', () => {
  assert.equal(csv(['a', 'b,c'], [['"x"', 'y\nz'], [null, -1.5],
    ['=1+1', '@x'], ['-2+3', '+49'], ['\t=x', '-0.5']]),
  'a,"b,c"\r\n"""x""","y\nz"\r\n,-1.5\r\n\'=1+1,\'@x\r\n' +
  '\'-2+3,\'+49\r\n\'\t=x,-0.5\r\n');
});

describe('the forecast', () => {
  const day = (text) => Date.parse(`${text}T00:00:00Z`);
  const usd = (n) => BigInt(n) * 10n ** 12n;
  const look = (days, now) => lookAhead(new Map(Object.entries(days).map(
    ([d, n]) => [day(d), usd(n)])), Date.parse(now));

  test('is what is spent and the mean for each day that is left', () => {
    const o = look({ '2026-06-03': 7, '2026-06-24': 4, '2026-06-25': 4,
      '2026-06-26': 4, '2026-06-27': 4, '2026-06-28': 4, '2026-06-29': 4,
      '2026-06-30': 4, '2026-07-01': 1 }, '2026-07-01T12:00:00Z');
    assert.equal(o.today, usd(1));
    assert.equal(o.yesterday, usd(4));
    assert.equal(o.last, usd(35));
    assert.equal(o.lastToDate, 0n);
    // today is as good as any day until it is over
    assert.equal(o.forecast, usd(31 * 4));
  });

  test('needs a whole day, and knows February', () => {
    assert.equal(look({ '2026-02-01': 5 }, '2026-02-01T01:00:00Z').forecast,
      null);
    const o = look({ '2026-01-31': 9, '2026-02-27': 2, '2026-02-28': 3 },
      '2026-02-28T23:59:59Z');
    assert.equal(o.month, usd(5));
    assert.equal(o.forecast, usd(5));
    // a shorter month never meets the end of the longer one before it
    assert.equal(o.lastToDate, 0n);
  });

  test('says nothing of an empty ledger but zero', () => {
    const o = look({}, '2026-07-15T00:00:00Z');
    assert.deepEqual([o.today, o.month, o.last, o.forecast], [0n, 0n, 0n, null]);
  });
});

test('shares and times have the figures they can have', () => {
  assert.deepEqual([[0, 5], [1, 3], [1, 30], [1, 5000], [0, 0]].map(
    ([a, b]) => share(a, b)), ['0 %', '33 %', '3.3 %', '<0.1 %', '–']);
  assert.deepEqual([null, 0, 999, 1000, 12345, 90000].map(ms),
    ['–', '0 ms', '999 ms', '1.0 s', '12 s', '1.5 min']);
});

test('bars begin with their days, and with the first of their months', () => {
  const bars = (params) => starts(range(new URLSearchParams({ range: 'own',
    ...params }))).map((t) => new Date(t).toISOString().slice(0, 10));
  assert.deepEqual(bars({ from: '2026-02-27', to: '2026-03-01' }),
    ['2026-02-27', '2026-02-28', '2026-03-01']);
  assert.deepEqual(bars({ from: '2025-12-31', to: '2026-05-10' }),
    ['2025-12-01', '2026-01-01', '2026-02-01', '2026-03-01', '2026-04-01',
      '2026-05-01']);
});

test('a time that is none of ours is the usual one', () => {
  for (const name of ['toString', 'own', '', '7'])
    assert.equal(range(new URLSearchParams({ range: name })).name, '30d');
});
