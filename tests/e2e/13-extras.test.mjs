// SPDX-License-Identifier: MIT
// What is no chat, and what a client may say about its call: embeddings,
// legacy completions, count_tokens, the options of `sluice`, lossless; and
// the gateway's own conformance run.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { BIN, SECRET, startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const upstream = await startUpstream();
const sluice = await startSluice({ upstream, conf: {
  providers: { google: { base_url: upstream.url, key: 'goog' } },
  routes: { spare: { fallback: ['anthropic/any', 'openai/embed-ok'] } },
} });
after(async () => {
  await sluice.stop();
  upstream.stop();
});
const openai = sluice.openai();
const rejects = (promise, status, pattern) => assert.rejects(promise, (e) => {
  assert.equal(e.status, status);
  assert.match(e.message, pattern);
  return true;
});
const lastRow = () => sluice.ledger.waitForRow(
  openai.lastHeaders.get('x-request-id'));

describe('embeddings', () => {
  const VECTORS = [[0.25, -1, 3.5], [1e-3, 0, 2]];
  const answer = (body) => ({ object: 'list', model: 'text-embedding-3-small',
    data: VECTORS.map((v, index) => ({ object: 'embedding', index,
      embedding: body.encoding_format === 'base64'
        ? Buffer.from(new Float32Array(v).buffer).toString('base64') : v })),
    usage: { prompt_tokens: 1000, total_tokens: 1000 } });

  test('pass to a provider of the same format, with another model only',
    async () => {
      upstream.on('text-embedding-3-small', (c) => c.whole(answer(c.body)));
      const asked = upstream.next('text-embedding-3-small');
      const r = await sluice.request({ path: '/v1/embeddings', body:
        '{ "input":["a",  "\\u0062"], "model" : ' +
        '"openai/text-embedding-3-small","future":1e0}' });
      const call = await asked;
      assert.equal(call.path, '/v1/embeddings');
      assert.equal(call.headers.authorization, `Bearer ${SECRET.openai}`);
      assert.equal(call.raw.toString(), '{ "input":["a",  "\\u0062"], ' +
        '"model" : "text-embedding-3-small","future":1e0}');
      assert.deepEqual(r.json.data[0].embedding, VECTORS[0]);
      // 1000 tokens at USD 0.02 a million
      assert.equal(r.json.usage.cost, 0.00002);
      assert.equal(r.headers['x-sluice-cost-usd'], '0.00002');
      const row = await sluice.ledger.waitForRow(r.headers['x-request-id']);
      assert.equal(row.endpoint, '/v1/embeddings');
      assert.equal(row.attempts[0].usage.input, 1000);
      assert.equal(row.attempts[0].usage.output, 0);
      assert.equal(row.cost_usd, '0.00002');
    });

  test('the SDK decodes base64, its default', async () => {
    const r = await openai.embeddings.create({
      model: 'openai/text-embedding-3-small', input: ['a', 'b'] });
    assert.equal(upstream.calls.at(-1).body.encoding_format, 'base64');
    r.data.forEach((d, i) => assert.deepEqual([...d.embedding],
      [...new Float32Array(VECTORS[i])]));
  });

  const gemini = (c) => c.whole(c.path.includes(':batchEmbedContents')
    ? { embeddings: VECTORS.map((values) => ({ values })),
      usageMetadata: { promptTokenCount: 2000 } }
    : { embedding: { values: VECTORS[0] } });

  for (const encoding_format of ['float', 'base64', undefined])
    test(`from Gemini: ${encoding_format ?? 'by default'}`, async () => {
      upstream.on('gemini-embedding-001', gemini);
      const r = await openai.embeddings.create({ encoding_format,
        model: 'google/gemini-embedding-001', input: ['a', 'b'],
        dimensions: 3 });
      const call = upstream.calls.at(-1);
      assert.equal(call.path,
        '/v1beta/models/gemini-embedding-001:batchEmbedContents');
      assert.equal(call.headers['x-goog-api-key'], 'goog');
      assert.deepEqual(call.body.requests[1], {
        model: 'models/gemini-embedding-001', outputDimensionality: 3,
        content: { parts: [{ text: 'b' }] } });
      const numbers = (e) => typeof e !== 'string' ? [...e]
        : [...new Float32Array(Uint8Array.from(Buffer.from(e, 'base64'))
          .buffer)];
      assert.deepEqual(r.data.map((d) => numbers(d.embedding).map(
        Math.fround)), VECTORS.map((v) => v.map(Math.fround)));
      assert.equal(r.usage.prompt_tokens, 2000);
      assert.equal((await lastRow()).cost_usd, '0.0003');
    });

  test('one text is :embedContent; what it read is estimated', async () => {
    upstream.on('models/gemini-embedding-001', gemini);
    const r = await openai.embeddings.create({ user: 'u',
      model: 'google/gemini-embedding-001', input: 'hello world' });
    assert.match(upstream.calls.at(-1).path, /:embedContent$/);
    assert.equal(r.data.length, 1);
    assert.equal(openai.lastHeaders.get('x-sluice-lossy'), 'user');
    const row = await lastRow();
    assert.equal(row.attempts[0].usage_source, 'estimated');
    assert.ok(row.attempts[0].usage.input > 0);
  });

  test('a number of vectors other than asked for is no answer', () => {
    upstream.on('gemini-embedding-001', (c) => c.whole({
      embeddings: [{ values: [1] }] }));
    return rejects(openai.embeddings.create({ input: ['a', 'b'],
      model: 'google/gemini-embedding-001' }), 502, /number of embeddings/);
  });

  test('echo has them without a network', async () => {
    const ask = async (input) => (await openai.embeddings.create({ input,
      model: 'echo/echo' })).data.map((d) => [...d.embedding]);
    const [a, b, c] = await ask(['a cat', 'a dog', 'a cat']);
    assert.equal(a.length, 16);
    assert.deepEqual(a, c);
    assert.notDeepEqual(a, b);
    assert.deepEqual(await ask('a cat'), [a]);
  });

  const REFUSED = [
    ['a provider without embeddings', { model: 'anthropic/x', input: 'a' },
      /model: provider anthropic has no embeddings/],
    ['tokens for another format', { model: 'google/x', input: [1, 2] },
      /input\[0\]: must be text/],
    ['no input', { model: 'echo/echo' }, /input: is required/],
    ['an empty list', { model: 'echo/echo', input: [] }, /1 to 2048 texts/],
    ['an unknown encoding', { model: 'echo/echo', input: 'a',
      encoding_format: 'hex' }, /encoding_format: must be float or base64/],
  ];
  for (const [name, body, why] of REFUSED)
    test(`${name}: 400`, () => rejects(openai.embeddings.create(body), 400,
      why));

  test('a route passes by a provider without embeddings', async () => {
    upstream.on('embed-ok', (c) => c.whole(answer(c.body)));
    const r = await openai.embeddings.create({ model: 'spare', input: 'a' });
    assert.equal(r.data.length, 2);
    assert.equal(openai.lastHeaders.get('x-sluice-model'), 'openai/embed-ok');
  });

  test("the provider's refusal is the client's", async () => {
    upstream.on('bad', (c) => c.whole({ error: { message: 'too long',
      type: 'invalid_request_error', param: 'input', code: 'x1' } }, 400));
    await rejects(openai.embeddings.create({ model: 'openai/bad',
      input: 'a' }), 400, /too long/);
  });
});

describe('legacy completions', () => {
  for (const provider of ['openai', 'anthropic', 'echo'])
    test(`a whole answer and a stream by ${provider}`, async () => {
      const model = provider === 'echo' ? 'echo/echo' : `${provider}/old`;
      const text = provider === 'echo' ? 'echo: Say hi' : 'hi there';
      upstream.on('old', (c) => c.answer({ text: 'hi there' }));
      const r = await openai.completions.create({ model, prompt: 'Say hi',
        max_tokens: 20 });
      assert.equal(r.object, 'text_completion');
      assert.equal(r.choices[0].text, text);
      assert.equal(r.choices[0].finish_reason, 'stop');
      assert.ok(r.usage.total_tokens > 0);
      const stream = await openai.completions.create({ model, stream: true,
        prompt: ['Say hi'], max_tokens: 20,
        stream_options: { include_usage: true } });
      const chunks = [];
      for await (const c of stream)
        chunks.push(c);
      assert.equal(chunks.map((c) => c.choices[0]?.text ?? '').join(''), text);
      assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
      assert.ok(chunks.at(-1).usage.total_tokens > 0);
      assert.equal((await lastRow()).dialect, 'openai-completions');
    });

  test('what only a completion model could do is refused', async () => {
    const no = (more, why) => rejects(openai.completions.create({
      model: 'echo/echo', prompt: 'a', ...more }), 400, why);
    await no({ suffix: 'z' }, /suffix: needs a completion model/);
    await no({ echo: true }, /echo: needs a completion model/);
    await no({ best_of: 2 }, /best_of: only 1/);
    await no({ n: 2 }, /n: only 1/);
    await no({ prompt: ['a', 'b'] }, /prompt: must be one prompt/);
    await no({ prompt: [1, 2] }, /prompt: must be one prompt/);
  });

  test('a stream that is cut ends in an error', async () => {
    const stream = await openai.completions.create({ prompt: 'a',
      model: 'echo/words-9+error-after-3', stream: true });
    await assert.rejects(async () => {
      for await (const c of stream)
        assert.ok(c.choices);
    }, /asked to fail/);
  });
});

describe('count_tokens', () => {
  const body = { messages: [{ role: 'user', content: 'How are you today?' }] };

  test('passes to Anthropic', async () => {
    upstream.on('claude-x', (c) => c.whole({ input_tokens: 4711 }));
    const sdk = sluice.anthropic();
    const r = await sdk.messages.countTokens({ model: 'anthropic/claude-x',
      ...body });
    const call = upstream.calls.at(-1);
    assert.equal(call.path, '/v1/messages/count_tokens');
    assert.equal(call.headers['x-api-key'], SECRET.anthropic);
    assert.deepEqual(r, { input_tokens: 4711 });
    const row = await sluice.ledger.waitForRow(
      sdk.lastHeaders.get('request-id'));
    assert.equal(row.cost_usd, '0');
    assert.equal(row.attempts[0].usage.input, 0);
  });

  for (const model of ['openai/gpt-4o', 'google/gemini-2.5-flash',
    'echo/echo'])
    test(`is estimated for ${model}, and nobody is asked`, async () => {
      const before = upstream.calls.length;
      const sdk = sluice.anthropic();
      const r = await sdk.messages.countTokens({ model, ...body });
      assert.ok(r.input_tokens >= 4 && r.input_tokens < 40);
      assert.equal(upstream.calls.length, before);
      const row = await sluice.ledger.waitForRow(
        sdk.lastHeaders.get('request-id'));
      assert.equal(row.cost_usd, '0');
    });

  test('a bad request is refused in its dialect', async () => {
    const r = await sluice.request({ path: '/v1/messages/count_tokens',
      body: { model: 'echo/echo' } });
    assert.equal(r.status, 400);
    assert.equal(r.json.type, 'error');
  });
});

describe('lossless', () => {
  const chat = { model: 'echo/echo', logprobs: true,
    messages: [{ role: 'user', content: 'x' }] };

  test('every loss becomes a 400 that names it; nothing is sent', async () => {
    const before = upstream.calls.length;
    for (const model of ['anthropic/lossy', 'echo/echo'])
      await rejects(openai.chat.completions.create({ ...chat, model,
        logprobs: undefined, logit_bias: { 1: 1 } }, { headers:
          { 'x-sluice-require': 'lossless' } }), 400,
      /logit_bias/);
    assert.equal(upstream.calls.length, before);
  });

  test('without a loss, and to the same format, it changes nothing',
    async () => {
      upstream.on('same', (c) => c.answer({ text: 'hi' }));
      const headers = { 'x-sluice-require': 'lossless' };
      const r = await openai.chat.completions.create({ ...chat,
        model: 'openai/same' }, { headers });
      assert.equal(r.choices[0].message.content, 'hi');
      assert.equal(upstream.calls.at(-1).body.logprobs, true);
      await openai.chat.completions.create({ ...chat, logprobs: undefined },
        { headers });
    });

  test('a chain goes on to who loses nothing', async () => {
    upstream.on('same', (c) => c.answer({ text: 'hi' }));
    await openai.chat.completions.create({ ...chat, model: undefined,
      models: ['anthropic/lossy', 'openai/same'],
      sluice: { require: 'lossless' } });
    assert.equal(openai.lastHeaders.get('x-sluice-model'), 'openai/same');
  });

  test('any other word is refused', () => rejects(
    openai.chat.completions.create(chat,
      { headers: { 'x-sluice-require': 'speed' } }), 400, /must be lossless/));
});

describe('options in the body', () => {
  const ask = (model, sluice, headers) => openai.chat.completions.create(
    { model, sluice, messages: [{ role: 'user', content: 'x' }] },
    { headers });

  test('say what headers say, and go no further', async () => {
    upstream.on('plain', (c) => c.answer({ text: 'hi' }));
    await ask('nothing', { route: 'openai/plain', user: 'ann',
      session: 's1', task: 'sum', tags: { a: 'b', c: 'd' },
      max_cost: null, timeout_ms: 5000, no_store: true, cache: 'off' });
    assert.deepEqual(Object.keys(upstream.calls.at(-1).body).sort(),
      ['messages', 'model']);
    const row = await lastRow();
    assert.equal(row.user, 'ann');
    assert.equal(row.session, 's1');
    assert.equal(row.task, 'sum');
    assert.deepEqual(row.tags, { a: 'b', c: 'd' });
  });

  test('a header outweighs them', async () => {
    await ask('echo/echo', { user: 'ann', task: 't' },
      { 'x-sluice-user': 'bob' });
    const row = await lastRow();
    assert.equal(row.user, 'bob');
    assert.equal(row.task, 't');
  });

  test('dry_run and max_cost', async () => {
    const r = await ask('echo/echo', { dry_run: true });
    assert.equal(r.plan[0].target, 'echo/echo');
    await rejects(ask('openai/gpt-4o', { max_cost: '0.000001' }), 402,
      /max-cost/);
    await rejects(ask('openai/gpt-4o', { max_cost: 0.000001 }), 402,
      /max-cost/);
  });

  const WRONG = [
    [{ colour: 'red' }, /sluice\.colour: there is no such option/],
    [{ user: 7 }, /sluice\.user: is of another type/],
    [{ tags: { a: 'b,c' } }, /sluice\.tags: must be plain words/],
    [{ timeout_ms: 'soon' }, /must be a number of milliseconds/],
    ['yes', /sluice: must be an object/],
  ];
  for (const [options, why] of WRONG)
    test(`${JSON.stringify(options)} is a 400`, () => rejects(
      ask('echo/echo', options), 400, why));
});

describe('selftest', () => {
  const run = (...args) => new Promise((resolve) => {
    execFile(BIN, ['selftest', ...args], { env: { ...process.env,
      SLUICE_KEY: sluice.key } }, (error, out) => resolve(
      { code: error?.code ?? 0, out }));
  });

  test('this gateway keeps to the formats', async () => {
    const { code, out } = await run(sluice.url, '--json');
    const results = JSON.parse(out);
    // echo keeps nothing
    assert.deepEqual(results.filter((r) => r.result !== 'ok')
      .map((r) => `${r.result} ${r.name}`), [
      'absent responses: a stored answer is read again',
      'absent responses: a stored answer is deleted']);
    assert.ok(results.length >= 30);
    assert.equal(code, 0);
  });

  // Claude's words for tokens and limits; Gemini's API knows neither.
  for (const provider of ['anthropic', 'google'])
    test(`and so it does in front of ${provider}'s format`, async () => {
      const weather = { text: '', tools: [{ id: 'call_1', name: 'get_weather',
        args: { city: 'Paris' } }] };
      upstream.on('far', (c) => {
        if (c.path.includes('batchEmbed'))
          return c.whole({ error: { code: 404, message: 'no such model',
            status: 'NOT_FOUND' } }, 404);
        if (c.path.endsWith('/count_tokens'))
          return c.whole({ input_tokens: 7 });
        if (provider === 'anthropic' && !c.body.max_tokens)
          return c.whole({ type: 'error', error: { message: 'max_tokens?',
            type: 'invalid_request_error' } }, 400);
        return c.answer(c.body.tools && !c.raw.includes('sunny') ? weather
          : { text: 'Hello.' });
      });
      upstream.on('models/far', (c) => c.whole({ error: { code: 404,
        message: 'no such model', status: 'NOT_FOUND' } }, 404));
      const { code, out } = await run(sluice.url, '--model',
        `${provider}/far`);
      assert.doesNotMatch(out, /^FAILS/m);
      assert.match(out, /^ok +chat: a tool call and its result$/m);
      assert.match(out, /^absent +embeddings: as numbers$/m);
      assert.equal(code, 0);
    });

  test('a provider that keeps answers has them read and deleted', async () => {
    const kept = { id: 'resp_kept', object: 'response', status: 'completed',
      model: 'keeps', output: [{ type: 'message', id: 'msg_1',
        role: 'assistant', status: 'completed', content: [{ annotations: [],
          type: 'output_text', text: 'Hello.' }] }],
      usage: { input_tokens: 1, output_tokens: 1 } };
    upstream.on('keeps', (c) => c.body.store ? c.whole(kept)
      : c.whole({ error: { message: 'no', type: 'invalid_request_error' } },
        400));
    upstream.on('resp_kept', (c) => c.whole(c.method === 'GET' ? kept
      : { id: kept.id, object: 'response.deleted', deleted: true }));
    const { out } = await run(sluice.url, '--model', 'openai/keeps');
    assert.match(out, /^ok +responses: a stored answer is read again$/m);
    assert.match(out, /^ok +responses: a stored answer is deleted$/m);
  });

  test('it says what does not hold', async () => {
    const { code, out } = await run(`${sluice.url}/v1/`, '--model',
      'echo/words-5+cut-after-2');
    assert.match(out, /^FAILS +chat: a stream$/m);
    assert.match(out, /^ok +chat: no such model$/m);
    assert.equal(code, 1);
    assert.equal((await run('http://127.0.0.1:1')).code, 1);
  });
});

describe('fetch_images', async () => {
  const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'),
    Buffer.alloc(100, 7)]);
  const site = http.createServer((req, res) => {
    const [, name, type] = req.url.split('/');
    if (name === 'hang')
      return site.emit('hang');
    if (name === 'moved')
      return res.writeHead(302, { location: '/png/png' }).end();
    if (name === 'big') {
      res.writeHead(200, { 'content-type': 'image/png' });
      return res.end(Buffer.alloc((10 << 20) + 1));
    }
    return res.writeHead(name === 'gone' ? 404 : 200, {
      'content-type': type ? `image/${type}; q=1` : 'text/html' }).end(PNG);
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  const url = `http://localhost:${site.address().port}`;
  const conf = (more) => ({ fetch_images: true, providers: {
    google: { base_url: upstream.url, key: 'goog' } }, ...more });
  const open = await startSluice({ upstream, conf: conf(
    { fetch_hosts: ['localhost'], routes: { both: { fallback:
      ['google/gemini-2.5-flash', 'openai/seer'] } } }) });
  const cgi = await startSluice({ upstream, mode: 'cgi', conf: conf(
    { fetch_hosts: ['localhost'] }) });
  const closed = await startSluice({ upstream, conf: conf() });
  after(async () => {
    site.closeAllConnections();
    site.close();
    for (const s of [open, cgi, closed])
      await s.stop();
  });
  const gemini = { candidates: [{ content: { role: 'model',
    parts: [{ text: 'a seven' }] }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2 } };
  const see = (s, path, opts = {}) => s.openai().chat.completions.create({
    model: 'google/gemini-2.5-flash', ...opts, messages: [{ role: 'user',
      content: [{ type: 'text', text: 'What is it?' },
        ...[path].flat().map((p) => ({ type: 'image_url',
          image_url: { url: p.startsWith('http') ? p : `${url}${p}` } }))],
    }] });
  upstream.on('gemini-2.5-flash', (c) => c.path.includes(':streamGenerate')
    ? c.stream([`data: ${JSON.stringify(gemini)}\r\n\r\n`])
    : c.whole(gemini));

  for (const [name, s] of [['FastCGI', open], ['CGI', cgi]])
    test(`${name}: images come as bytes, each once`, async () => {
      upstream.on('gemini-2.5-flash', (c) => c.whole(gemini));
      const r = await see(s, ['/png/png', '/b/webp', '/png/png']);
      assert.equal(r.choices[0].message.content, 'a seven');
      const { parts } = upstream.calls.at(-1).body.contents[0];
      assert.deepEqual(parts.slice(1).map((p) => p.inlineData), [
        'png', 'webp', 'png'].map((t) => ({ mimeType: `image/${t}`,
        data: PNG.toString('base64') })));
    });

  test('a stream waits for them', async () => {
    upstream.on('gemini-2.5-flash', (c) => c.stream(
      [`data: ${JSON.stringify(gemini)}\r\n\r\n`]));
    let text = '';
    for await (const c of await see(open, '/png/png', { stream: true }))
      text += c.choices[0]?.delta.content ?? '';
    assert.equal(text, 'a seven');
  });

  test('another target of the route gets the address', async () => {
    upstream.on('gemini-2.5-flash', (c) => c.whole({ error: { code: 503,
      message: 'busy', status: 'UNAVAILABLE' } }, 503));
    upstream.on('seer', (c) => c.answer({ text: 'hm' }));
    await see(open, '/png/png', { model: 'both' });
    assert.equal(upstream.callsFor('seer').at(-1).body.messages[0].content[1]
      .image_url.url, `${url}/png/png`);
  });

  const WRONG = [['/gone/png', /status 404/], ['/moved', /redirected/],
    ['/page', /no png, jpeg, gif or webp/], ['/big', /larger than 10 MB/],
    ['http://localhost:1/x.png', /cannot be fetched/]];
  for (const [path, why] of WRONG)
    test(`${path} is a 400 that names the part`, async () => {
      const before = upstream.calls.length;
      await rejects(see(open, path), 400, why);
      await rejects(see(open, ['/png/png', path]), 400,
        /messages\[0\]\.content\[2\]/);
      assert.equal(upstream.calls.length, before);
    });

  test('a client that leaves meanwhile ends it', async () => {
    const left = new AbortController();
    const asked = once(site, 'hang');
    const gone = open.request({ signal: left.signal, body: {
      model: 'google/gemini-2.5-flash', messages: [{ role: 'user',
        content: [{ type: 'image_url',
          image_url: { url: `${url}/hang` } }] }] } }).catch(() => {});
    await asked;
    left.abort();
    await gone;
    const rows = async () => (await open.ledger.rows()).filter(
      (r) => r.outcome === 'cancelled');
    await until('the row is closed', async () => (await rows()).length === 1);
  });

  const PRIVATE = ['http://127.0.0.1/', 'http://localhost/', 'http://[::1]/',
    'http://0.0.0.0/', 'http://2130706433/', 'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/latest/meta-data/', 'http://10.0.0.1/'];
  for (const address of [...PRIVATE, `${url}/png/png`])
    test(`${new URL(address).host} is not reached unless allowed`, () =>
      rejects(see(closed, address), 400, /address is not public/));

  test('off, which is the default, it is a 400', () => rejects(
    see(sluice, '/png/png'), 400, /needs the data itself/));
});
