// SPDX-License-Identifier: MIT
// What the Responses API has besides creating an answer: it passes to the
// provider that has it, byte for byte, with the credential swapped.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { SECRET, startSluice } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const upstream = await startUpstream();
const second = await startUpstream();
const sluice = await startSluice({ upstream, conf: { providers: {
  other: { api: 'openai_responses', base_url: `${second.url}/v1`,
    key: 'sk-other' } } } });
const alone = await startSluice({ conf: { providers: {
  anthropic: { base_url: upstream.url, key: SECRET.anthropic } } } });
after(async () => {
  await Promise.all([sluice.stop(), alone.stop()]);
  upstream.stop();
  second.stop();
});
const openai = sluice.openai();
const missing = (id) => ({ error: { message: `no ${id}`, code: null,
  type: 'invalid_request_error', param: null } });

// Odd spelling, so that nothing but the bytes themselves can be right.
const STORED = '{ "id":"resp_1", "object" : "response","model":"gpt-5-mini",' +
  '"output":[],"usage":{"input_tokens":1e1,"output_tokens":5}, "a":"\\u0062"}';

describe('a stored response', () => {
  for (const [method, path, answer] of [
    ['GET', '/v1/responses/resp_1', STORED],
    ['GET', '/v1/responses/resp_1?include[]=a.b&starting_after=3', STORED],
    ['DELETE', '/v1/responses/resp_1',
      '{"id":"resp_1","object":"response.deleted", "deleted":true}'],
    ['GET', '/v1/responses/resp_1/input_items?limit=2&order=asc',
      '{"object":"list", "data":[],"has_more":false}'],
    ['POST', '/v1/responses/resp_1/cancel', STORED]])
    test(`${method} ${path}`, async () => {
      upstream.on('resp_1', (c) => c.whole(answer));
      const r = await sluice.request({ method, path });
      assert.equal(r.status, 200, r.text);
      assert.equal(r.text, answer);
      const call = upstream.calls.at(-1);
      assert.equal(call.method, method);
      assert.equal(call.path, path);
      assert.equal(call.headers.authorization, `Bearer ${SECRET.openai}`);
      assert.equal(call.raw.length, 0);
      assert.equal(r.headers['x-sluice-model'], 'openai/responses');
      const row = await sluice.ledger.waitForRow(r.headers['x-request-id']);
      assert.equal(row.dialect, 'openai-responses-stored');
      assert.equal(row.outcome, 'ok');
      // it was paid for, and counted, when it was made
      assert.equal(Number(row.cost_usd), 0);
      assert.equal(row.attempts[0].usage.input, 0);
    });

  test('is streamed again', async () => {
    const item = { type: 'message', id: 'msg_1', role: 'assistant',
      status: 'completed', content: [] };
    const response = { id: 'resp_2', object: 'response', output: [item],
      status: 'completed', usage: { input_tokens: 1, output_tokens: 2 } };
    const frames = [
      { type: 'response.created', response: { ...response, output: [] } },
      { type: 'response.output_item.added', output_index: 0, item },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response }].map((e, i) =>
      `event: ${e.type}\ndata: ${JSON.stringify(
        { ...e, sequence_number: i + 4 })}\n\n`);
    upstream.on('resp_2', (c) => c.stream(frames));
    const r = await sluice.request({ method: 'GET',
      path: '/v1/responses/resp_2?stream=true&starting_after=3' });
    assert.match(r.headers['content-type'], /event-stream/);
    assert.equal(r.text, frames.join(''));
  });

  test('is looked for where else it may be', async () => {
    upstream.on('resp_3', (c) => c.whole(missing('resp_3'), 404));
    second.on('resp_3', (c) => c.whole(STORED));
    const r = await sluice.request({ method: 'GET',
      path: '/v1/responses/resp_3' });
    assert.equal(r.text, STORED);
    assert.equal(r.headers['x-sluice-model'], 'other/responses');
    assert.equal(r.headers['x-sluice-attempts'], '2');
    assert.equal(second.calls.at(-1).headers.authorization,
      'Bearer sk-other');
  });

  test('that nobody has is the provider\'s own 404', async () => {
    const body = JSON.stringify(missing('resp_4'));
    for (const u of [upstream, second])
      u.on('resp_4', (c) => c.whole(body, 404));
    const r = await sluice.request({ method: 'DELETE',
      path: '/v1/responses/resp_4' });
    assert.equal(r.status, 404);
    assert.equal(r.text, body);
    const row = await sluice.ledger.waitForRow(r.headers['x-request-id']);
    assert.equal(row.status, 404);
    assert.equal(row.attempts.length, 2);
  });

  test('is a clear 404 where no provider keeps any', async () => {
    const r = await alone.request({ method: 'GET',
      path: '/v1/responses/resp_1' });
    assert.equal(r.status, 404);
    assert.match(r.json.error.message, /no provider here keeps responses/);
  });

  for (const path of ['/v1/responses/a%20b', '/v1/responses/a%2Fb',
    '/v1/responses/a%00', '/v1/responses/a?x=%22"', '/v1/responses/%23a'])
    test(`${path} names none, and is not asked for`, async () => {
      const before = upstream.calls.length;
      const r = await sluice.request({ method: 'GET', path });
      assert.ok([400, 404].includes(r.status), r.text);
      assert.equal(upstream.calls.length, before);
    });

  test('is not for a key of certain models', async () => {
    const created = await sluice.cli(['key', 'create', '--name', 'few',
      '--models', 'openai/gpt-5-mini', '--json']);
    const { key } = JSON.parse(created);
    const r = await sluice.request({ method: 'GET', key,
      path: '/v1/responses/resp_1' });
    assert.equal(r.status, 403, r.text);
  });

  test('needs a key, and the right method', async () => {
    const path = '/v1/responses/resp_1';
    const ask = (opts) => sluice.request({ path, ...opts });
    assert.equal((await ask({ method: 'GET', key: null })).status, 401);
    const put = await ask({ method: 'PUT', body: {} });
    assert.equal(put.status, 405);
    assert.equal(put.headers.allow, 'GET, DELETE, OPTIONS');
  });
});

describe('POST /v1/responses/input_tokens', () => {
  const path = '/v1/responses/input_tokens';
  const body = (model) => `{"model":"${model}", "input":"hi \\u0062"}`;

  test('is the provider\'s count', async () => {
    const counted = '{"object":"response.input_tokens", "input_tokens":7}';
    upstream.on('gpt-5-mini', (c) => c.whole(counted));
    const r = await sluice.request({ path, body: body('openai/gpt-5-mini') });
    assert.equal(r.text, counted);
    const call = upstream.calls.at(-1);
    assert.equal(call.path, path);
    assert.equal(call.raw.toString(), body('gpt-5-mini'));
    const row = await sluice.ledger.waitForRow(r.headers['x-request-id']);
    assert.equal(Number(row.cost_usd), 0);
  });

  test('is estimated for others', async () => {
    const before = upstream.calls.length;
    const r = await sluice.request({ path,
      body: body('anthropic/claude-sonnet-4-5') });
    assert.equal(r.json.object, 'response.input_tokens');
    assert.ok(r.json.input_tokens > 0);
    assert.equal(upstream.calls.length, before);
  });

  test('and count_tokens is estimated for Responses providers', async () => {
    const r = await sluice.request({ path: '/v1/messages/count_tokens',
      body: { model: 'other/m', messages: [{ role: 'user', content: 'hi' }] } });
    assert.deepEqual(Object.keys(r.json), ['input_tokens']);
  });
});

describe('POST /v1/responses/compact', () => {
  const path = '/v1/responses/compact';
  const input = [{ role: 'user', content: 'long' },
    { type: 'reasoning', id: 'rs_1', summary: [],
      encrypted_content: 'sluice:anthropic-claude-v1:abc' },
    { type: 'reasoning', id: 'rs_2', summary: [],
      encrypted_content: 'gAAA' }];

  test('passes, is priced, and takes no other vendor\'s thinking along',
    async () => {
      upstream.on('gpt-5-mini', (c) => c.whole({ id: 'resp_9',
        object: 'response.compaction', created_at: 1,
        output: [{ type: 'compaction', encrypted_content: 'x' }],
        usage: { input_tokens: 1000, output_tokens: 100,
          total_tokens: 1100 } }));
      const r = await sluice.request({ path,
        body: { model: 'openai/gpt-5-mini', input } });
      assert.equal(r.status, 200, r.text);
      assert.equal(r.json.output[0].type, 'compaction');
      const call = upstream.calls.at(-1);
      assert.equal(call.path, path);
      assert.deepEqual(call.body.input, [input[0], input[2]]);
      assert.equal(r.headers['x-sluice-lossy'], 'thinking');
      // 1000 x 0.25 + 100 x 2 USD a million
      assert.equal(r.json.usage.cost, 0.00045);
      const row = await sluice.ledger.waitForRow(r.headers['x-request-id']);
      assert.equal(row.attempts[0].usage.output, 100);
      assert.equal(row.cost_usd, '0.00045');
    });

  test('is a clear 400 elsewhere', async () => {
    const r = await sluice.request({ path,
      body: { model: 'anthropic/claude-sonnet-4-5', input } });
    assert.equal(r.status, 400);
    assert.match(r.json.error.message, /anthropic has no compaction/);
    assert.equal(r.json.error.param, 'model');
  });
});

describe('a conversation that has been with another vendor', () => {
  const foreign = 'sluice:openai-responses-v1:abc';
  const messages = [{ role: 'user', content: 'a' },
    { role: 'assistant', content: [
      { type: 'thinking', thinking: 't', signature: foreign },
      { type: 'redacted_thinking', data: foreign },
      { type: 'text', text: 'b' }] },
    { role: 'assistant', content: [
      { type: 'redacted_thinking', data: foreign }] },
    { role: 'user', content: [{ type: 'text', text: 'sluice: c' }] },
    { role: 'assistant', content: [{ type: 'text', text: 'cited',
      citations: [{ type: 'web_search_result_location', url: 'https://x',
        title: 'X', encrypted_index: 'sluice:google-gemini-v1:',
        cited_text: '' }] }] },
    { role: 'assistant', content: [
      { type: 'thinking', thinking: 'own', signature: 'EqQB' },
      { type: 'text', text: 'd' }] },
    { role: 'user', content: 'e' }];
  const ask = (headers = {}) => sluice.request({ path: '/v1/messages',
    headers, body: { model: 'anthropic/claude-sonnet-4-5', max_tokens: 9,
      messages } });

  test('leaves that one\'s thinking behind, and says so', async () => {
    upstream.on('claude-sonnet-4-5', (c) => c.answer({ text: 'f' }));
    const r = await ask();
    assert.equal(r.status, 200, r.text);
    assert.equal(r.headers['x-sluice-lossy'], 'thinking');
    assert.deepEqual(upstream.calls.at(-1).body.messages, [messages[0],
      { role: 'assistant', content: [messages[1].content[2]] },
      messages[3],
      { role: 'assistant', content: [{ type: 'text', text: 'cited' }] },
      ...messages.slice(5)]);
    const row = await sluice.ledger.waitForRow(r.headers['x-request-id']);
    assert.deepEqual(row.lossy, ['thinking']);
  });

  test('is refused where nothing may be lost', async () => {
    const r = await ask({ 'x-sluice-require': 'lossless' });
    assert.equal(r.status, 400);
    assert.match(r.json.error.message, /thinking/);
  });
});
