// SPDX-License-Identifier: MIT
// What is there besides chats, and what HTTP asks of every endpoint.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startSluice } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const ORIGIN = 'https://app.example';
const upstream = await startUpstream();
const pools = {
  fastcgi: await startSluice({ upstream,
    conf: { aliases: { house: 'openai/gpt-5-mini' },
      server: { cors_origins: [ORIGIN] },
      providers: { local: { api: 'openai', free: true,
        base_url: `${upstream.url}/v1` } },
      models: { 'local/tiny-1': { name: 'Tiny', context: 8192,
        price: { input: '0', output: '0' } } } } }),
  cgi: await startSluice({ upstream, mode: 'cgi' }),
};
const sluice = pools.fastcgi;
after(async () => {
  await Promise.all(Object.values(pools).map((s) => s.stop()));
  upstream.stop();
});

const echo = { model: 'echo/echo',
  messages: [{ role: 'user', content: 'Hello there' }] };
const NAMES = ['house', 'openai/gpt-5-mini', 'anthropic/claude-sonnet-4-5',
  'echo/echo', 'local/tiny-1'];

test('a model with an endless name is served; no header grows with it',
  async () => {
    const model = 'a'.repeat(20_000);
    upstream.on(model, (call) => call.answer({ text: 'Hi' }));
    const got = await sluice.request({ path: '/v1/chat/completions',
      body: { ...echo, model: `openai/${model}` } });
    assert.equal(got.status, 200, got.text);
    assert.equal(got.json.choices[0].message.content, 'Hi');
    assert.ok(JSON.stringify(got.headers).length < 3500);
  });

describe('GET /v1/models', () => {
  for (const sdk of ['openai', 'anthropic'])
    test(`is a list to the ${sdk} SDK, and each entry can be fetched`,
      async () => {
        const client = sluice[sdk]();
        const ids = [];
        for await (const m of client.models.list()) {
          ids.push(m.id);
          assert.equal(typeof m.display_name, 'string');
          assert.ok(!Number.isNaN(Date.parse(m.created_at)));
          assert.equal(m.type, 'model');
          assert.equal(m.object, 'model');
        }
        for (const name of NAMES) {
          assert.ok(ids.includes(name), `${name} in ${ids.length} names`);
          assert.equal((await client.models.retrieve(name)).id, name);
        }
        assert.equal(new Set(ids).size, ids.length);
        await assert.rejects(client.models.retrieve('nowhere/none'),
          (e) => e.status === 404);
      });

  test('needs a key', async () => {
    const got = await sluice.request({ method: 'GET', path: '/v1/models',
      key: null });
    assert.equal(got.status, 401);
  });
});

test('custom providers and aliases answer under their own names',
  async () => {
    upstream.on('tiny-1', (call) => call.answer({ text: 'tiny' }));
    upstream.on('gpt-5-mini', (call) => call.answer({ text: 'mini' }));
    for (const [model, text, answered, cost] of [
      ['local/tiny-1', 'tiny', 'local/tiny-1', 0],
      ['tiny-1', 'tiny', 'local/tiny-1', 0],
      ['house', 'mini', 'openai/gpt-5-mini', 0.000013]]) {
      const got = await sluice.request({ body: { ...echo, model } });
      assert.equal(got.status, 200, got.text);
      assert.equal(got.json.choices[0].message.content, text);
      assert.equal(got.headers['x-sluice-model'], answered);
      const row = await sluice.ledger.waitForRow(
        got.headers['x-request-id']);
      assert.equal(row.requested, model);
      assert.equal(row.answered, answered);
      assert.equal(Number(row.cost_usd), cost);
    }
  });

for (const [mode, pool] of Object.entries(pools))
  describe(`${mode}:`, () => {
    test('/healthz needs no key', async () => {
      const got = await pool.request({ method: 'GET', path: '/healthz',
        key: null });
      assert.equal(got.status, 200);
      assert.equal(got.json.status, 'ok');
    });

    for (const path of ['/healthz', '/v1/models'])
      test(`HEAD ${path} is GET without the body`, async () => {
        const got = await pool.request({ method: 'HEAD', path });
        assert.equal(got.status, 200);
        assert.equal(got.raw.length, 0);
        assert.match(got.headers['content-type'], /application\/json/);
      });

    test('a body in chunks, without a length', async () => {
      const got = await pool.request({ body: echo,
        headers: { 'transfer-encoding': 'chunked' } });
      assert.equal(got.status, 200, got.text);
      assert.match(got.json.choices[0].message.content, /Hello there/);
    });

    test('a body of 8 MB', async () => {
      upstream.on('large', (call) => call.answer({ text: 'read' }));
      const content = 'ab '.repeat((8 << 20) / 3);
      const got = await pool.request({ body: { model: 'openai/large',
        messages: [{ role: 'user', content }] } });
      assert.equal(got.status, 200, got.text);
      const sent = upstream.callsFor('large').at(-1).body;
      assert.equal(sent.messages[0].content, content);
    });

    for (const query of ['?beta=true', '?', '?a=%2F..%2F&b', '?x?y/z'])
      test(`query ${query} does not matter`, async () => {
        const got = await pool.request({ path: `/v1/messages${query}`,
          body: { ...echo, max_tokens: 99 } });
        assert.equal(got.status, 200, got.text);
        assert.equal(got.json.type, 'message');
      });

    for (const path of ['//v1//chat/completions', '/v1/./chat/completions',
      '/v1/chat%2fcompletions?x', '/v1/chat/../chat/completions'])
      test(`path ${path} never falls through`, async () => {
        const got = await pool.request({ path, body: echo });
        assert.ok([200, 400, 404].includes(got.status), `${got.status}`);
        assert.ok(got.json, got.text);
      });

    for (const header of ['authorization', 'x-api-key'])
      test(`the key is taken from ${header}`, async () => {
        const got = await pool.request({ body: echo, key: null, headers: {
          [header]: header === 'x-api-key' ? pool.key
            : `bearer ${pool.key}` } });
        assert.equal(got.status, 200, got.text);
      });
  });

describe('CORS', () => {
  const preflight = (origin) => sluice.request({ method: 'OPTIONS',
    key: null, headers: { origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,x-sluice-tags' } });

  test('a listed origin may call', async () => {
    const got = await preflight(ORIGIN);
    assert.ok([200, 204].includes(got.status));
    assert.equal(got.headers['access-control-allow-origin'], ORIGIN);
    assert.match(got.headers['access-control-allow-methods'], /POST/);
    assert.match(got.headers['access-control-allow-headers'],
      /authorization|\*/i);
    const real = await sluice.request({ body: echo,
      headers: { origin: ORIGIN } });
    assert.equal(real.headers['access-control-allow-origin'], ORIGIN);
  });

  test('any other may not', async () => {
    for (const origin of ['https://evil.example', `${ORIGIN}.evil.example`,
      'null']) {
      const got = await preflight(origin);
      assert.equal(got.headers['access-control-allow-origin'], undefined);
    }
  });

  test('errors carry the header too, or pages could not read them',
    async () => {
      const got = await sluice.request({ body: echo, key: 'sk-wrong',
        headers: { origin: ORIGIN } });
      assert.equal(got.status, 401);
      assert.equal(got.headers['access-control-allow-origin'], ORIGIN);
    });
});

test('a head stays under 3.5 KB with many losses', async () => {
  upstream.on('seer', (call) => call.answer({ text: 'ok' }));
  const odd = Object.fromEntries(Array.from({ length: 300 },
    (_, i) => [`member_that_nobody_knows_${i}`, i]));
  const got = await sluice.request({ body: { ...echo, ...odd,
    model: 'anthropic/seer' } });
  assert.equal(got.status, 200, got.text);
  const size = Object.entries(got.headers)
    .reduce((n, [k, v]) => n + k.length + v.length + 4, 0);
  assert.ok(size < 3500, `${size} bytes`);
  assert.match(got.headers['x-sluice-lossy'], /member_that_nobody_knows/);
});

test('echo answers as the models that it plays', async () => {
  const sdk = sluice.openai();
  const say = (model, more) => sdk.chat.completions.create({ ...echo, model,
    ...more });
  const plain = await say('echo/echo');
  assert.match(plain.choices[0].message.content, /Hello there/);
  assert.ok(plain.usage.prompt_tokens > 0 && plain.usage.completion_tokens);
  const begun = performance.now();
  await say('echo/slow-200ms');
  assert.ok(performance.now() - begun >= 200);
  const tool = await say('echo/tool', { tools: [{ type: 'function',
    function: { name: 'look', parameters: { type: 'object',
      properties: {} } } }] });
  assert.equal(tool.choices[0].finish_reason, 'tool_calls');
  assert.equal(tool.choices[0].message.tool_calls[0].function.name, 'look');
  const thought = await sluice.anthropic().messages.create({ ...echo,
    model: 'echo/think', max_tokens: 2000 });
  assert.equal(thought.content[0].type, 'thinking');
  assert.equal(thought.content.at(-1).type, 'text');
});
