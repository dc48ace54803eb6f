// SPDX-License-Identifier: MIT
// Each kind of node against each class of failure: who is called when, what
// the client gets, and the ledger's rows.  Then errors inside a stream, in
// every dialect; then what a request may not say.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { frames } from './lib/ask.mjs';
import { fail, failLate, routing, say } from './lib/routes.mjs';
import { freePort, startSluice } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const upstream = await startUpstream();
const provider = (api, more) => ({ api, base_url: `${upstream.url}/v1`,
  key: 'sk-other-c0ffee0123456789', ...more });
const sluice = await startSluice({ upstream, procs: 2, conf: { providers: {
  other: provider('openai'), resp: provider('openai_responses'),
  gone: provider('openai', { base_url:
    `http://127.0.0.1:${await freePort()}/v1` }) } } });
const { ask, called, on, routes, rowOf } = routing(sluice, upstream);
after(async () => {
  await sluice.stop();
  upstream.stop();
});

// What a failure of `a` leads to: again: once more, if nobody is kept from
// his turn; next: the next one; back: to the client.
const FAILURES = {
  429: ['next', fail(429)],
  500: ['again', fail(500)],
  529: ['again', fail(529)],
  408: ['again', fail(408)],
  401: ['next', fail(401)],
  402: ['next', fail(402)],
  403: ['next', fail(403)],
  400: ['back', fail(400)],
  404: ['back', fail(404)],
  context: ['back', fail(400, {}, 'context_length_exceeded')],
  policy: ['back', fail(400, {}, 'content_policy_violation')],
  cut: ['again', (c) => { c.sse(); c.cut(); }],
  hang: ['again', () => {}],
  garbage: ['again', (c) => c.whole('<html>')],
  late: ['again', failLate(false)],
};
const KINDS = {
  fallback: (a, b) => ({ fallback: [a, b] }),
  cheapest: (a, b) => ({ cheapest: [a, b] }),
  fastest: (a, b) => ({ fastest: [a, b] }),
  split: (a, b) => ({ split: [{ use: { fallback: [a, b] } }] }),
  when: (a, b) => ({ when: [{ if: { stream: false }, use: b }],
    otherwise: { fallback: [a, b] } }),
  race: (a, b) => ({ race: [a, b] }),
  hedge: (a, b) => ({ race: [a, b], hedge_ms: 5000 }),
  nested: (a, b, a2) => ({ fallback: [{ race: [a, a2] }, b] }),
};
// What of it is different where `a` races: no second try, and whoever runs
// beside it, or may still join, answers.
const expected = (kind, does) => {
  const races = ['race', 'hedge', 'nested'].includes(kind);
  return { a: does === 'again' && !races ? 2 : 1,
    b: does !== 'back' || kind === 'race' || kind === 'hedge' ? 1 : 0 };
};

describe('each kind of node, each class of failure', () => {
  const models = (kind, why) => ['a', 'b', 'a2'].map(
    (x) => `${kind}-${why}-${x}`);
  test('routes are read', () => routes(Object.fromEntries(
    Object.keys(KINDS).flatMap((kind) => Object.keys(FAILURES).map((why) => {
      const [a, b, a2] = models(kind, why);
      const leaf = (m) => ({ model: `openai/${m}`, timeout_ms: 400 });
      return [`${kind}-${why}`,
        KINDS[kind](leaf(a), `other/${b}`, leaf(a2))];
    })))));

  async function check(kind, why) {
    const [does, script] = FAILURES[why];
    const [a, b, a2] = models(kind, why);
    on({ [a]: script, [a2]: script,
      // while it races, `a` shall have failed before
      [b]: say('second', kind === 'race' ? 600 : 0) });
    const got = await ask(`${kind}-${why}`, { stream: true });
    const want = expected(kind, does);
    // of two marked for nothing, none takes over what is to be marked for
    if (kind === 'hedge' && ['context', 'policy'].includes(why))
      want.b = 0;
    const what = `${kind}, ${why}: ${got.text}`;
    assert.deepEqual(called(a, b), [want.a, want.b], what);
    assert.deepEqual(called(a2), [kind === 'nested' ? 1 : 0], what);
    const row = await rowOf(got);
    const attempts = row.attempts.map((x) => `${x.model} ${x.outcome}`);
    const failed = [...Array(want.a).fill(`${a} failed`),
      ...Array(kind === 'nested' ? 1 : 0).fill(`${a2} failed`)];
    assert.deepEqual(attempts.sort(),
      [...failed, ...Array(want.b).fill(`${b} won`)].sort(), what);
    for (const x of row.attempts)
      assert.ok(x.duration_ms >= 0 && x.start_ms >= 0 &&
        x.outcome === 'won' === (x.error === null), JSON.stringify(x));
    assert.equal(got.headers['x-sluice-attempts'], String(attempts.length));
    if (want.b) {
      assert.equal(got.status, 200, what);
      assert.equal(got.text.match(/second/g).length, 1, what);
      assert.doesNotMatch(got.text, /begun|error/);
      assert.equal(row.answered, `other/${b}`);
      assert.equal(row.outcome, 'ok');
    } else {
      assert.equal(got.status, Number(why) || 400, what);
      assert.equal(row.outcome, 'error');
    }
    // when, by the gateway's clock: a second try after a pause of 400 ms at
    // least, the next target at once
    const of = (model) => row.attempts.filter((x) => x.model === model);
    const [first, again] = of(a);
    const [next] = of(b);
    if (again)
      assert.ok(again.start_ms - first.start_ms >= 399, what);
    if (next && kind === 'race')
      assert.ok(Math.abs(next.start_ms - first.start_ms) < 200, what);
  }
  for (const kind of Object.keys(KINDS))
    test(kind, () => Promise.all(Object.keys(FAILURES).map(
      (why) => check(kind, why))));
});

test('a target that does not even listen', async () => {
  on({ there: say('well') });
  await routes({ absent: { fallback: ['gone/x', 'openai/there'] } });
  const got = await ask('absent');
  assert.equal(got.status, 200, got.text);
  assert.deepEqual((await rowOf(got)).attempts.map(
    (a) => [a.role, a.outcome, a.status]), [['primary', 'failed', null],
    ['retry', 'failed', null], ['fallback', 'won', 200]]);
});

// An error event, as each client's SDK knows it.
const DIALECTS = {
  '/v1/chat/completions': { error: (f) => f.data.error, end: /\[DONE\]/ },
  '/v1/messages': { error: (f) => f.data.type === 'error',
    end: /message_stop/ },
  '/v1/responses': { error: (f) => ['error', 'response.failed'].includes(
    f.data.type), end: /response\.completed/,
  body: { input: 'Hi', messages: undefined, max_tokens: undefined } },
};
const UPSTREAMS = ['openai', 'anthropic', 'resp'];

describe('an error inside a 200 stream', () => {
  const cases = Object.keys(DIALECTS).flatMap((path) =>
    UPSTREAMS.map((p) => ({ path, p,
      name: `in-${path.split('/').at(-1)}-${p}` })));
  test('routes are read', () => routes(Object.fromEntries(cases.flatMap(
    ({ name, p }) => ['before', 'after'].map((when) => [`${name}-${when}`,
      { fallback: [`${p}/${name}-${when}-a`, 'other/in-b'],
        attempts: 2 }])))));

  for (const { path, p, name } of cases) {
    const d = DIALECTS[path];
    test(`before content falls over: ${path}, from ${p}`, async () => {
      const a = `${name}-before-a`;
      on({ [a]: failLate(false), 'in-b': say('second') });
      const got = await ask(`${name}-before`, { stream: true, ...d.body }, {},
        { path });
      assert.equal(got.status, 200, got.text);
      assert.equal(called(a)[0], 1);
      assert.match(got.text, /second/);
      assert.match(got.text, d.end);
      assert.doesNotMatch(got.text, /begun|late/);
    });
    test(`after content it ends in an error: ${path}, from ${p}`,
      async () => {
        const a = `${name}-after-a`, before = called('in-b')[0];
        on({ [a]: failLate(true) });
        const got = await ask(`${name}-after`, { stream: true, ...d.body },
          {}, { path });
        assert.equal(got.status, 200);
        assert.match(got.text, /begun/);
        assert.doesNotMatch(got.text, d.end);
        const last = frames(got.raw).at(-1);
        assert.ok(d.error(last), last.text);
        assert.match(last.text, /late/);
        assert.equal(called('in-b')[0], before);
        const row = await rowOf(got);
        assert.equal(row.outcome, 'error');
        assert.deepEqual(row.attempts.map((x) => x.outcome), ['failed']);
      });
  }
});

describe('a route that a request brings', () => {
  const BAD = [
    [{ race: [] }, 'race'],
    [{ fallback: 'openai/x' }, 'fallback'],
    [{ cheapest: [] }, 'cheapest'],
    [{ fastest: [] }, 'fastest'],
    [{ split: [] }, 'split'],
    [{ when: [], otherwise: 'openai/x' }, 'when'],
    [{ split: [{ use: 'openai/x', weight: 0 }] }, 'split[0].weight'],
    [{ race: ['openai/x'], fallback: ['openai/x'] }, 'race'],
    [{ fallback: ['openai/x', { race: ['nobody/x'] }] },
      'fallback[1].race[0]'],
    [{ fallback: ['openai/x'], hedge_ms: 1 }, 'hedge_ms'],
    [{ race: ['openai/x'], max_racers: 1 }, 'max_racers'],
    [{ model: 'openai/x', set: { model: 'y' } }, 'set.model'],
    [{}, ''],
  ];
  let key;
  test('keys', async () => {
    key = JSON.parse(await sluice.cli(['key', 'create', '--name', 'router',
      '--may-route', '--json'])).key;
  });
  for (const [node, where] of BAD)
    test(`400 with its path: ${JSON.stringify(node)}`, async () => {
      const got = await ask('openai/x', {},
        { 'x-sluice-route': JSON.stringify(node) }, { key });
      assert.equal(got.status, 400, got.text);
      assert.equal(got.json.error.param,
        `x-sluice-route${where && `.${where}`}`);
      assert.deepEqual(called('x'), [0]);
      assert.equal((await rowOf(got)).outcome, 'refused');
    });
  test('403 without the permission, however good', async () => {
    for (const node of [{ fallback: ['openai/x'] }, {}])
      assert.equal((await ask('openai/x', {},
        { 'x-sluice-route': JSON.stringify(node) })).status, 403);
  });
  test('400: no JSON, or JSON with a tail', async () => {
    for (const bad of ['{', '{"fallback":["openai/x"]} x'])
      assert.equal((await ask('openai/x', {}, { 'x-sluice-route': bad },
        { key })).status, 400, bad);
  });
});
