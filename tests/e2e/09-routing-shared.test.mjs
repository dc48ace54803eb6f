// SPDX-License-Identifier: MIT
// What outlives one call or one process: losers that are drained, a thousand
// races, breakers that all processes and CGI runs share, conversations that
// stay where they are.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail, routing, say, text } from './lib/routes.mjs';
import { startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const PROCS = 4, WORKERS = 8;
const upstream = await startUpstream();
const sluice = await startSluice({ upstream, procs: PROCS, conf: {
  server: { workers: WORKERS },
  models: { 'drain/slow': { price: { input: '1', output: '1000' } },
    'openai/quick': { price: { input: '1', output: '1' } } },
  providers: { drain: { api: 'openai', base_url: `${upstream.url}/v1`,
    key: 'sk-other-c0ffee0123456789', on_cancel: 'drain' } } } });
const { ask, called, messages, on, routes, rowOf } =
  routing(sluice, upstream);
after(async () => {
  await sluice.stop();
  upstream.stop();
});
const usage = { input: 11, output: 1000 };

// Word by word, as long as the others need.
const crawl = (n, gapMs) => (call) => call.stream(
  call.frames({ text: 'word '.repeat(n), usage }), { gapMs });

describe('a loser of a draining provider', () => {
  test('routes are read', () => routes({
    drained: { race: ['drain/slow', 'openai/quick'] },
    ...Object.fromEntries(['endless', 'silent'].map((m) => [m,
      { race: [`drain/${m}`, 'openai/quick'] }])),
    drained2: { race: ['drain/slow2', 'openai/slow3'] } }));

  test('is read to its end; the client does not wait, its row does',
    async () => {
      on({ slow: async (c) => {
        await sleep(60);
        await crawl(10, 60)(c);
      }, quick: say('quick') });
      const next = upstream.next('slow');
      const from = performance.now();
      const got = await ask('drained', { stream: true });
      assert.ok(performance.now() - from < 400);
      assert.match(got.text, /quick/);
      assert.match(got.text, /\[DONE\]/);
      const id = got.headers['x-request-id'];
      const open = (await sluice.ledger.rows()).find((r) => r.id === id);
      assert.equal(open.ended_at, null);
      const row = await sluice.ledger.waitForRow(id);
      assert.equal((await next).goneAt, null);
      assert.equal(row.outcome, 'ok');
      assert.equal(row.answered, 'openai/quick');
      assert.ok(row.duration_ms < 400, 'the client\'s time');
      const lost = row.attempts.find((a) => a.outcome === 'lost');
      assert.equal(lost.usage_source, 'reported');
      assert.equal(lost.usage.output, 1000, JSON.stringify(lost));
      assert.ok(lost.duration_ms > 600);
      assert.match(row.cost_usd, /^1\.0000/, JSON.stringify(row));
    });

  test('the client leaves after the win: both are closed in the end',
    async () => {
      on({ slow2: async (c) => {
        await sleep(60);
        await crawl(10, 60)(c);
      }, slow3: crawl(40, 30) });
      const ctl = new AbortController();
      let id;
      await ask('drained2', { stream: true }, {}, { signal: ctl.signal,
        onData: (_, a) => {
          id = a.headers['x-request-id'];
          setTimeout(() => ctl.abort(), 200);
        } }).catch(() => {});
      const row = await sluice.ledger.waitForRow(id);
      assert.equal(row.outcome, 'cancelled');
      assert.deepEqual(row.attempts.map((a) => [a.outcome,
        a.usage_source]).sort(), [['cancelled', 'estimated'],
        ['lost', 'reported']]);
    });

  // How far it is followed: 16 MB, the call's own time, the process's end.
  const BOUNDS = {
    endless: async (c) => {
      c.sse();
      await sleep(50);
      const frame = c.frames({ text: 'x'.repeat(1 << 20) })[1];
      for (let i = 0; i < 40 && !c.goneAt; i++)
        await c.write(frame);
    },
    silent: () => {},
  };
  for (const [model, script] of Object.entries(BOUNDS))
    test(`is left when it is ${model}`, async () => {
      on({ [model]: script, quick: say('quick') });
      const next = upstream.next(model);
      const got = await ask(model, {}, { 'x-sluice-timeout-ms': '700' });
      assert.equal(text(got), 'quick');
      const row = await rowOf(got);
      const lost = row.attempts.find((a) => a.outcome === 'lost');
      assert.equal(lost.usage_source, 'estimated');
      const call = await next;
      await until('it is left', () => call.goneAt, 1000);
      if (model === 'silent')
        assert.ok(call.goneAt - call.at > 500);
      else
        assert.ok(call.bytes < 32 << 20, `${call.bytes}`); // with buffers
    });

  test('does not hold up the end of the process', async () => {
    const own = await startSluice({ upstream, procs: 1, conf: {
      providers: sluice.conf.providers, server: { drain_s: 0.5 },
      routes: { stop: { race: ['drain/silent', 'openai/quick'] } } } });
    on({ silent: () => {}, quick: say('quick') });
    const got = await own.request({ body: { model: 'stop', messages } });
    assert.equal(text(got), 'quick', got.text);
    const from = performance.now();
    await own.stop();
    assert.ok(performance.now() - from < 3000);
    const row = await own.ledger.waitForRow(got.headers['x-request-id']);
    assert.equal(row.outcome, 'ok');
    assert.deepEqual(row.attempts.map((a) => a.outcome), ['lost', 'won']);
  });
});

test('1000 races: one answer each, and nothing stays behind', async () => {
  // Who is faster changes from call to call.
  const either = (word) => (c) => say(word, Math.random() * 6)(c);
  on({ many1: either('a'), many2: either('b') });
  await routes({ many: { race: ['openai/many1', 'openai/many2'] } });
  const files = () => sluice.pids().map(
    (pid) => fs.readdirSync(`/proc/${pid}/fd`).length);
  const rss = () => Math.max(...sluice.pids().map((p) => sluice.rssKb(p)));
  const ids = new Set();
  const race = async (rounds) => {
    for (let i = 0; i < rounds; i++)
      await Promise.all(Array.from({ length: 40 }, async () => {
        const got = await ask('many', { stream: true });
        assert.equal(got.status, 200);
        assert.match(got.text, /\[DONE\]/);
        assert.ok(/"content":"a"/.test(got.text) !==
          /"content":"b"/.test(got.text), got.text);
        ids.add(got.headers['x-request-id']);
      }));
  };
  await race(5);
  const before = { files: Math.max(...files()), rss: rss() };
  await race(20);
  await until('no call is open upstream', () => upstream.calls.filter(
    (c) => c.body.model.startsWith('many')).every((c) => c.isOver));
  // idle connections to the upstream are kept, and no more than were needed
  assert.ok(Math.max(...files()) <= before.files + 45, `${files()}`);
  if (!sluice.sanitized(sluice.pids()[0]))
    assert.ok(rss() < before.rss + 8192, `${before.rss} to ${rss()} KB`);
  const rows = (await sluice.ledger.rows()).filter((r) => ids.has(r.id));
  assert.equal(rows.length, 1000);
  for (const row of rows) {
    assert.equal(row.outcome, 'ok');
    assert.equal(row.attempts.filter((a) => a.outcome === 'won').length, 1);
    assert.ok(row.attempts.every((a) =>
      ['won', 'lost'].includes(a.outcome) && a.role === 'race'));
  }
});

describe('a breaker', () => {
  const health = async (target) => (await sluice.request({ method: 'GET',
    path: '/sluice/v1/health' })).json.targets
    .find((t) => t.target === target);

  test('that one process opens is seen by all, and by a CGI run, at once',
    async () => {
      on({ op1: fail(429, { 'retry-after': '30' }), op2: say('well') });
      await routes({ opened: { fallback: ['openai/op1', 'openai/op2'] } });
      await ask('opened');
      // at once, and of whatever process: nobody asks op1 again
      const [states, , list] = await Promise.all([
        Promise.all(Array.from({ length: 2 * PROCS },
          () => health('openai/op1'))),
        Promise.all(Array.from({ length: 10 * PROCS }, () => ask('opened'))),
        sluice.cli(['health', '--json'])]);
      assert.ok(states.every((t) => t.state === 'open'));
      assert.equal(JSON.parse(list).targets.find(
        (t) => t.target === 'openai/op1').state, 'open');
      assert.deepEqual(called('op1', 'op2'), [1, 1 + 10 * PROCS]);
    });

  test(`half-open: one probe of ${PROCS * WORKERS} calls in ${PROCS} ` +
    'processes', async () => {
    let ill = true;
    on({ ho1: async (c) => {
      if (ill)
        return fail(429, { 'retry-after-ms': '700' })(c);
      return say('probe', 800)(c);
    }, ho2: say('other') });
    await routes({ half: { fallback: ['openai/ho1', 'openai/ho2'] } });
    await ask('half');
    ill = false;
    assert.equal((await health('openai/ho1')).state, 'open');
    await sleep(800);
    assert.equal((await health('openai/ho1')).state, 'half-open');
    const got = await Promise.all(Array.from({ length: PROCS * WORKERS },
      () => ask('half')));
    assert.deepEqual(got.map(text).sort(),
      [...Array(PROCS * WORKERS - 1).fill('other'), 'probe']);
    assert.equal(called('ho1')[0], 2);
    assert.equal((await health('openai/ho1')).state, 'closed');
    assert.equal(text(await ask('half')), 'probe');
  });
});

describe('a conversation with opaque state', () => {
  const history = (content) => [...messages,
    { role: 'assistant', content }, { role: 'user', content: 'And?' }];
  const signed = history([
    { type: 'thinking', thinking: 'Hm.', signature: 'c2lnbmF0dXJl' },
    { type: 'text', text: 'Hello.' }]);
  const chat = (route, turns) => ask(route, { messages: turns }, {},
    { path: '/v1/messages' });

  const NODES = {
    cheapest: (a, b) => ({ cheapest: [a, b] }),
    fastest: (a, b) => ({ fastest: [a, b] }),
    race: (a, b) => ({ race: [a, b] }),
    split: (a, b) => ({ split: [{ use: a, weight: 1000000 },
      { use: b, weight: 1 }] }),
  };
  test('routes are read', () => routes(Object.fromEntries(
    [...Object.entries(NODES).map(([kind, node]) => [`os-${kind}`,
      node(`drain/os-${kind}-a`, `anthropic/os-${kind}-b`)]),
    ['os-fall', { fallback: ['anthropic/os-down', 'drain/os-next'] }]])));

  for (const kind of Object.keys(NODES))
    test(`stays with its vendor: ${kind}`, async () => {
      const [a, b] = ['a', 'b'].map((x) => `os-${kind}-${x}`);
      on({ [a]: say('elsewhere'), [b]: say('home') });
      for (let i = 0; i < 5; i++) {
        const got = await chat(`os-${kind}`, signed);
        assert.equal(got.json.content[0].text, 'home', got.text);
        assert.equal(got.headers['x-sluice-lossy'], undefined);
      }
      assert.deepEqual(called(a, b), [0, 5]);
      const [turn] = upstream.callsFor(b)[0].body.messages.filter(
        (m) => m.role === 'assistant');
      assert.equal(turn.content[0].signature, 'c2lnbmF0dXJl');
    });

  test('or loses it, and is told so', async () => {
    on({ 'os-down': fail(429), 'os-next': say('next') });
    const got = await chat('os-fall', signed);
    assert.equal(got.json.content[0].text, 'next');
    assert.match(got.headers['x-sluice-lossy'], /thinking|signature/);
    assert.deepEqual((await rowOf(got)).lossy,
      got.headers['x-sluice-lossy'].split(/, ?/));
    const other = await chat('os-fall', history('Hello.'));
    assert.equal(other.headers['x-sluice-lossy'], undefined);
  });
});
