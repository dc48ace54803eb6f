// SPDX-License-Identifier: MIT
// Whatever goes wrong: the right status, in the client's dialect, with the
// path of what is wrong; never a crash, a half answer or a lost row, and
// never a word of the provider's credential.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import OpenAI from 'openai';
import Anthropic from '@anthropic-ai/sdk';
import { frames } from './lib/ask.mjs';
import { SECRET, startSluice } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';
import { anthropicError, openaiError, sse } from './lib/wire.mjs';

const upstream = await startUpstream();
const sluice = await startSluice({ upstream,
  conf: { server: { max_body_mb: 1 } } });
after(async () => {
  await sluice.stop();
  upstream.stop();
});

// How each dialect says it.
const DIALECTS = {
  openai: {
    url: '/v1/chat/completions',
    good: { model: 'echo/echo', messages: [{ role: 'user', content: 'Hi' }] },
    check(json, { type, param, code, message }) {
      assert.deepEqual(Object.keys(json), ['error']);
      const { error } = json;
      assert.equal(typeof error.message, 'string');
      if (type) assert.equal(error.type, type.openai);
      if (param) assert.equal(error.param, param);
      if (code) assert.equal(error.code, code);
      if (message) assert.match(error.message, message);
    },
  },
  anthropic: {
    url: '/v1/messages',
    good: { model: 'echo/echo', max_tokens: 50,
      messages: [{ role: 'user', content: 'Hi' }] },
    check(json, { type, param, message }) {
      assert.equal(json.type, 'error');
      // null: refused before it was a call; req_: the provider's own body
      assert.match(String(json.request_id), /^(call_|req_|null$)/);
      const { error } = json;
      if (type) assert.equal(error.type, type.anthropic);
      if (param) assert.ok(error.message.includes(param), error.message);
      if (message) assert.match(error.message, message);
    },
  },
};

const INVALID = { openai: 'invalid_request_error',
  anthropic: 'invalid_request_error' };
const NOT_FOUND = { openai: 'invalid_request_error',
  anthropic: 'not_found_error' };

const user = (...content) => ({ messages: [{ role: 'user', content }] });
const deep = (n) => '['.repeat(n) + ']'.repeat(n);

// body: members over the good request, or a function of its text to bytes.
const BAD = [
  { name: 'malformed JSON', body: (s) => s.slice(0, -2) },
  { name: 'no body', body: () => '' },
  { name: 'an array', body: () => '[]' },
  { name: 'two documents', body: (s) => s + s },
  { name: 'invalid UTF-8', body: (s) => Buffer.from(s.replace('Hi', '\xff'),
    'latin1') },
  { name: 'absurd nesting', body: (s) => s.replace('{', `{"x":${deep(1e5)},`) },
  { name: 'a duplicate member',
    body: (s) => s.replace('{', '{"model":"echo/echo",'), message: /model/ },
  { name: 'a duplicate member deep inside', body: (s) => s.replace(
    '"role":"user"', '"role":"user","r\\u006fle":"user"'), message: /role/ },
  { name: 'no model', body: { model: undefined }, param: 'model' },
  { name: 'model of a wrong type', body: { model: 5 }, param: 'model' },
  { name: 'no messages', body: { messages: undefined }, param: 'messages' },
  { name: 'messages of a wrong type', body: { messages: 'Hi' },
    param: 'messages' },
  { name: 'a message that is none', body: { messages: ['Hi'] },
    param: 'messages[0]' },
  { name: 'unknown role',
    body: { messages: [{ role: 'wizard', content: 'Hi' }] },
    param: 'messages[0].role' },
  { name: 'temperature of a wrong type', body: { temperature: 'hot' },
    param: 'temperature' },
  { name: 'stream of a wrong type', body: { stream: 'yes' },
    param: 'stream' },
  { name: 'unknown content part',
    body: user({ type: 'text', text: 'a' }, { type: 'hologram' }),
    param: 'messages[0].content[1].type', message: /hologram/ },
  { name: 'text part without text', body: user({ type: 'text' }),
    param: 'messages[0].content[0].text' },
  { name: 'no max_tokens', body: { max_tokens: undefined },
    only: 'anthropic', param: 'max_tokens' },
  { name: 'unknown model near a known one',
    body: { model: 'gpt-4.1-mimi' }, status: 404, type: NOT_FOUND,
    code: 'model_not_found', message: /gpt-4\.1-mini/ },
  { name: 'unknown provider', body: { model: 'nowhere/gpt-5' }, status: 404,
    type: NOT_FOUND, code: 'model_not_found' },
];

const encode = ({ good }, body) => typeof body === 'function'
  ? body(JSON.stringify(good)) : JSON.stringify({ ...good, ...body });

for (const [name, dialect] of Object.entries(DIALECTS))
  describe(`bad input, ${name}:`, () => {
    for (const row of BAD.filter((r) => !r.only || r.only === name))
      test(row.name, async () => {
        const answer = await sluice.request({ path: dialect.url,
          body: encode(dialect, row.body) });
        assert.equal(answer.status, row.status ?? 400, answer.text);
        assert.match(answer.headers['content-type'], /^application\/json/);
        assert.match(answer.headers['x-request-id'], /^call_/);
        dialect.check(answer.json, { type: INVALID, ...row });
      });

    test('a refused call has its row, with no attempt and no cost',
      async () => {
        const answer = await sluice.request({ path: dialect.url,
          body: encode(dialect, { model: 'nowhere/x' }) });
        const row = await sluice.ledger.waitForRow(
          answer.headers['x-request-id']);
        assert.equal(row.outcome, 'refused');
        assert.equal(row.status, 404);
        assert.equal(row.error, 'model_not_found');
        assert.equal(row.requested, 'nowhere/x');
        assert.deepEqual(row.attempts, []);
        assert.equal(Number(row.cost_usd), 0);
      });

    const AUTH = { openai: 'invalid_request_error',
      anthropic: 'authentication_error' };
    const keys = [['no key', null], ['a wrong key', `${'sk-sl-'.padEnd(18,
      'a')}-${'b'.repeat(40)}`], ['a stranger', 'sk-proj-123'],
    ['a right id with a wrong secret', (k) => k.slice(0, -1) +
      (k.endsWith('a') ? 'b' : 'a')]];
    for (const [what, key] of keys)
      test(`401 for ${what}, whatever the body is`, async () => {
        const answer = await sluice.request({ path: dialect.url,
          body: 'x'.repeat(200_000),
          key: typeof key === 'function' ? key(sluice.key) : key });
        assert.equal(answer.status, 401, answer.text);
        dialect.check(answer.json, { type: AUTH, code: 'invalid_api_key' });
      });

    for (const chunked of [false, true])
      test(`413 for too large a body${chunked ? ' in chunks' : ''}`,
        async () => {
          const answer = await sluice.request({ path: dialect.url,
            body: encode(dialect, user({ type: 'text',
              text: 'x'.repeat(1.2e6) })),
            headers: chunked ? { 'transfer-encoding': 'chunked' } : {} });
          assert.equal(answer.status, 413, answer.text);
          dialect.check(answer.json, {});
        });

    test('405 with Allow for a wrong method', async () => {
      const answer = await sluice.request({ method: 'GET',
        path: dialect.url });
      assert.equal(answer.status, 405);
      assert.match(answer.headers.allow, /POST/);
      dialect.check(answer.json, { type: INVALID });
    });
  });

test('who may not ask has no body kept for him', async (t) => {
  const big = await startSluice({ upstream, conf: {
    server: { max_body_mb: 64 } } });
  try {
    const [path, ok] = ['/v1/chat/completions', JSON.stringify({
      model: 'echo/echo', messages: [{ role: 'user', content: 'Hi' }] })];
    const most = () => Math.max(...big.pids().map(
      (p) => big.rssKb(p, 'VmHWM')));
    assert.equal((await big.request({ path, body: ok })).status, 200);
    if (big.sanitized(big.pids()[0]))
      return t.skip('sanitizers keep what was freed');
    const before = most(), body = Buffer.alloc(30 << 20, 0x20);
    for (const [key, to, status] of [['sk-none', path, 401],
      [null, path, 401], [big.key, '/v1/nowhere', 404]])
      assert.equal((await big.request({ path: to, body, key })).status,
        status);
    assert.ok(most() - before < 8 << 10, `${before} to ${most()} KB`);
  } finally {
    await big.stop();
  }
});

test('four times the calls take about four times the time, in any order',
  async () => {
    const providers = { goo: { api: 'gemini', key: 'k',
      base_url: upstream.url }, resp: { api: 'openai_responses', key: 'k',
      base_url: `${upstream.url}/v1` } };
    const many = await startSluice({ upstream, conf: { providers,
      server: { max_body_mb: 64 } } });
    upstream.on('many', (call) => call.answer({ text: 'Hi' }));
    const ask = async (model, n) => {
      const ids = Array.from({ length: n }, (_, i) => `call_${i}`);
      const body = JSON.stringify({ model, max_tokens: 5, messages: [
        { role: 'user', content: 'q' },
        { role: 'assistant', content: null, tool_calls: ids.map((id) => ({
          id, type: 'function', function: { name: id, arguments: '{}' } })) },
        ...ids.toReversed().map((id) => ({ role: 'tool', tool_call_id: id,
          content: id }))] });
      const begun = performance.now();
      const got = await many.request({ path: '/v1/chat/completions', body });
      assert.equal(got.status, 200, got.text);
      return performance.now() - begun;
    };
    try {
      for (const model of ['anthropic/many', 'goo/many', 'resp/many']) {
        const few = await ask(model, 5000), all = await ask(model, 20_000);
        assert.ok(all < 9 * few + 200, `${model}: ${few}, ${all} ms`);
        const sent = upstream.callsFor('many').at(-1).raw.toString();
        const place = (id) => sent.lastIndexOf(`"${id}"`);
        assert.ok(place('call_17') < place('call_4711'), 'as they were called');
      }
    } finally {
      await many.stop();
    }
  });

test('404 for an unknown path names it', async () => {
  const answer = await sluice.request({ path: '/v1/nothing/here',
    body: '{}' });
  assert.equal(answer.status, 404);
  assert.match(answer.json.error.message, /\/v1\/nothing\/here/);
});

test('the SDKs raise their own classes', async () => {
  await assert.rejects(sluice.openai({ apiKey: 'sk-wrong' }).models.list(),
    OpenAI.AuthenticationError);
  await assert.rejects(sluice.anthropic({ apiKey: 'sk-wrong' }).models.list(),
    Anthropic.AuthenticationError);
  await assert.rejects(sluice.openai().chat.completions.create(
    { model: 'gpt-9', messages: DIALECTS.openai.good.messages }),
  OpenAI.NotFoundError);
  await assert.rejects(sluice.anthropic().messages.create(
    { ...DIALECTS.anthropic.good, model: 'gpt-9' }),
  Anthropic.NotFoundError);
});

// ---- what providers answer

const make = { openai: openaiError, anthropic: anthropicError };
const pairs = Object.keys(DIALECTS).flatMap((client) =>
  Object.keys(make).map((provider) => ({ client, provider })));
const chat = ({ client, provider }, more) => ({
  ...DIALECTS[client].good, model: `${provider}/failing`, ...more });

// want: what a client of another dialect gets; the same dialect sees the
// provider's own status and bytes, unless the fault is ours: a credential of
// the gateway that is refused must not look like the client's own.
const GATEWAY = { openai: 'server_error', anthropic: 'api_error' };
const REFUSALS = [
  { status: 400, want: [400], type: INVALID },
  { status: 404, want: [404], type: NOT_FOUND },
  { status: 422, want: [422] },
  { status: 401, want: [502], ours: true, type: GATEWAY },
  { status: 403, want: [502], ours: true, type: GATEWAY },
  { status: 429, want: [429], headers: { 'retry-after': '30' },
    type: { openai: 'rate_limit_error', anthropic: 'rate_limit_error' } },
  { status: 500, want: [500, 502] },
  { status: 529, want: [503, 529],
    type: { openai: 'server_error', anthropic: 'overloaded_error' } },
];

for (const pair of pairs)
  describe(`${pair.provider} refuses, ${pair.client} client:`, () => {
    const { client, provider } = pair;
    const dialect = DIALECTS[client];
    for (const r of REFUSALS)
      test(String(r.status), async () => {
        const body = JSON.stringify(make[provider](`provider says ${r.status}`,
          'odd_type')).replace('{', '{ "future": 1.50, ');
        upstream.on('failing', (call) => call.whole(body, r.status,
          r.headers));
        const answer = await sluice.request({ path: dialect.url,
          body: chat(pair) });
        if (client === provider && !r.ours) {
          assert.equal(answer.status, r.status);
          assert.equal(answer.text, body);
        } else {
          assert.ok(r.want.includes(answer.status), `${answer.status}`);
          dialect.check(answer.json, { type: r.type,
            ...(r.ours && { code: 'provider_credentials' }),
            message: r.ours ? undefined : /provider says/ });
        }
        if (r.headers)
          assert.equal(answer.headers['retry-after'], '30');
        const row = await sluice.ledger.waitForRow(
          answer.headers['x-request-id']);
        assert.equal(row.outcome, 'error');
        assert.equal(row.status, answer.status);
        assert.equal(row.attempts.at(-1).status, r.status);
        assert.equal(row.attempts.at(-1).outcome, 'failed');
      });

    test('an error page of some proxy', async () => {
      upstream.on('failing', (call) => call.whole('<html>502</html>', 502,
        { 'content-type': 'text/html' }));
      const answer = await sluice.request({ path: dialect.url,
        body: chat(pair) });
      assert.ok(answer.status >= 500);
      dialect.check(answer.json, {});
    });

    test('no connection, or garbage with 200', async () => {
      for (const script of [(call) => call.cut(),
        (call) => call.whole('not json at all')]) {
        upstream.on('failing', script);
        const answer = await sluice.request({ path: dialect.url,
          body: chat(pair) });
        assert.equal(answer.status, 502, answer.text);
        dialect.check(answer.json, {});
      }
    });
  });

// ---- errors inside a stream

const inStream = { openai: (m) => sse(openaiError(m)),
  anthropic: (m) => sse(anthropicError(m, 'overloaded_error'), 'error') };
const ENDINGS = {
  'an error event': (provider) => async (call) => {
    await call.write(inStream[provider]('the model fell over'));
    call.end();
  },
  'a cut': () => (call) => call.cut(),
  'an end without the end': () => (call) => call.end(),
};
const ANSWER = { text: 'one two three four five' };

function startOf(call, { content }) {
  const all = call.frames(ANSWER);
  const at = all.findLastIndex((f) => /two |"two/.test(f));
  return content ? all.slice(0, at + 1) : all.slice(0, 1);
}

for (const pair of pairs)
  describe(`${pair.provider} stream fails, ${pair.client} client:`, () => {
    const { client, provider } = pair;
    const dialect = DIALECTS[client];
    for (const [what, ending] of Object.entries(ENDINGS)) {
      const fail = (content) => upstream.on('failing', async (call) => {
        call.sse();
        for (const f of startOf(call, { content }))
          await call.write(f);
        await new Promise(setImmediate);
        await ending(provider)(call);
      });

      test(`${what} before the content is a plain error`, async () => {
        fail(false);
        const got = await sluice.request({ path: dialect.url,
          body: chat(pair, { stream: true }) });
        assert.ok(got.status >= 500, got.text);
        assert.match(got.headers['content-type'], /^application\/json/);
        dialect.check(got.json, { message: what === 'an error event'
          ? /the model fell over/ : undefined });
        const row = await sluice.ledger.waitForRow(
          got.headers['x-request-id']);
        assert.equal(row.outcome, 'error');
      });

      test(`${what} after content ends the stream with an error`,
        async () => {
          fail(true);
          const got = await sluice.request({ path: dialect.url,
            body: chat(pair, { stream: true }) });
          assert.equal(got.status, 200);
          assert.ok(got.complete);
          assert.match(got.text, /two/);
          assert.doesNotMatch(got.text, /message_stop/);
          const seen = frames(got.raw);
          const last = seen.findLast((f) => f.data !== '[DONE]');
          dialect.check(last.data, { message: what === 'an error event'
            ? /the model fell over/ : undefined });
          if (client === 'anthropic')
            assert.equal(last.event, 'error');
          assert.ok(!seen.some((f) =>
            f.data?.choices?.[0]?.finish_reason));
          const row = await sluice.ledger.waitForRow(
            got.headers['x-request-id']);
          assert.equal(row.outcome, 'error');
          const [attempt] = row.attempts;
          assert.equal(attempt.outcome, 'failed');
          assert.ok(attempt.usage.output > 0, 'what was seen is billed');
          assert.equal(attempt.usage_source, 'estimated');
        });
    }

    test('the SDK raises it in mid-stream', async () => {
      upstream.on('failing', async (call) => {
        call.sse();
        for (const f of startOf(call, { content: true }))
          await call.write(f);
        await ENDINGS['an error event'](provider)(call);
      });
      let text = '';
      const run = async () => {
        if (client === 'openai') {
          for await (const c of await sluice.openai().chat.completions
            .create(chat(pair, { stream: true })))
            text += c.choices[0]?.delta.content ?? '';
        } else {
          for await (const e of await sluice.anthropic().messages
            .create(chat(pair, { stream: true })))
            text += e.delta?.text ?? '';
        }
      };
      await assert.rejects(run(), /the model fell over/);
      assert.match(text, /one two/);
    });
  });

// ---- echo, the built-in provider, errs on request

for (const [client, dialect] of Object.entries(DIALECTS)) {
  test(`echo/error-529, ${client} client`, async () => {
    const got = await sluice.request({ path: dialect.url,
      body: { ...dialect.good, model: 'echo/error-529' } });
    assert.ok([503, 529].includes(got.status), got.text);
    dialect.check(got.json, { type: { openai: 'server_error',
      anthropic: 'overloaded_error' } });
  });

  test(`echo/cut-after-3, ${client} client`, async () => {
    const got = await sluice.request({ path: dialect.url,
      body: { ...dialect.good, model: 'echo/cut-after-3', stream: true,
        messages: [{ role: 'user', content: 'a b c d e f g h' }] } });
    assert.equal(got.status, 200);
    dialect.check(frames(got.raw).findLast((f) => f.data !== '[DONE]').data,
      {});
  });
}

// ---- secrets; runs last, over all that the tests above have left behind

test('a credential in a provider\'s words is masked', async () => {
  for (const pair of pairs) {
    const secret = SECRET[pair.provider];
    for (const status of [400, 401, 500]) {
      upstream.on('failing', (call) => call.whole(make[pair.provider](
        `Incorrect API key provided: ${secret}.`), status));
      const got = await sluice.request({
        path: DIALECTS[pair.client].url, body: chat(pair) });
      assert.ok(got.status >= 400);
      assert.ok(!got.text.includes(secret), got.text);
      assert.ok(!JSON.stringify(got.headers).includes(secret));
    }
    upstream.on('failing', async (call) => {
      call.sse();
      for (const f of startOf(call, { content: true }))
        await call.write(f);
      await call.write(inStream[pair.provider](`bad key ${secret}`));
      call.end();
    });
    const got = await sluice.request({ path: DIALECTS[pair.client].url,
      body: chat(pair, { stream: true }) });
    assert.ok(!got.text.includes(secret), got.text);
  }
});

test('no credential and no prompt is in ledger, logs or data', async () => {
  const canary = 'canary-7f3a9c-prompt';
  upstream.on('failing', (call) => call.answer({ text: canary }));
  const got = await sluice.request({ body: chat(pairs[0], {
    messages: [{ role: 'user', content: canary }] }) });
  assert.equal(got.status, 200);
  await sluice.ledger.waitForRow(got.headers['x-request-id']);
  const files = fs.readdirSync(sluice.dir, { recursive: true })
    .map((f) => path.join(sluice.dir, f))
    .filter((f) => fs.statSync(f).isFile() && !f.endsWith('sluice.json'));
  assert.ok(files.some((f) => f.includes('/data/')));
  const secrets = [...Object.values(SECRET), canary,
    sluice.key.slice(19)];
  for (const f of files) {
    const bytes = fs.readFileSync(f);
    for (const s of secrets)
      assert.ok(!bytes.includes(s), `${s} is in ${f}`);
  }
  const rows = JSON.stringify(await sluice.ledger.rows());
  for (const s of secrets)
    assert.ok(!rows.includes(s), `${s} is in the ledger`);
});
