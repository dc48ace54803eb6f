// SPDX-License-Identifier: MIT
// Money: budgets that no crowd overruns, limits with honest refusals, teams
// with credentials of their own, prices that change while it runs.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pusd } from './lib/ledger.mjs';
import { SECRET, startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const CLIENTS = 32;
const PROCS = 4;
const CALLS = 1500;                    // worst cases that the budget holds
const TOKENS = 7;

const upstream = await startUpstream();
// A token out is a dollar, one in costs nothing: the worst case is max_tokens.
const DOLLARS = { price: { input: '0', output: '1000000' } };
const sluice = await startSluice({ upstream, procs: PROCS, conf: {
  providers: { other: { api: 'openai', base_url: `${upstream.url}/v1`,
    key: 'key-of-other' } },
  aliases: { cheap: 'openai/dollar' },
  routes: { twice: { fallback: ['openai/broken', 'other/silent'] },
    raced: { fallback: [{ race: ['openai/broken', 'other/broken'] },
      'other/dear'] } },
  models: { 'openai/broken': DOLLARS, 'other/broken': DOLLARS,
    'other/silent': DOLLARS, 'other/dear': { price: { input: '0',
      output: '3000000' } },
    'openai/dollar': DOLLARS, 'openai/tiers': { price: {
    input: '1', output: '2', modes: {
      flex: { input: '0.5', output: '1' },
      priority: { input: '2', output: '4' } } } } } } });
after(async () => {
  await sluice.stop();
  upstream.stop();
});

const answerWith = (tokens, more = {}) => (call) => call.whole({ id: 'c1',
  object: 'chat.completion', created: 1, model: call.body.model,
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' },
    finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: tokens,
    total_tokens: 5 + tokens }, ...more });
upstream.on('dollar', answerWith(TOKENS));

const newKey = async (...args) => JSON.parse(await sluice.cli(
  ['key', 'create', '--name', 'm', '--json', ...args]));
const ask = (key, more = {}, opts = {}) => sluice.request({ key, ...opts,
  body: { model: 'openai/dollar', max_tokens: TOKENS,
    messages: [{ role: 'user', content: 'x' }], ...more } });
const budget = async (scope, name) => JSON.parse(await sluice.cli(
  ['budget', 'show', scope, name, '--json']))[0];

describe(`${CLIENTS} clients on ${PROCS} processes, killed at random`, () => {
  const limit = CALLS * TOKENS;
  let key;

  test('never spend a picodollar more than the budget', { timeout: 120_000 },
    async (t) => {
      key = await newKey('--budget-usd', String(limit), '--per', 'total');
      upstream.on('dollar', async (call) => {
        await sleep(Math.random() * 60);
        return answerWith(TOKENS)(call);
      });
      let done = false, killed = 0;
      const seen = {};
      const client = async () => {
        while (!done) {
          const r = await ask(key.key).catch(() => ({ status: 'cut' }));
          seen[r.status] = (seen[r.status] ?? 0) + 1;
          if (r.status === 402)
            await sleep(50);
        }
      };
      const killer = setInterval(() => {
        const pids = sluice.pids();
        if (pids.length && killed < 12) {
          process.kill(pids[killed % pids.length], 'SIGKILL');
          killed++;
        }
      }, 150);
      const clients = Array.from({ length: CLIENTS }, client);
      await until('the budget is spent', async () => {
        const b = await budget('key', key.id);
        assert.ok(pusd(b.spent_usd) + pusd(b.reserved_usd) <=
          BigInt(limit) * 10n ** 12n);
        return b.spent_usd === String(limit);
      }, 60_000, 300);
      done = true;
      clearInterval(killer);
      await Promise.all(clients);
      t.diagnostic(`${killed} killed; answers ${JSON.stringify(seen)}`);
      assert.ok(killed >= 5 && seen[200] > 0 && seen[402] > 0);
    });

  test('leave no reservation, and a ledger that says the same', async () => {
    const b = await budget('key', key.id);
    assert.equal(b.reserved_usd, '0');
    const rows = (await sluice.ledger.rows()).filter((r) => r.key === key.id);
    const sum = rows.reduce((n, r) => n + pusd(r.cost_usd ?? '0'), 0n);
    assert.equal(sum, BigInt(limit) * 10n ** 12n);
    for (const r of rows.filter((r) => r.outcome === 'unknown')) {
      assert.equal(r.cost_usd, String(TOKENS));
      assert.equal(r.attempts[0].cost_source, 'reserved');
      assert.equal(r.attempts[0].outcome, 'unknown');
    }
    upstream.on('dollar', answerWith(TOKENS));
  });
});

test('plain CGI keeps to a budget, too', async () => {
  const n = 40;
  const cgi = await startSluice({ upstream, mode: 'cgi', conf: {
    models: { 'openai/dollar': DOLLARS } } });
  try {
    const key = JSON.parse(await cgi.cli(['key', 'create', '--name', 'c',
      '--budget-usd', String(n * TOKENS), '--per', 'day', '--json'])).key;
    const seen = {};
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 8; i++) {
        const { status } = await cgi.request({ key, body: {
          model: 'openai/dollar', max_tokens: TOKENS,
          messages: [{ role: 'user', content: 'x' }] } });
        seen[status] = (seen[status] ?? 0) + 1;
      }
    }));
    assert.deepEqual(seen, { 200: n, 402: 64 - n });
  } finally {
    await cgi.stop();
  }
});

describe('a refusal', () => {
  test('for money is 402 with what is left and when it resets, in the ' +
    'words of each SDK', async () => {
    const key = await newKey('--budget-usd', '10', '--per', 'day');
    assert.equal((await ask(key.key)).status, 200);
    const midnight = `${new Date(Math.floor(Date.now() / 864e5 + 1) * 864e5)
      .toISOString().slice(0, 10)}T00:00:00.000000Z`;
    const details = { scope: 'key', name: key.id, per: 'day', limit_usd: '10',
      spent_usd: '7', reserved_usd: '0', left_usd: '3', needed_usd: '7',
      resets_at: midnight };
    await assert.rejects(sluice.openai({ apiKey: key.key, maxRetries: 2 })
      .chat.completions.create({ model: 'openai/dollar', max_tokens: TOKENS,
        messages: [{ role: 'user', content: 'x' }] }), (e) => {
      assert.equal(e.status, 402);
      assert.equal(e.code, 'budget_exceeded');
      assert.equal(e.type, 'insufficient_quota');
      assert.deepEqual(e.error.details, details);
      return true;
    });
    await assert.rejects(sluice.anthropic({ apiKey: key.key }).messages
      .create({ model: 'openai/dollar', max_tokens: TOKENS,
        messages: [{ role: 'user', content: 'x' }] }), (e) => {
      assert.equal(e.status, 402);
      assert.equal(e.error.error.type, 'billing_error');
      assert.match(e.error.error.message, /has \$3 left.*resets at/);
      assert.deepEqual(e.error.error.details, details);
      return true;
    });
    // What fits still does.
    assert.equal((await ask(key.key, { max_tokens: 3 })).status, 200);
  });

  test('for a rate is 429 with Retry-After', async () => {
    const key = await newKey('--rpm', '2');
    assert.equal((await ask(key.key)).status, 200);
    assert.equal((await ask(key.key)).status, 200);
    const r = await ask(key.key);
    assert.equal(r.status, 429);
    assert.ok(Number(r.headers['retry-after']) >= 20);
    assert.equal(r.json.error.code, 'rate_limit_exceeded');
    assert.equal(r.json.error.details.limit, 'rpm');
    await assert.rejects(sluice.anthropic({ apiKey: key.key, maxRetries: 0 })
      .messages.create({ model: 'openai/dollar', max_tokens: TOKENS,
        messages: [{ role: 'user', content: 'x' }] }), (e) => {
      assert.equal(e.status, 429);
      assert.equal(e.error.error.type, 'rate_limit_error');
      assert.equal(e.error.error.details.limit, 'rpm');
      return true;
    });
    await assert.rejects(sluice.openai({ apiKey: key.key, maxRetries: 0 })
      .responses.create({ model: 'openai/dollar', input: 'x' }), (e) => {
      assert.equal(e.status, 429);
      assert.equal(e.code, 'rate_limit_exceeded');
      return true;
    });
  });

  test('of a model is 403 with what is allowed', async () => {
    const key = await newKey('--models', 'cheap,other/*');
    assert.equal((await ask(key.key, { model: 'cheap' })).status, 200);
    const r = await ask(key.key);
    assert.equal(r.status, 403);
    assert.match(r.json.error.message, /may use cheap, other\/\*$/);
  });

  test('of a model without a price comes where a budget applies', async () => {
    const key = await newKey('--budget-usd', '10', '--per', 'month');
    upstream.on('unheard', answerWith(1));
    const r = await ask(key.key, { model: 'openai/unheard' });
    assert.equal(r.status, 402);
    assert.equal(r.json.error.code, 'unpriced_model');
    assert.equal((await ask(sluice.key, { model: 'openai/unheard' })).status,
      200);
  });

  test('counts users and tags, too', async () => {
    await sluice.cli(['budget', 'set', 'user', 'ann', '--usd', '7', '--per',
      'week']);
    await sluice.cli(['budget', 'set', 'tag', 'job=x', '--usd', '7', '--per',
      'month']);
    for (const headers of [{ 'x-sluice-user': 'ann' },
      { 'x-sluice-tags': 'a=b,job=x,job=x,job=y' }]) {
      assert.equal((await ask(sluice.key, {}, { headers })).status, 200);
      assert.equal((await ask(sluice.key, {}, { headers })).status, 402);
    }
    assert.equal((await ask(sluice.key)).status, 200);
    const text = await sluice.cli(['ledger', 'export', '--format', 'jsonl']);
    assert.match(text, /"tags":{"a":"b","job":"x"}/, 'each tag once');
  });
});

test('what a provider reports absurdly costs what was reserved, or less, ' +
  'and never earns anything', async () => {
  const key = await newKey('--budget-usd', '100', '--per', 'total');
  for (const usage of [{ prompt_tokens: 5, completion_tokens: -50 },
    { prompt_tokens: -1, completion_tokens: 9e15, total_tokens: 9e18 },
    { prompt_tokens: 5, completion_tokens: 1e30 }]) {
    upstream.on('dollar', answerWith(1, { usage }));
    const r = await ask(key.key);
    assert.equal(r.status, 200);
    const { cost_usd: usd, attempts: [at] } = await sluice.ledger.waitForRow(
      r.headers['x-request-id']);
    assert.equal(usd, '1', 'two letters are a token');
    assert.equal(at.cost_source, 'estimated');
  }
  upstream.on('dollar', answerWith(1, { usage: {} }));
  assert.equal((await ask(key.key)).headers['x-sluice-cost-usd'],
    String(TOKENS), 'no figure is not 0');
  upstream.on('dollar', (call) => call.whole({ id: 'c1',
    object: 'chat.completion', created: 1, model: 'dollar', choices: [{
      index: 0, message: { role: 'assistant', content: 'hi' },
      finish_reason: 'stop' }] }));
  assert.equal((await ask(key.key)).status, 200);
  const b = await budget('key', key.id);
  assert.equal(b.spent_usd, String(3 + 2 * TOKENS));
  upstream.on('dollar', answerWith(TOKENS));
});

test('each further attempt sets more aside, ' +
  'and the dead are charged for all',
  async () => {
    const all = String(3 * TOKENS);     // broken, once more, silent
    const key = await newKey('--budget-usd', '100', '--per', 'total');
    upstream.on('broken', async (call) => {
      call.sse();
      await call.write(': billed, perhaps\n\n');
      call.cut();
    });
    upstream.on('silent', () => {});
    const second = upstream.next('silent');
    const answer = ask(key.key, { model: 'twice', stream: true })
      .catch(() => null);
    await second;
    const open = await budget('key', key.id);
    assert.equal(open.reserved_usd, all);
    for (const pid of sluice.pids())
      process.kill(pid, 'SIGKILL');
    await answer;
    const row = await until('its row', async () => (await sluice.ledger.rows())
      .find((r) => r.key === key.id && r.outcome === 'unknown'));
    assert.equal(row.cost_usd, all);
    const b = await budget('key', key.id);
    assert.deepEqual([b.spent_usd, b.reserved_usd], [all, '0']);
    await until('a pool', async () => (await ask(sluice.key)).status === 200);
  });

test('all racers that may be billed count for what follows them', async () => {
  const key = await newKey('--budget-usd', '100', '--per', 'total');
  const before = upstream.callsFor('broken').length;
  upstream.on('dear', () => {});
  const second = upstream.next('dear');
  const gone = new AbortController();
  const answer = ask(key.key, { model: 'raced', stream: true },
    { signal: gone.signal }).catch(() => null);
  await second;
  const failed = upstream.callsFor('broken').length - before;
  assert.equal(failed, 2);
  assert.equal((await budget('key', key.id)).reserved_usd,
    String((failed + 3) * TOKENS));
  gone.abort();
  await answer;
});

describe('a team with credentials of its own', () => {
  const OWN = ['sk-team-canary-one-111', 'sk-team-canary-two-222'];
  let key;

  test('calls with the first of them', async () => {
    await sluice.cli(['account', 'create', 'team', '--allow-shared', 'no']);
    for (const [i, secret] of OWN.entries())
      fs.writeFileSync(`${sluice.dir}/secret${i}`, secret);
    await sluice.cli(['account', 'set', 'team', 'openai', '--key',
      `file:${sluice.dir}/secret0`]);
    await sluice.cli(['account', 'set', 'team', 'openai', '--add', '--key',
      `file:${sluice.dir}/secret1`]);
    OWN.forEach((_, i) => fs.rmSync(`${sluice.dir}/secret${i}`));
    key = await newKey('--account', 'team');
    const r = await ask(key.key);
    assert.equal(r.status, 200);
    assert.equal(upstream.callsFor('dollar').at(-1).headers.authorization,
      `Bearer ${OWN[0]}`);
    const row = await sluice.ledger.waitForRow(r.headers['x-request-id']);
    assert.equal(row.attempts[0].credential, 'team/1');
  });

  test('goes on with the next when one is refused, and masks them all',
    async () => {
      upstream.on('dollar', (call) =>
        call.headers.authorization.endsWith(OWN[0])
          ? call.whole({ error: { message: `slow down, ${OWN[0]}` } }, 429)
          : answerWith(TOKENS)(call));
      const r = await ask(key.key);
      assert.equal(r.status, 200);
      const row = await sluice.ledger.waitForRow(r.headers['x-request-id']);
      assert.deepEqual(row.attempts.map((a) => [a.credential, a.outcome]),
        [['team/1', 'failed'], ['team/2', 'won']]);
      upstream.on('dollar', (call) => call.whole({ error: {
        message: `no: ${call.headers.authorization}` } }, 401));
      const bad = await ask(key.key);
      assert.equal(bad.status, 502);
      for (const secret of OWN)
        assert.ok(!bad.text.includes(secret));
      upstream.on('dollar', answerWith(TOKENS));
    });

  test('does not use what is shared without permission', async () => {
    const r = await ask(key.key, { model: 'other/dollar' });
    assert.equal(r.status, 403);
    assert.match(r.json.error.message, /no credential of its own for other/);
    await sluice.cli(['account', 'set', 'team', '--allow-shared', 'yes']);
    assert.equal((await ask(key.key, { model: 'other/dollar' })).status, 200);
    assert.equal(upstream.callsFor('dollar').at(-1).headers.authorization,
      'Bearer key-of-other');
  });

  test('survives a new master key', async () => {
    await sluice.cli(['account', 'rekey']);
    assert.equal((await ask(key.key)).status, 200);
  });

  test('leaves none of them in the data directory or the logs', async () => {
    const secrets = [...OWN, ...Object.values(SECRET), key.key, sluice.key];
    const files = fs.readdirSync(`${sluice.dir}/data`, { recursive: true })
      .map((f) => path.join(sluice.dir, 'data', f))
      .filter((f) => fs.statSync(f).isFile());
    assert.ok(files.length > 5);
    for (const secret of secrets) {
      for (const f of files)
        assert.ok(!fs.readFileSync(f).includes(secret), f);
      assert.ok(!sluice.log().includes(secret));
    }
  });
});

test('a rotated key keeps its budget; the old secret works for its grace',
  async () => {
    const key = await newKey('--budget-usd', '14', '--per', 'total');
    assert.equal((await ask(key.key)).status, 200);
    const { key: fresh } = JSON.parse(await sluice.cli(
      ['key', 'rotate', key.id, '--grace', '1h', '--json']));
    assert.equal((await ask(fresh)).status, 200);
    assert.equal((await ask(key.key)).status, 402);
    await sluice.cli(['key', 'rotate', key.id]);
    assert.equal((await ask(fresh)).status, 401);
  });

test('the service tier of the answer decides the price', async () => {
  const cost = async (tier) => {
    upstream.on('tiers', answerWith(5, { service_tier: tier }));
    const r = await ask(sluice.key, { model: 'openai/tiers' });
    return (await sluice.ledger.waitForRow(r.headers['x-request-id'])).cost_usd;
  };
  assert.equal(await cost('default'), '0.000015');
  assert.equal(await cost('flex'), '0.0000075');
  assert.equal(await cost('priority'), '0.00003');
});

test('imported prices count from the next second on', async () => {
  const file = `${sluice.dir}/table.json`;
  const table = (version, input) => fs.writeFileSync(file, JSON.stringify({
    version, providers: { openai: { 'gpt-import': {
      price: { input, output: '1' } } } } }));
  upstream.on('gpt-import', answerWith(0));
  const cost = async () => {
    const r = await ask(sluice.key, { model: 'openai/gpt-import' });
    const row = await sluice.ledger.waitForRow(r.headers['x-request-id']);
    return [row.cost_usd, row.attempts[0].price];
  };
  assert.deepEqual(await cost(), [null, null]);
  table('v1', '2');
  await sluice.cli(['prices', 'import', file]);
  await sleep(1200);
  assert.deepEqual(await cost(), ['0.00001', 'v1']);
  table('v2', '20');
  await assert.rejects(sluice.cli(['prices', 'import', file]));
  await sleep(1200);
  assert.deepEqual(await cost(), ['0.00001', 'v1']);
});

test('the command line takes a secret from standard input', () => {
  execFileSync(process.env.SLUICE_BIN ?? 'build/sluice',
    ['account', 'set', 'team', 'openai', '--key', '-'], {
      input: 'sk-from-stdin-333\n',
      env: { ...process.env, SLUICE_CONFIG: `${sluice.dir}/sluice.json` } });
});
