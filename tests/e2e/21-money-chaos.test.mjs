// SPDX-License-Identifier: MIT
// Chaos with everything about money on: a team with its own credential, keys
// with budgets, responders killed and stopped at random.  What a client saw
// finished costs what the upstream says it does, to the picodollar; budgets
// say what the rows add up to; nothing stays reserved.  For 8 s, or
// $SLUICE_CRASH_S.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { oneCall } from './lib/chaos.mjs';
import { pusd } from './lib/ledger.mjs';
import { startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const SECONDS = Number(process.env.SLUICE_CRASH_S ?? 8);
const CLIENTS = 16;
const PROCS = 4;
const KEYS = 3;
const IN = 1_250_000n, OUT = 10_000_001n;  // pUSD a token

const upstream = await startUpstream();
const usd = (pusd) => `${pusd / 10n ** 6n}.${String(pusd % 10n ** 6n)
  .padStart(6, '0')}`;                  // a million tokens
const PRICE = { price: { input: usd(IN), output: usd(OUT) } };
const MODELS = { 'openai/gpt-tally': PRICE, 'anthropic/claude-tally': PRICE };
const sluice = await startSluice({ upstream, procs: PROCS, conf: {
  models: MODELS } });
after(async () => {
  await sluice.stop();
  upstream.stop();
});

// The upstream's own book: what the answer to each prompt was billed at.
const bill = new Map();
const promptOf = (body) => JSON.stringify(body).match(/call (\d+)!/)[1];
for (const model of ['gpt-tally', 'claude-tally'])
  upstream.on(model, async (call) => {
    const n = Number(promptOf(call.body));
    const usage = { input: 10 + n % 7, output: 1 + n % 90 };
    bill.set(n, BigInt(usage.input) * IN + BigInt(usage.output) * OUT);
    await sleep(Math.random() * 40);
    await call.answer({ text: 'so many words '.repeat(3), usage },
      { gapMs: 3 });
  });

const KINDS = ['/v1/chat/completions', '/v1/messages'].flatMap((path) =>
  Object.keys(MODELS).flatMap((model) =>
    [true, false].map((stream) => ({ path, model, stream }))));

const seen = [];
const keys = [];

// One at a time; every third is only stopped for a while.
async function executioner(state) {
  while (!state.over) {
    await sleep(200 + Math.random() * 800);
    const pids = sluice.pids();
    if (!pids.length)
      continue;
    const pid = pids[Math.floor(Math.random() * pids.length)];
    try {
      if (state.killed % 3 === 2) {
        process.kill(pid, 'SIGSTOP');
        await sleep(500);
        process.kill(pid, 'SIGCONT');
      } else {
        process.kill(pid, 'SIGKILL');
      }
      state.killed++;
    } catch { /* it had gone itself */ }
  }
}

test(`${SECONDS} s of ${CLIENTS} clients, a team and its budgets`,
  { timeout: SECONDS * 1000 + 120_000 }, async (t) => {
    await sluice.cli(['account', 'create', 'team', '--allow-shared', 'no']);
    const secret = `${sluice.dir}/secret`;
    fs.writeFileSync(secret, 'sk-of-team-5c0ffee5');
    for (const provider of ['openai', 'anthropic'])
      await sluice.cli(['account', 'set', 'team', provider, '--key',
        `file:${secret}`]);
    await sluice.cli(['budget', 'set', 'account', 'team', '--usd', '1000000',
      '--per', 'month']);
    for (let i = 0; i < KEYS; i++)
      keys.push(JSON.parse(await sluice.cli(['key', 'create', '--name',
        `k${i}`, '--account', 'team', '--budget-usd', '100000', '--per',
        'total', '--json'])));
    const state = { over: false, killed: 0 };
    const death = executioner(state);
    const end = performance.now() + SECONDS * 1000;
    let next = 0;
    await Promise.all(Array.from({ length: CLIENTS }, async () => {
      while (performance.now() < end) {
        await oneCall(sluice, seen, next, { ...KINDS[next % KINDS.length],
          key: keys[next++ % KEYS].key });
        if (SECONDS > 30)               // the books must fit in here, too
          await sleep(100);
      }
    }));
    state.over = true;
    await death;
    const done = seen.filter((c) => c.finished);
    t.diagnostic(`${seen.length} calls, ${done.length} finished, ` +
      `${state.killed} killed or stopped`);
    assert.equal(seen.filter((c) => c.hung).length, 0, 'none hangs');
    assert.ok(state.killed >= 4 && done.length > seen.length / 3);
  });

test('each finished call is there once, at the price of the upstream',
  { timeout: 120_000 }, async (t) => {
    const rows = await until('no row open', async () => {
      const all = await sluice.ledger.rows();
      return all.every((r) => r.outcome !== 'open') && all;
    }, 60_000, 500);
    const byId = Map.groupBy(rows, (r) => r.id);
    for (const [id, list] of byId)
      assert.equal(list.length, 1, `${id} once`);
    let sum = 0n;
    for (const call of seen.filter((c) => c.finished)) {
      const row = byId.get(call.id)?.[0];
      assert.equal(row?.outcome, 'ok', call.id);
      assert.equal(pusd(row.cost_usd), bill.get(call.n), call.id);
      assert.equal(row.attempts[0].credential, 'team/1');
      sum += bill.get(call.n);
    }
    const unknown = rows.filter((r) => r.outcome === 'unknown');
    for (const r of unknown)
      assert.ok(pusd(r.cost_usd) > 0n, 'charged what it had reserved');
    t.diagnostic(`${rows.length} rows, ${unknown.length} unknown, finished ` +
      `calls cost ${sum} pUSD`);
  });

test('budgets say what the rows add up to, and nothing is reserved',
  async () => {
    const rows = await sluice.ledger.rows();
    const spent = (list) => list.reduce((n, r) => n + pusd(r.cost_usd), 0n);
    const show = async (...args) => JSON.parse(await sluice.cli(
      ['budget', 'show', ...args, '--json']))[0];
    for (const key of keys) {
      const b = await show('key', key.id);
      assert.equal(pusd(b.spent_usd),
        spent(rows.filter((r) => r.key === key.id)));
      assert.equal(b.reserved_usd, '0');
    }
    const b = await show('account', 'team');
    assert.equal(pusd(b.spent_usd), spent(rows));
    assert.equal(b.reserved_usd, '0');
    // By key, by model, in all: the same sum.
    for (const by of ['key', 'model', 'account']) {
      const s = JSON.parse(await sluice.cli(
        ['ledger', 'summary', '--by', by, '--json']));
      assert.equal(s.groups.reduce((n, g) => n + pusd(g.cost_usd), 0n),
        spent(rows), by);
      assert.ok(s.groups.every((g) => g.unpriced === 0), by);
    }
  });

test('the database verifies clean', async () => {
  assert.match(await sluice.cli(['verify']), /rows/);
});
