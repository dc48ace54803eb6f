// SPDX-License-Identifier: MIT
// Routes, end to end: who is called when, what the client gets, and what the
// ledger says about it.  Every test has models of its own, because the
// breakers of a data_dir remember.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fail, routing, say, text } from './lib/routes.mjs';
import { BIN, startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';
import { sse } from './lib/wire.mjs';

const upstream = await startUpstream();
const sluice = await startSluice({ upstream, procs: 2, conf: {
  providers: { other: { api: 'openai', base_url: `${upstream.url}/v1`,
    key: 'sk-other-c0ffee0123456789', on_cancel: 'drain' } } } });
after(async () => {
  await sluice.stop();
  upstream.stop();
});

const { ask, called, messages, on, routes, rowOf } =
  routing(sluice, upstream);

describe('fallback by class of failure', () => {
  const CASES = [
    { name: '500: once more, then the next', a: fail(500), calls: [2, 1],
      roles: ['primary', 'retry', 'fallback'] },
    { name: '529', a: fail(529), calls: [2, 1] },
    { name: '429 goes on at once', a: fail(429, { 'retry-after': '7' }),
      calls: [1, 1], roles: ['primary', 'fallback'] },
    { name: '401: the next', a: fail(401), provider: 'other', calls: [1, 1] },
    { name: '403: the next', a: fail(403), calls: [1, 1] },
    { name: '400 goes back', a: fail(400), calls: [1, 0], status: 400 },
    { name: '404 goes back', a: fail(404), calls: [1, 0], status: 404 },
    { name: 'a cut before content', a: (c) => { c.sse(); c.cut(); },
      stream: true, calls: [2, 1] },
    { name: 'an error inside a 200 stream, before content', stream: true,
      a: (c) => c.stream([sse({ error: { message: 'late',
        type: 'server_error' } })]), calls: [2, 1] },
    { name: 'a web page instead of a stream', stream: true, calls: [2, 1],
      a: (c) => c.stream(['<!DOCTYPE html>\n', ...Array(200).fill(
        '<p>One moment, please.\n\n')], { headers: {
        'content-type': 'text/html' } }) },
    { name: 'pings for long, then a cut', stream: true, calls: [2, 1],
      a: async (c) => {
        c.sse();
        for (let n = 0; n < 200; n++)
          await c.write(': OPENROUTER PROCESSING\n\n');
        c.cut();
      } },
    { name: 'an error page without end', calls: [2, 1],
      a: async (c) => {
        c.head(500, { 'content-type': 'text/html' });
        while (!c.goneAt)
          await c.write('<p>Oops.'.repeat(8192));
      } },
    { name: 'a redirect is not followed', calls: [2, 1],
      a: (c) => c.whole('', 307, { location: '/v1/elsewhere' }) },
    { name: 'context overflow: nobody is marked', calls: [1, 0], status: 400,
      a: fail(400, {}, 'context_length_exceeded') },
    { name: 'context overflow: only the marked one', marked: true,
      a: fail(400, {}, 'context_length_exceeded'), calls: [1, 0, 1] },
    { name: 'content policy: only the marked one', marked: true,
      a: fail(400, {}, 'content_policy_violation'), calls: [1, 0, 1] },
    { name: 'a 429 does not go to the marked one', marked: true,
      a: fail(429), b: fail(429), calls: [1, 1, 0], status: 429,
      conf: { attempts: 2 } },
  ];
  test('routes are read', () => routes(Object.fromEntries(
    CASES.map((c, i) => [`f${i}`, { fallback: [`openai/f${i}a`,
      `${c.provider ?? 'openai'}/f${i}b`,
      ...(c.marked ? [{ model: `openai/f${i}c`,
        on: ['context', 'policy'] }] : [])], ...c.conf }]))));
  CASES.forEach((c, i) => test(c.name, async () => {
    const models = [`f${i}a`, `f${i}b`, `f${i}c`].slice(0, c.calls.length);
    on({ [`f${i}a`]: c.a, [`f${i}b`]: c.b ?? say('second'),
      [`f${i}c`]: say('marked') });
    const got = await ask(`f${i}`, { stream: c.stream ?? false });
    assert.deepEqual(called(...models), c.calls);
    assert.equal(got.status, c.status ?? 200, got.text);
    const row = await rowOf(got);
    const total = c.calls.reduce((a, b) => a + b);
    assert.equal(row.attempts.length, total);
    assert.equal(got.headers['x-sluice-attempts'], String(total));
    assert.equal(row.route, `f${i}`);
    if (c.roles)
      assert.deepEqual(row.attempts.map((a) => a.role), c.roles);
    if (got.status === 200) {
      assert.equal(row.outcome, 'ok');
      assert.deepEqual(row.attempts.map((a) => a.outcome),
        [...Array(total - 1).fill('failed'), 'won']);
      assert.equal(got.headers['x-sluice-model'], row.answered);
    }
    if (c.stream)
      assert.equal(got.text.match(/second/g).length, 1);
  }));

  for (const status of [429, 500])
    test(`${status}: fail-over is at once`, async () => {
      const gaps = [];
      await routes(Object.fromEntries(Array.from({ length: 10 }, (_, i) =>
        [`o${status}-${i}`, { fallback: ['a', 'b', 'c'].map(
          (x) => `openai/o${status}-${i}${x}`) }])));
      for (let i = 0; i < 10; i++) {
        const [a, b, c] = ['a', 'b', 'c'].map((x) => `o${status}-${i}${x}`);
        on({ [a]: fail(status), [b]: fail(status), [c]: say('third') });
        assert.equal(text(await ask(`o${status}-${i}`)), 'third');
        const [x, y, z] = [a, b, c].map((m) => upstream.callsFor(m)[0].at);
        gaps.push(y - x, z - y);
      }
      // `make bench` has the figure; here HTTP of Node.js is in it
      gaps.sort((x, y) => x - y);
      assert.ok(gaps[10] < 10, `${gaps} ms`);
    });

  test('all fail: the primary\'s error, the soonest Retry-After', async () => {
    on({ r1: fail(429, { 'retry-after': '40' }),
      r2: fail(429, { 'retry-after-ms': '12500' }) });
    await routes({ rate: { fallback: ['openai/r1', 'openai/r2'] } });
    const got = await ask('rate');
    assert.equal(got.status, 429);
    assert.equal(got.headers['retry-after'], '13');
  });

  test('credentials refused everywhere: 502, not 401', async () => {
    on({ cr1: fail(401), cr2: fail(401) });
    await routes({ creds: { fallback: ['openai/cr1', 'other/cr2'] } });
    const got = await ask('creds');
    assert.equal(got.status, 502);
    assert.equal(got.json.error.code, 'provider_credentials');
  });

  test('body models is a fallback list, and goes no further', async () => {
    on({ bm1: fail(429), bm2: say('two') });
    const got = await ask('openai/bm1', { models: ['openai/bm2'] });
    assert.equal(text(got), 'two');
    assert.equal(upstream.callsFor('bm2')[0].body.models, undefined);
  });

  test('set overrides members, timeout_ms ends the wait', async () => {
    on({ st1: () => {}, st2: say('b') });
    await routes({ sets: { fallback: [
      { model: 'openai/st1', timeout_ms: 100 },
      { model: 'openai/st2', set: { temperature: 0.25, seed: 7 } }],
    attempts: 2 } });
    const got = await ask('sets', { temperature: 1 });
    assert.equal(text(got), 'b', got.text);
    const { body } = upstream.callsFor('st2')[0];
    assert.equal(body.temperature, 0.25);
    assert.equal(body.seed, 7);
  });

  test('one deadline over all', async () => {
    on({ dl1: () => {}, dl2: () => {} });
    await routes({ dead: { fallback: ['openai/dl1', 'openai/dl2'] } });
    const from = performance.now();
    const got = await ask('dead', {}, { 'x-sluice-timeout-ms': '300' });
    assert.equal(got.status, 504);
    assert.ok(performance.now() - from < 900);
  });
});

describe('race', () => {
  test('the first content wins, the loser is closed at once', async () => {
    on({ ra: say('slow', 3000), rb: say('quick', 50) });
    await routes({ race: { race: ['openai/ra', 'openai/rb'] } });
    const loser = upstream.next('ra');
    const got = await ask('race', { stream: true });
    assert.match(got.text, /quick/);
    assert.doesNotMatch(got.text, /slow/);
    const lost = await loser;
    await until('the loser is closed', () => lost.goneAt, 1000, 2);
    // the winner was called with it and took 50 ms
    assert.ok(lost.goneAt - lost.at < 100, `${lost.goneAt - lost.at} ms`);
    const row = await rowOf(got);
    assert.deepEqual(row.attempts.map((a) => [a.role, a.outcome]),
      [['race', 'lost'], ['race', 'won']]);
    assert.equal(row.answered, 'openai/rb');
    assert.equal(got.headers['x-sluice-attempts'], '2');
    assert.equal(row.attempts[0].usage_source, 'estimated');
  });

  test('a hedge starts after its delay, or when the first fails', async () => {
    on({ ha: say('first', 400), hb: say('hedge', 10), hc: fail(429),
      hd: say('fast', 5) });
    await routes({
      hedge: { race: ['openai/ha', 'openai/hb'], hedge_ms: 150 },
      hedge2: { race: ['openai/hc', 'openai/hb'], hedge_ms: 5000 },
      hedge3: { race: ['openai/hd', 'openai/hb'], hedge_ms: 2000 } });
    const [first, second] = [upstream.next('ha'), upstream.next('hb')];
    const got = await ask('hedge');
    assert.equal(text(got), 'hedge');
    const gap = (await second).at - (await first).at;
    assert.ok(gap > 140 && gap < 300, `${gap} ms`);
    assert.deepEqual((await rowOf(got)).attempts.map((a) => a.role),
      ['race', 'hedge']);
    const from = performance.now();
    assert.equal(text(await ask('hedge2')), 'hedge');
    assert.ok(performance.now() - from < 1000);
    const before = called('hb')[0];
    assert.equal(text(await ask('hedge3')), 'fast');
    assert.equal(called('hb')[0], before);
  });

  test('a race of fallbacks', async () => {
    on({ x1: fail(429), x2: say('deep', 20), y1: say('late', 2000) });
    await routes({ nest: { race: [{ fallback: ['openai/x1', 'openai/x2'] },
      'openai/y1'] } });
    const got = await ask('nest');
    assert.equal(text(got), 'deep');
    const row = await rowOf(got);
    assert.deepEqual(row.attempts.map((a) => a.outcome).sort(),
      ['failed', 'lost', 'won']);
  });

  test('the client leaves: a draining provider is read to the end',
    async () => {
      on({ dr: async (c) => {
        await c.stream(c.frames({ text: 'one two three four five six' }),
          { gapMs: 60 });
      } });
      const ctl = new AbortController();
      let id;
      await ask('other/dr', { stream: true }, {}, { signal: ctl.signal,
        onData: (_, a) => { id = a.headers['x-request-id']; ctl.abort(); } })
        .catch(() => {});
      const row = await sluice.ledger.waitForRow(id);
      assert.equal(row.outcome, 'cancelled');
      assert.equal(row.attempts[0].outcome, 'cancelled');
      assert.equal(row.attempts[0].usage_source, 'reported');
      assert.equal(upstream.callsFor('dr')[0].goneAt, null);
    });
});

describe('health', () => {
  const health = async () => (await sluice.request({ method: 'GET',
    path: '/sluice/v1/health' })).json.targets;

  // A plain CGI run on the same data_dir.
  async function cgi(model) {
    const body = JSON.stringify({ model, messages });
    const p = spawn(BIN, [], { env: { GATEWAY_INTERFACE: 'CGI/1.1',
      REQUEST_METHOD: 'POST', REQUEST_URI: '/v1/chat/completions',
      CONTENT_LENGTH: String(body.length), SERVER_PROTOCOL: 'HTTP/1.1',
      CONTENT_TYPE: 'application/json',
      HTTP_AUTHORIZATION: `Bearer ${sluice.key}`,
      SLUICE_CONFIG: `${sluice.dir}/sluice.json` } });
    p.stdin.end(body);
    let out = '';
    p.stdout.on('data', (d) => { out += d; });
    await once(p, 'close');
    return out;
  }

  test('a breaker opened by one process is seen by all', async () => {
    on({ ba: fail(429, { 'retry-after': '30' }), bb: say('well') });
    await routes({ brk: { fallback: ['openai/ba', 'openai/bb'] } });
    await ask('brk');
    assert.deepEqual(called('ba', 'bb'), [1, 1]);
    assert.match(await cgi('brk'), /well/);
    for (let i = 0; i < 12; i++)
      await ask('brk');
    assert.deepEqual(called('ba', 'bb'), [1, 14]);
    const t = (await health()).find((h) => h.target === 'openai/ba');
    assert.equal(t.state, 'open');
    assert.ok(t.open_for_ms > 20_000);
    assert.match(await sluice.cli(['health']), /openai\/ba\s+open/);
    const json = JSON.parse(await sluice.cli(['health', '--json']));
    assert.ok(json.targets.some((h) => h.target === 'openai/ba'));
  });

  test('more than half of five within 60 s fail: open; all open: ignored',
    async () => {
      on({ bc: fail(500), bd: say('well') });
      await routes({ half: { fallback: ['openai/bc', 'openai/bd'] } });
      for (let i = 0; i < 4; i++)
        await ask('half');
      assert.equal((await health()).find((h) => h.target === 'openai/bc')
        .state, 'open');
      const before = called('bc')[0];
      await ask('half');
      assert.equal(called('bc')[0], before);
      const got = await ask('openai/bc');
      assert.equal(got.status, 500);      // asked although it is open
      assert.ok(called('bc')[0] > before);
    });
});

describe('choosing', () => {
  test('fastest converges, and finds out', async () => {
    const ms = { q1: 60, q2: 5 };
    on({ q1: (c) => say('a', ms.q1)(c), q2: (c) => say('b', ms.q2)(c) });
    await routes({ fast: { fastest: ['openai/q1', 'openai/q2'] } });
    const run = async (n) => {
      let b = 0;
      for (let i = 0; i < n; i++)
        b += text(await ask('fast')) === 'b';
      return b;
    };
    await run(50);
    assert.ok(await run(20) >= 18);
    Object.assign(ms, { q1: 5, q2: 60 });
    await run(100);
    assert.ok(await run(20) <= 2);
  });

  test('split: weights hold, stickiness is exact', async () => {
    on({ s1: say('a'), s2: say('b') });
    await routes({ split: { split: [{ use: 'openai/s1', weight: 80 },
      { use: 'openai/s2', weight: 20 }], sticky: 'user' } });
    let b = 0;
    for (let i = 0; i < 20; i++)
      b += (await Promise.all(Array.from({ length: 20 }, () => ask('split'))))
        .filter((got) => text(got) === 'b').length;
    // chi-square with one degree of freedom, p = 0.0001
    const chi = (b - 80) ** 2 / 80 + (b - 80) ** 2 / 320;
    assert.ok(chi < 15.1, `${b} of 400, chi-square ${chi}`);
    for (let u = 0; u < 8; u++) {
      const seen = new Set();
      for (let i = 0; i < 4; i++)
        seen.add(text(await ask('split', {},
          { 'x-sluice-user': `user-${u}` })));
      assert.equal(seen.size, 1);
    }
  });

  test('cheapest takes the cheaper model that can', async () => {
    on({ 'gpt-5-nano': say('nano'), 'gpt-5.5': say('big') });
    await routes({ cheap: { cheapest: ['openai/gpt-5.5',
      'openai/gpt-5-nano'] } });
    assert.equal(text(await ask('cheap')), 'nano');
  });

  test('when: by header, tags, task and size', async () => {
    for (const m of ['w1', 'w2', 'w3', 'w4'])
      on({ [m]: say(m) });
    await routes({ rule: { when: [
      { if: { header: { 'x-team': 'red' } }, use: 'openai/w1' },
      { if: { or: [{ tags: { env: { in: ['dev', 'test'] } } },
        { task: { prefix: 'class' } }] }, use: 'openai/w2' },
      { if: { input_tokens: { gt: 2000 } }, use: 'openai/w3' },
    ], otherwise: 'openai/w4' } });
    assert.equal(text(await ask('rule', {}, { 'x-team': 'red' })), 'w1');
    assert.equal(text(await ask('rule', {}, { 'x-sluice-tags': 'env=dev' })),
      'w2');
    assert.equal(text(await ask('rule', {}, { 'x-sluice-task': 'classify' })),
      'w2');
    assert.equal(text(await ask('rule', { messages: [{ role: 'user',
      content: 'many words '.repeat(2000) }] })), 'w3');
    assert.equal(text(await ask('rule')), 'w4');
  });
});

describe('what one request may say', () => {
  test('x-sluice-route: a name for all, JSON for those who may', async () => {
    on({ p1: say('p1'), p2: say('p2') });
    await routes({ named: { fallback: ['openai/p1'] } });
    assert.equal(text(await ask('openai/p2', {},
      { 'x-sluice-route': 'named' })), 'p1');
    const json = '{"fallback":["openai/p2","openai/p1"]}';
    const no = await ask('openai/p1', {}, { 'x-sluice-route': json });
    assert.equal(no.status, 403);
    const { key } = JSON.parse(await sluice.cli(['key', 'create', '--name',
      'router', '--may-route', '--json']));
    const yes = await ask('openai/p1', {}, { 'x-sluice-route': json }, { key });
    assert.equal(text(yes), 'p2', yes.text);
    const bad = await ask('openai/p1', {},
      { 'x-sluice-route': '{"race":["openai/p1",{"split":[]}]}' }, { key });
    assert.equal(bad.status, 400);
    assert.equal(bad.json.error.param, 'x-sluice-route.race[1].split');
    const unknown = await ask('openai/p1', {}, { 'x-sluice-route': 'nammed' });
    assert.equal(unknown.status, 404);
  });

  test('x-sluice-max-cost: 402 when the worst case is more', async () => {
    on({ 'gpt-5-mini': say('ok') });
    const no = await ask('openai/gpt-5-mini', {},
      { 'x-sluice-max-cost': '0.00000001' });
    assert.equal(no.status, 402);
    assert.equal((await rowOf(no)).outcome, 'refused');
    assert.equal((await ask('openai/gpt-5-mini', {},
      { 'x-sluice-max-cost': '1' })).status, 200);
    assert.equal((await ask('openai/p1', {}, { 'x-sluice-max-cost': '1' }))
      .status, 402);                      // no price, no promise
    assert.equal((await ask('openai/p1', {}, { 'x-sluice-max-cost': 'x' }))
      .status, 400);
  });

  test('x-sluice-dry-run: the plan, and no call', async () => {
    await routes({ plan: { fallback: ['openai/gpt-5-mini',
      'anthropic/claude-sonnet-4-5'] } });
    const before = upstream.calls.length;
    const got = await ask('plan', { seed: 3 }, { 'x-sluice-dry-run': '1' });
    assert.equal(got.status, 200);
    assert.deepEqual(got.json.plan.map((p) => p.target),
      ['openai/gpt-5-mini', 'anthropic/claude-sonnet-4-5']);
    assert.ok(got.json.plan.every((p) => p.input_tokens > 0 && p.why));
    assert.deepEqual(got.json.plan[1].lossy, ['seed']);
    assert.match(got.json.worst_case_cost_usd, /^0\.\d+$/);
    assert.equal(got.json.cache_key, null);
    assert.equal(upstream.calls.length, before);
  });

  test('routes are listed', async () => {
    const list = await sluice.request({ method: 'GET', path: '/v1/models' });
    assert.ok(list.json.data.some((m) => m.id === 'plan'));
  });
});
