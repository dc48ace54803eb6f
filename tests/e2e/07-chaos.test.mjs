// SPDX-License-Identifier: MIT
// Processes die at will; what a client saw finished is in the ledger exactly
// once, nobody hangs, and the pool comes back.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { oneCall } from './lib/chaos.mjs';
import { startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const CALLS = 200;
const ABREAST = 16;
const KILL_EVERY_MS = 500;
const PROCS = 4;

const upstream = await startUpstream();
const sluice = await startSluice({ upstream, procs: PROCS });
after(async () => {
  await sluice.stop();
  upstream.stop();
});
for (const model of ['gpt-5-mini', 'claude-sonnet-4-5'])
  upstream.on(model, async (call) => {
    const answer = { text: 'these are twenty words or so '.repeat(4) };
    if (!call.body.stream)
      await new Promise((r) => setTimeout(r, 300));
    await call.answer(answer, { gapMs: 15 });
  });

const KINDS = [
  { path: '/v1/chat/completions', model: 'openai/gpt-5-mini' },
  { path: '/v1/messages', model: 'openai/gpt-5-mini' },
  { path: '/v1/chat/completions', model: 'anthropic/claude-sonnet-4-5' },
  { path: '/v1/messages', model: 'anthropic/claude-sonnet-4-5' },
].flatMap((k) => [{ ...k, stream: true }, { ...k, stream: false }]);

// One responder at a time, round the pool; the seed is the order of pids.
function executioner() {
  const killed = [];
  const timer = setInterval(() => {
    const pids = sluice.pids().sort((a, b) => a - b);
    if (!pids.length)
      return;
    const pid = pids[killed.length % pids.length];
    process.kill(pid, 'SIGKILL');
    killed.push(pid);
  }, KILL_EVERY_MS);
  return { killed, stop: () => clearInterval(timer) };
}

const seen = [];

test(`${CALLS} calls through ${PROCS} processes, one killed every ` +
  `${KILL_EVERY_MS} ms`, async (t) => {
  const death = executioner();
  let next = 0;
  await Promise.all(Array.from({ length: ABREAST }, async () => {
    while (next < CALLS)
      await oneCall(sluice, seen, next, KINDS[next++ % KINDS.length]);
  }));
  death.stop();
  const done = seen.filter((c) => c.finished);
  t.diagnostic(`${done.length} of ${CALLS} finished, ` +
    `${death.killed.length} responders killed`);
  assert.equal(seen.filter((c) => c.hung).length, 0, 'none hangs');
  assert.ok(death.killed.length >= 5, 'enough died');
  assert.ok(done.length > CALLS / 3, 'most calls are served');
});

test('the ledger has each finished call exactly once, as ok', async (t) => {
  const rows = await until('no row open', async () => {
    const all = await sluice.ledger.rows();
    return all.every((r) => r.outcome !== 'open') && all;
  });
  const byId = Map.groupBy(rows, (r) => r.id);
  for (const [id, list] of byId)
    assert.equal(list.length, 1, `${id} once`);
  for (const call of seen.filter((c) => c.finished))
    assert.equal(byId.get(call.id)?.[0].outcome, 'ok', call.id);
  // A broken stream died with its process, or after its last record.
  const broken = seen.filter((c) => c.id && !c.finished);
  for (const call of broken)
    assert.match(byId.get(call.id)[0].outcome, /^(unknown|ok)$/);
  const count = (o) => rows.filter((r) => r.outcome === o).length;
  t.diagnostic(`${rows.length} rows: ${count('ok')} ok, ` +
    `${count('unknown')} unknown; ${broken.length} broken streams`);
  assert.equal(count('ok') + count('unknown') + count('cancelled'),
    rows.length);
  for (const r of rows.filter((r) => r.outcome === 'unknown')) {
    assert.equal(r.attempts[0].outcome, 'unknown');
    assert.equal(r.cost_usd, null);
  }
});

test('the pool heals itself', async () => {
  await until('a full pool', () => sluice.pids().length === PROCS, 8000);
  const calls = [];
  await Promise.all(Array.from({ length: ABREAST },
    (_, i) => oneCall(sluice, calls, i, KINDS[i % KINDS.length])));
  assert.ok(calls.every((c) => c.finished));
});

test('the database verifies clean', async (t) => {
  await sluice.stop();
  const env = `${sluice.dir}/data/env`;
  const files = fs.readdirSync(env).filter((f) => f.endsWith('.db'));
  assert.ok(files.length > 0);
  if (!fs.existsSync('/usr/bin/db5.3_verify'))
    return t.skip('db5.3_verify is not installed');
  // Opening is recovery (the store's way of life); then verify.
  const rows = await sluice.ledger.rows();
  assert.ok(rows.length >= seen.filter((c) => c.finished).length);
  for (const f of files)
    execFileSync('/usr/bin/db5.3_verify', ['-q', '-h', env, f],
      { stdio: 'pipe' });
});
