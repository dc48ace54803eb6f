// SPDX-License-Identifier: MIT
// The response cache: who gets what is stored, in which words, what is never
// stored, and that identical calls at the same time are one upstream.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';
import * as wire from './lib/wire.mjs';

const PROCS = 4;
const CROWD = 100;
const TEXT = 'Grüße aus dem Cache: one answer for all.';

const upstream = await startUpstream();
const PRICE = { price: { input: '1', output: '2' } };
const sluice = await startSluice({ upstream, procs: PROCS, conf: {
  routing: { attempts: 1 },
  models: { 'openai/m': PRICE, 'openai/embed': PRICE },
  routes: { faq: { cache: 'on', cache_ttl_s: 60, fallback: ['openai/m'] },
    never: { cache: 'off', fallback: ['openai/m'] } } } });
after(async () => {
  await sluice.stop();
  upstream.stop();
});
upstream.on('m', (c) => c.answer({ text: TEXT }));

let serial = 0;
const fresh = () => `question ${++serial}`;
const chat = (content, more = {}) => ({ model: 'openai/m', max_tokens: 50,
  messages: [{ role: 'user', content }], ...more });
const ask = (body, headers = {}, more = {}) => sluice.request({ body,
  headers: { 'x-sluice-cache': 'on', ...headers }, ...more });
const word = (r) => r.headers['x-sluice-cache'];
const calls = () => upstream.callsFor('m').length;
const content = (r) => r.json.choices[0].message.content;
// the text of a stream of Chat Completions
const said = (text) => text.split('\n').filter((l) => l.startsWith('data: {'))
  .map((l) => JSON.parse(l.slice(6)).choices?.[0]?.delta?.content ?? '')
  .join('');

describe('one entry, written by an OpenAI stream', () => {
  const q = fresh();

  test('is a miss once, and then serves every dialect, whole and as a stream',
    async () => {
      const before = calls();
      const first = await ask(chat(q, { stream: true }));
      assert.equal(word(first), 'miss');
      assert.equal(said(first.text), TEXT);

      const headers = { 'x-sluice-cache': 'on' };
      const openai = sluice.openai({ defaultHeaders: headers });
      const anthropic = sluice.anthropic({ defaultHeaders: headers });
      const hit = (sdk) => {
        assert.equal(sdk.lastHeaders.get('x-sluice-cache'), 'hit');
        assert.equal(sdk.lastHeaders.get('x-sluice-model'), 'openai/m');
        assert.match(sdk.lastHeaders.get('age'), /^\d$/);
      };
      const whole = await openai.chat.completions.create(chat(q));
      hit(openai);
      assert.equal(whole.choices[0].message.content, TEXT);
      const stream = await openai.chat.completions.stream({ ...chat(q),
        stream_options: { include_usage: true } }).finalChatCompletion();
      hit(openai);
      assert.equal(stream.choices[0].message.content, TEXT);
      assert.notEqual(stream.id, whole.id);
      assert.equal(stream.usage.cost, 0);
      assert.equal(stream.usage.cost_details.cache, 'hit');
      assert.ok(stream.usage.cost_details.saved > 0);
      assert.ok(Math.abs(whole.created - Date.now() / 1000) < 86400 * 2);

      const message = await anthropic.messages.create(chat(q));
      hit(anthropic);
      assert.equal(message.content[0].text, TEXT);
      assert.equal(message.stop_reason, 'end_turn');
      const stored = anthropic.messages.stream(chat(q));
      let start;
      stored.on('streamEvent', (e) => {
        if (e.type === 'message_start')
          start = structuredClone(e.message.usage);
      });
      const streamed = await stored.finalMessage();
      hit(anthropic);
      assert.equal(streamed.content[0].text, TEXT);
      assert.equal(start.input_tokens, whole.usage.prompt_tokens);
      assert.deepEqual(streamed.usage.output_tokens,
        whole.usage.completion_tokens);

      const response = await openai.responses.stream({ model: 'openai/m',
        input: q, max_output_tokens: 50 }).finalResponse();
      hit(openai);
      assert.equal(response.output_text, TEXT);
      assert.equal(calls() - before, 1);
    });

  test('costs nothing, and the ledger says what that saved', async () => {
    const miss = await ask(chat(fresh()));
    const paid = await sluice.ledger.waitForRow(miss.headers['x-request-id']);
    assert.equal(paid.cache, 'miss');
    assert.equal(paid.saved_usd, null);
    const r = await ask(chat(q));
    const row = await sluice.ledger.waitForRow(r.headers['x-request-id']);
    assert.deepEqual([row.cache, row.cost_usd, row.saved_usd, row.answered],
      ['hit', '0', paid.cost_usd, 'openai/m']);
    assert.deepEqual(row.attempts, []);
    assert.equal(r.headers['x-sluice-cost-usd'], '0');
  });
});

test('is off unless it is asked for, by header, route, key or configuration',
  async () => {
    const q = fresh();
    const key = JSON.parse(await sluice.cli(['key', 'create', '--name', 'c',
      '--cache', 'on', '--json'])).key;
    const go = (more, headers = {}, opts = {}) => sluice.request({ headers,
      body: chat(q, more), ...opts });
    assert.equal(word(await go({})), 'off');
    assert.equal(word(await go({})), 'off');
    assert.equal(word(await go({ model: 'faq' })), 'miss');
    assert.equal(word(await go({ model: 'faq' })), 'hit');
    assert.equal(word(await go({ sluice: { cache: 'on' } })), 'hit',
      'a route of one target is that target');
    assert.equal(word(await go({ model: 'never' }, {}, { key })), 'off');
    assert.equal(word(await go({}, {}, { key })), 'miss');
    assert.equal(word(await go({}, {}, { key })), 'hit');
    assert.equal(word(await go({}, { 'x-sluice-cache': 'off' }, { key })),
      'off');
  });

test('refresh, only and Cache-Control mean what HTTP means by them',
  async () => {
    const q = fresh();
    const only = await ask(chat(q), { 'x-sluice-cache': 'only' });
    assert.equal(only.status, 504);
    assert.equal(only.json.error.code, 'not_cached');
    assert.equal(only.headers['x-should-retry'], 'false');
    const b = calls();
    await ask(chat(q), { 'x-sluice-cache': 'refresh' });
    assert.equal(word(await ask(chat(q), { 'x-sluice-cache': 'only' })), 'hit');
    await ask(chat(q), { 'x-sluice-cache': 'refresh' });
    await ask(chat(q), { 'cache-control': 'no-cache' });
    assert.equal(calls() - b, 3);
    assert.equal(word(await ask(chat(q), { 'cache-control': 'max-age=60' })),
      'hit');
    await sleep(1100);
    assert.equal(word(await ask(chat(q), { 'cache-control': 'max-age=1' })),
      'hit');
    assert.equal(word(await ask(chat(q), { 'cache-control': 'max-age=0' })),
      'miss');
    const n = fresh();
    for (const headers of [{ 'cache-control': 'x, no-store' },
      { 'x-sluice-no-store': '1' }]) {
      assert.equal(word(await ask(chat(n), headers)), 'refused: no-store');
      assert.equal((await ask(chat(n), { 'x-sluice-cache': 'only' })).status,
        504);
    }
  });

test('a wrong word or an absurd lifetime is a 400 that names the option',
  async () => {
    for (const [headers, pattern] of [
      [{ 'x-sluice-cache': 'maybe' }, /x-sluice-cache: must be on/],
      [{ 'x-sluice-cache-ttl': '0' }, /x-sluice-cache-ttl/],
      [{ 'x-sluice-cache-ttl': '99999999999' }, /x-sluice-cache-ttl/],
      [{ 'x-sluice-cache-ttl': '1e3' }, /x-sluice-cache-ttl/]]) {
      const r = await ask(chat('x'), headers);
      assert.equal(r.status, 400);
      assert.match(r.json.error.message, pattern);
    }
  });

test('an answer lives as long as the request that brought it says',
  async () => {
    const q = fresh();
    await ask(chat(q), { 'x-sluice-cache-ttl': '1' });
    assert.equal(word(await ask(chat(q))), 'hit');
    await sleep(1300);
    assert.equal(word(await ask(chat(q))), 'miss');
  });

describe('nothing is stored of', () => {
  const never = async (script, why, body = chat(fresh())) => {
    upstream.on('m', script);
    const r = await ask(body);
    upstream.on('m', (c) => c.answer({ text: TEXT }));
    if (why)
      assert.match(word(r), why);
    const again = await ask(body);
    assert.notEqual(word(again), 'hit');
    return r;
  };

  test('errors, truncated, refused and cut answers', async () => {
    await never((c) => c.whole(wire.openaiError('no'), 400));
    await never((c) => c.answer({ text: TEXT, stop: 'length' }),
      /^refused: truncated/);
    await never((c) => c.whole({ ...wire.openaiWhole({ text: '' }, 'm'),
      choices: [{ index: 0, message: { role: 'assistant', content: null,
        refusal: 'no' }, finish_reason: 'stop' }] }), /^refused: the model/);
    await never(async (c) => {
      c.sse();
      await c.write(c.frames({ text: TEXT })[0]);
      await c.write(c.frames({ text: TEXT })[1]);
      c.cut();
    }, null, chat(fresh(), { stream: true }));
  });

  test('a stream tells it in its last usage', async () => {
    upstream.on('m', (c) => c.answer({ text: TEXT, stop: 'length' }));
    const r = await ask(chat(fresh(), { stream: true,
      stream_options: { include_usage: true } }));
    upstream.on('m', (c) => c.answer({ text: TEXT }));
    assert.match(r.text, /"cost_details":\{"cache":"refused: truncated"\}/);
  });

  test('hosted tools, unless the request says for how long', async () => {
    const body = chat(fresh(), { tools: [{ type: 'web_search' }] });
    assert.equal(word(await ask(body)), 'refused: hosted tools');
    assert.equal((await ask(body, { 'x-sluice-cache': 'only' })).status, 504);
    for (const want of ['miss', 'hit'])
      assert.equal(word(await ask(body, { 'x-sluice-cache-ttl': '60' })), want);
  });

  test('what an entry does not hold, and what is too large', async () => {
    await never((c) => c.answer({ text: TEXT }),
      /refused: asks for what is not kept/, chat(fresh(), { logprobs: true }));
    await never((c) => c.answer({ text: 'x'.repeat(2 << 20) }),
      /refused: too large/);
  });
});

test('two accounts, and two keys without one, never share', async () => {
  const q = fresh(), b = calls();
  const keys = [];
  for (const account of ['a', 'b', null, null]) {
    if (account)
      await sluice.cli(['account', 'create', account]).catch(() => {});
    keys.push(JSON.parse(await sluice.cli(['key', 'create', '--name', 'k',
      ...(account ? ['--account', account] : []), '--json'])).key);
  }
  for (const key of keys)
    assert.equal(word(await ask(chat(q), {}, { key })), 'miss');
  for (const key of keys)
    assert.equal(word(await ask(chat(q), {}, { key })), 'hit');
  assert.equal(calls() - b, keys.length);
});

describe(`${CROWD} identical calls at a time, over ${PROCS} processes`, () => {
  const gap = async (c, answer, ms) => {
    c.sse();
    for (const f of c.frames(answer)) {
      await c.write(f);
      await sleep(ms);
    }
    c.end();
  };
  const WORDS = Array.from({ length: 30 }, (_, i) => `word${i} `).join('');
  const crowd = (body, opts = () => ({})) => Promise.all(Array.from(
    { length: CROWD }, (_, i) => ask(body, {}, opts(i)).catch((e) =>
      ({ status: 0, text: String(e), headers: {} }))));

  test('are one upstream call, and all stream along', async () => {
    upstream.on('m', (c) => gap(c, { text: WORDS }, 15));
    const b = calls();
    const all = await crowd(chat(fresh(), { stream: true }));
    assert.equal(calls() - b, 1);
    for (const r of all) {
      assert.equal(r.status, 200);
      assert.equal(said(r.text), WORDS);
    }
    assert.equal(all.filter((r) => word(r) === 'miss').length, 1);
  });

  test('also as whole answers, in another dialect', async () => {
    upstream.on('m', async (c) => {
      await sleep(300);
      return c.answer({ text: TEXT });
    });
    const b = calls(), q = fresh();
    const all = await Promise.all([crowd(chat(q)), ...Array.from({ length: 5 },
      () => ask(chat(q), {}, { path: '/v1/messages' }))]);
    assert.equal(calls() - b, 1);
    for (const r of all[0])
      assert.equal(content(r), TEXT);
    for (const r of all.slice(1))
      assert.equal(r.json.content[0].text, TEXT);
  });

  test('share an error of the provider, which is not stored: each has what ' +
    'he would have had alone', async () => {
    const error = { error: { message: 'bad thing', type: 'odd_error',
      param: null, code: 'odd', extra: [1, 2] } };
    const fail = (c) => c.whole(error, 500, { 'retry-after': '7' });
    const messages = { path: '/v1/messages' };
    const told = (r) => [r.status, r.headers['retry-after'],
      r.headers['x-sluice-model'], { ...r.json, request_id: null }];
    upstream.on('m', fail);
    const alone = chat(fresh());
    const want = [told(await ask(alone)), told(await ask(alone, {}, messages))];
    assert.deepEqual(want[0].slice(0, 2), [500, '7']);
    assert.deepEqual(want[0][3], { ...error, request_id: null });
    assert.deepEqual(want[1].slice(0, 2), [502, '7']);

    upstream.on('m', async (c) => {
      await until('everybody leads or follows', () =>
        inFlight(sluice, sluice.pids()) === CROWD);
      fail(c);
    });
    let last;
    for (const [own, other] of [[0, 1], [1, 0]]) {
      const b = calls(), body = chat(fresh()), begun = upstream.next('m');
      const go = (kind) => ask(body, {}, kind ? messages : {});
      const leader = go(own);
      await begun;
      const others = Array.from({ length: CROWD - 1 }, (_, i) =>
        go(i % 2 ? own : other));
      const all = await Promise.all([leader, ...others]);
      assert.equal(calls() - b, 1);
      all.forEach((r, i) => assert.deepEqual(told(r),
        want[i % 2 ? other : own]));
      last = body;
    }
    upstream.on('m', (c) => c.answer({ text: TEXT }));
    assert.equal(word(await ask(last)), 'miss');
  });

  test('with the leader killed before it has said a word: two upstream ' +
    'calls, and every client of an SDK is answered', async (t) => {
    const sdk = { defaultHeaders: { 'x-sluice-cache': 'on' }, maxRetries: 2 };
    const openai = sluice.openai(sdk), anthropic = sluice.anthropic(sdk);
    const q = chat(fresh());
    const kinds = [
      () => openai.chat.completions.create(q)
        .then((r) => r.choices[0].message.content),
      () => openai.chat.completions.stream(q).finalContent(),
      () => anthropic.messages.create(q).then((r) => r.content[0].text),
      () => anthropic.messages.stream(q).finalText()];
    upstream.on('m', (c) => {
      upstream.on('m', (d) => gap(d, { text: WORDS }, 40));
      return c.gone;
    });
    const b = calls(), begun = upstream.next('m');
    const all = Array.from({ length: CROWD }, (_, i) =>
      kinds[i % kinds.length]());
    const leader = await begun;
    await until('everybody leads or follows', () =>
      inFlight(sluice, sluice.pids()) === CROWD);
    const second = upstream.next('m');
    killLeader(leader);
    const killed = performance.now();
    t.diagnostic(`taken over after ${
      Math.round((await second).at - killed)} ms`);
    assert.deepEqual(await Promise.all(all), Array(CROWD).fill(WORDS));
    assert.equal(calls() - b, 2);
    upstream.on('m', (c) => c.answer({ text: TEXT }));
  });

  test('with the leader killed in mid-stream: who is cut with it gets all ' +
    'of the same answer when he asks again', async (t) => {
    const body = chat(fresh(), { stream: true });
    const whole = (r) => r.status === 200 && said(r.text) === WORDS;
    upstream.on('m', (c) => gap(c, { text: WORDS }, 20));
    const b = calls(), begun = upstream.next('m'), heard = new Set();
    const all = crowd(body, (i) => ({ onData: () => heard.add(i) }));
    const leader = await begun;
    await until('everybody has heard something', () => heard.size === CROWD);
    killLeader(leader);
    const cut = (await all).filter((r) => !whole(r));
    t.diagnostic(`${CROWD - cut.length} of ${CROWD} whole at once`);
    assert.ok(cut.length <= CROWD / 2, JSON.stringify(cut.map((r) =>
      [r.status, r.text.slice(-300)])));
    for (const r of cut)
      assert.ok(r.complete === false || r.status >= 500 || r.status === 0,
        JSON.stringify([r.status, r.text.slice(-300)]));
    for (const r of await Promise.all(cut.map(() => ask(body))))
      assert.ok(whole(r));
    assert.equal(calls() - b, 2);
    upstream.on('m', (c) => c.answer({ text: TEXT }));
  });
});

// Kill who leads to that call of the upstream.
function killLeader({ port }) {
  const leader = sluice.pids().find((pid) => hasPort(pid, port));
  assert.ok(leader, 'nobody has that connection');
  process.kill(leader, 'SIGKILL');
}

// Has this process a connection from that port of its own?  By /proc.
function hasPort(pid, port) {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = fs.readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n')
    .map((l) => l.trim().split(/\s+/))
    .filter((f) => f[1]?.endsWith(`:${hex}`) && f[3] === '01')
    .map((f) => `socket:[${f[9]}]`);
  return links(pid).some((to) => inodes.includes(to));
}

// How many lead or follow: they have the file of a flight open.
function inFlight({ dir }, pids) {
  return pids.flatMap(links).filter((to) =>
    to.startsWith(`${dir}/data/flight/`)).length;
}

// What the descriptors of a process are.
function links(pid) {
  return fs.readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';                            // closed meanwhile
    }
  });
}

describe('those who follow', () => {
  const slow = (n, ms) => async (c) => {
    c.sse();
    for (const f of c.frames({ text: 'tick '.repeat(n) })) {
      await c.write(f);
      await sleep(ms);
    }
    c.end();
  };

  test('are not hurt by a leader whose client leaves', async () => {
    upstream.on('m', slow(20, 30));
    const b = calls(), body = chat(fresh(), { stream: true });
    const quit = new AbortController();
    const begun = upstream.next('m');
    const leader = ask(body, {}, { signal: quit.signal }).catch(() => null);
    await begun;
    const followers = Array.from({ length: 8 }, () => ask(body));
    await sleep(200);
    quit.abort();
    for (const r of await Promise.all(followers)) {
      assert.equal(said(r.text), 'tick '.repeat(20));
      assert.equal(word(r), 'hit');
    }
    await leader;
    assert.equal(calls() - b, 1);
    const open = (await sluice.ledger.rows()).filter((r) =>
      r.outcome === 'open');
    assert.deepEqual(open, []);
    assert.equal(word(await ask(body)), 'hit');
  });

  test('are not held up by a leader whose client does not read', async () => {
    const big = 'slow reader '.repeat(20), pieces = 1500;
    upstream.on('m', async (c) => {
      c.sse();
      const frames = c.frames({ text: 'x' });
      await c.write(frames[0]);
      for (let i = 0; i < pieces; i++)
        await c.write(frames[1].replace('"x"', JSON.stringify(big)));
      for (const f of frames.slice(2))
        await c.write(f);
      c.end();
    });
    const b = calls(), body = chat(fresh(), { stream: true });
    const begun = upstream.next('m');
    let read;
    const leader = ask(body, {}, { readAfter: new Promise((r) => read = r) });
    await begun;
    const followers = await Promise.all(Array.from({ length: 4 },
      () => ask(body)));
    for (const r of followers)
      assert.equal(said(r.text), big.repeat(pieces));
    read();
    assert.equal(said((await leader).text), big.repeat(pieces));
    assert.equal(calls() - b, 1);
  });

  test('who comes alone and leaves, cancels the upstream', async () => {
    upstream.on('m', slow(100, 30));
    const quit = new AbortController();
    const begun = upstream.next('m');
    const one = ask(chat(fresh(), { stream: true }), {},
      { signal: quit.signal }).catch(() => null);
    const call = await begun;
    await sleep(100);
    quit.abort();
    await one;
    await until('the provider is left', () => call.goneAt, 3000);
  });

  const spools = () => fs.readdirSync(`${sluice.dir}/data/flight`);

  test('leave no file behind', async () => {
    upstream.on('m', (c) => c.answer({ text: TEXT }));
    await until('all flights have ended', () => spools().length === 0);
  });

  test('find nothing of a leader who died alone: a second later it is gone',
    async () => {
      upstream.on('m', async (c) => {
        c.sse();
        await c.write(c.frames({ text: TEXT }).slice(0, 2).join(''));
        await c.gone;
      });
      const begun = upstream.next('m');
      const alone = ask(chat(fresh(), { stream: true })).catch(() => null);
      const call = await begun;
      await until('something is written', () => spools().length === 1);
      killLeader(call);
      await alone;
      await until('it is gone', () => spools().length === 0, 3000);
      upstream.on('m', (c) => c.answer({ text: TEXT }));
    });
});

test('a stored stream comes at the pace of the configuration', async () => {
  const text = 'ünï '.repeat(200);          // 1400 bytes are 350 tokens
  upstream.on('m', (c) => c.answer({ text }));
  const body = chat(fresh(), { stream: true });
  await ask(body);
  sluice.configure({ ...sluice.conf,
    cache: { pace_tokens_per_s: 700, max_entry_kb: 1024 } });
  await sleep(1200);                        // it is looked at once a second
  const start = performance.now(), at = [];
  const r = await ask(body, {}, { onData: () => at.push(performance.now()) });
  assert.equal(word(r), 'hit');
  assert.equal(said(r.text), text);
  assert.ok(at.length > 5 && at.at(-1) - start > 350,
    `${at.length} pieces in ${at.at(-1) - start} ms`);
  const whole = await ask({ ...body, stream: false });
  assert.equal(content(whole), text);
  sluice.configure({ ...sluice.conf, cache: {} });
  upstream.on('m', (c) => c.answer({ text: TEXT }));
});

describe('embeddings', () => {
  const vector = (text) => [String(text).length / 4, -1.5, String(text).charCodeAt(0) / 8];
  const batches = [];
  const embed = (input, more = {}, headers = {}) => ask({ input,
    model: 'openai/embed', ...more }, headers, { path: '/v1/embeddings' });
  const vectors = (r) => r.json.data.map((d) => d.embedding);
  upstream.on('embed', (c) => {
    const texts = [c.body.input].flat();
    batches.push(texts);
    return c.whole({ object: 'list', model: 'embed',
      data: texts.map((t, index) => ({ object: 'embedding', index,
        embedding: c.body.encoding_format === 'base64'
          ? Buffer.from(new Float32Array(vector(t)).buffer)
            .toString('base64') : vector(t) })),
      usage: { prompt_tokens: texts.length, total_tokens: texts.length } });
  });

  test('are stored text by text: a batch with one new text asks for one',
    async () => {
      assert.equal(word(await embed(['a1', 'b22', 'c333'])), 'miss');
      const r = await embed(['b22', 'new', 'a1', 'c333']);
      assert.equal(word(r), 'miss');
      assert.deepEqual(vectors(r), ['b22', 'new', 'a1', 'c333'].map(vector));
      assert.deepEqual(r.json.data.map((d) => d.index), [0, 1, 2, 3]);
      assert.deepEqual(batches, [['a1', 'b22', 'c333'], ['new']]);
      // as the provider would count all of it; what is new is to be paid
      assert.equal(r.json.usage.prompt_tokens, 4);
      assert.equal(r.json.usage.total_tokens, 4);
      assert.equal(r.json.usage.cost, 1 / 1e6);
      assert.deepEqual(r.json.usage.cost_details,
        { cache: 'miss', saved: 3 / 1e6 });
      const row = await sluice.ledger.waitForRow(r.headers['x-request-id']);
      assert.deepEqual([row.cache, row.cost_usd, row.saved_usd,
        row.attempts[0].usage.input], ['miss', '0.000001', '0.000003', 1]);
      const hit = await embed(['new', 'c333']);
      assert.equal(word(hit), 'hit');
      assert.deepEqual(vectors(hit), ['new', 'c333'].map(vector));
      assert.equal(hit.json.usage.cost, 0);
      assert.equal(hit.json.usage.prompt_tokens, 2);
      assert.deepEqual(vectors(await embed('a1')), [vector('a1')]);
      assert.equal(batches.length, 2);
    });

  test('are the same for an SDK, which has them packed', async () => {
    const openai = sluice.openai({ defaultHeaders: {
      'x-sluice-cache': 'on' } });
    for (const [input, want] of [[['a1', 'packed'], 'miss'],
      [['packed', 'a1'], 'hit']]) {
      const r = await openai.embeddings.create({ model: 'openai/embed',
        input });
      assert.equal(openai.lastHeaders.get('x-sluice-cache'), want);
      assert.deepEqual(r.data.map((d) => d.embedding), input.map(vector));
    }
    assert.deepEqual(batches.at(-1), ['packed']);
    assert.deepEqual(vectors(await embed(['packed'])), [vector('packed')]);
  });

  test('differ by their dimensions; lists of tokens are not stored',
    async () => {
      assert.equal(word(await embed(['a1'], { dimensions: 3 })), 'miss');
      assert.match(word(await embed([1, 2])), /^refused/);
      assert.equal((await embed('no', {}, { 'x-sluice-cache': 'only' }))
        .status, 504);
    });
});

describe('as plain CGI, a process for each request', async () => {
  let cgi;
  after(() => cgi?.stop());

  test('the same: one upstream for a crowd, and hits', async () => {
    cgi = await startSluice({ upstream, mode: 'cgi' });
    upstream.on('m', async (c) => {
      await sleep(500);
      return c.answer({ text: TEXT });
    });
    const go = (body) => cgi.request({ body,
      headers: { 'x-sluice-cache': 'on' } });
    const b = calls(), body = chat(fresh(), { stream: true });
    const all = await Promise.all(Array.from({ length: 10 }, () => go(body)));
    for (const r of all)
      assert.equal(said(r.text), TEXT);
    assert.equal(calls() - b, 1);
    assert.equal(word(await go(body)), 'hit');
    upstream.on('m', (c) => c.answer({ text: TEXT }));
  });
});

test('an admin sees what the cache holds, and empties it', async () => {
  const { key } = JSON.parse(await sluice.cli(
    ['key', 'create', '--name', 'boss', '--admin', '--json']));
  const api = (method, query = '') => sluice.request(
    { method, path: `/sluice/v1/cache${query}`, key });
  const q = fresh();
  await ask(chat(q));
  const { json: stats } = await api('GET');
  assert.deepEqual(stats, { ...JSON.parse(
    await sluice.cli(['cache', 'stats', '--json'])) });
  assert.ok(stats.entries > 0 && stats.file_bytes <= stats.max_bytes);
  assert.equal((await api('DELETE', '?older_s=3600')).json.removed, 0);
  assert.equal((await api('DELETE', '?older_s=-1')).status, 400);
  assert.equal((await api('DELETE', '?key=x')).status, 400);
  assert.ok((await api('DELETE')).json.removed > 0);
  assert.equal((await api('GET')).json.entries, 0);
  assert.equal(word(await ask(chat(q))), 'miss');
});
