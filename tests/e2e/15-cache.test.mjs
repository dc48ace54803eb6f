// SPDX-License-Identifier: MIT
// The response cache: who gets what is stored, in which words, and what never
// is.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { said } from './lib/ask.mjs';
import { TEXT, caching, chat, content, fresh, word } from './lib/cache.mjs';
import { startSluice } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';
import * as wire from './lib/wire.mjs';

const upstream = await startUpstream();
const PRICE = { price: { input: '1', output: '2' } };
const sluice = await startSluice({ upstream, conf: {
  models: { 'openai/m': PRICE, 'openai/embed': PRICE },
  routes: { faq: { cache: 'on', cache_ttl_s: 60, fallback: ['openai/m'] },
    never: { cache: 'off', fallback: ['openai/m'] } } } });
after(async () => {
  await sluice.stop();
  upstream.stop();
});
const { ask, calls } = caching(sluice, upstream);

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
