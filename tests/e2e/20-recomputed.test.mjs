// SPDX-License-Identifier: MIT
// What the program says each recorded usage costs, computed once more from
// tokens and price alone, by whole numbers and by nobody's code but this.

import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const PROGRAM = `${process.env.BUILD ?? 'build'}/tests/test_fixtures`;
const FIXTURES = process.env.SLUICE_FIXTURES ?? '../shared/fixtures';

// A decimal times 10^places, exactly.
function scaled(text, places) {
  const [whole, part = ''] = text.split('.');
  assert.ok(part.length <= places, `${text} has too many places`);
  return BigInt(whole + part.padEnd(places, '0'));
}

// Whose price a bucket has that has none of its own.
const KIN = {
  cache_read: 'input', cache_write: 'input', cache_write_5m: 'cache_write',
  cache_write_30m: 'cache_write', cache_write_1h: 'cache_write',
  cache_write_12h: 'cache_write', reasoning: 'output', audio_in: 'input',
  audio_out: 'output', image_in: 'input', image_out: 'output',
};
const INPUTS = ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h',
  'cache_write_30m', 'cache_write_12h', 'audio_in', 'image_in'];
const OUTPUTS = ['output', 'reasoning', 'audio_out', 'image_out'];

const priceOf = (table, bucket) =>
  table[bucket] ?? priceOf(table, KIN[bucket]);

// Picodollars: a price of USD 1 for a million tokens is 10^6 of them each.
function cost(row) {
  const input = INPUTS.reduce((n, b) => n + row[b], 0);
  const tier = (row.price.tiers ?? []).filter((t) => input > t.above).at(-1);
  const table = { ...row.price, ...tier };
  const tokens = [...INPUTS, ...OUTPUTS].reduce((sum, b) =>
    sum + BigInt(row[b]) * scaled(priceOf(table, b), 6), 0n);
  const search = row.price.units?.web_search ?? '0';
  return tokens + BigInt(row.web_search) * scaled(search, 12);
}

test('costs of all recorded usages, to the picodollar', (t) => {
  if (!fs.existsSync(`${FIXTURES}/index.jsonl`) || !fs.existsSync(PROGRAM))
    return t.skip('no recorded traffic here');
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-costs-'));
  const file = `${dir}/costs.jsonl`;
  execFileSync(PROGRAM, { stdio: 'pipe',
    env: { ...process.env, SLUICE_COSTS: file } });
  const rows = fs.readFileSync(file, 'utf8').trim().split('\n')
    .map((line) => JSON.parse(line));
  fs.rmSync(dir, { recursive: true });
  assert.ok(rows.length > 300, `${rows.length} usages`);
  for (const row of rows)
    assert.equal(row.pusd, String(cost(row)), row.dir);
  t.diagnostic(`${rows.length} usages, USD ` +
    `${Number(rows.reduce((n, r) => n + BigInt(r.pusd), 0n)) / 1e12} in all`);
});
