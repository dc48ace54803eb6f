// SPDX-License-Identifier: MIT
// The main job: unmodified SDKs of either kind, through lighttpd, to a
// provider of either format, streamed or whole, with an honest ledger row.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { CLIENTS } from './lib/ask.mjs';
import { startSluice } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';
import { anthropicWhole, named, openaiChunk, sse } from './lib/wire.mjs';

const WEATHER = { name: 'get_weather', description: 'Weather of a place',
  schema: { type: 'object', properties: { city: { type: 'string' } },
    required: ['city'] } };
const CALL = { id: 'call_e2e_0001', name: 'get_weather',
  args: { city: 'Tromsø "north"', days: 2 } };
const TEXT = 'Clear skies, ☀ and 12 °C.\nTake a jacket.';

// Dollars by hand, from the price lists (USD per million tokens):
//   gpt-5-mini         input 0.25, cache read 0.025, output 2
//     200 x 0.25 + 1000 x 0.025 + (50 + 30) x 2        = 235 micro-dollars
//   claude-sonnet-4-5  input 3, read 0.30, write 3.75, output 15
//     200 x 3 + 1000 x 0.30 + 400 x 3.75 + (50 + 30) x 15 = 3600
const TARGETS = {
  openai: { model: 'gpt-5-mini', cost: '0.000235',
    usage: { input: 200, read: 1000, output: 50, reasoning: 30 } },
  anthropic: { model: 'claude-sonnet-4-5', cost: '0.0036',
    usage: { input: 200, read: 1000, write: 400, output: 50,
      reasoning: 30 } },
  // The vendor openai takes Responses for what came so; these two do not.
  chat: { model: 'gpt-5-mini', cost: '0.000235',
    usage: { input: 200, read: 1000, output: 50, reasoning: 30 } },
  responses: { model: 'gpt-5-mini', cost: '0.000235',
    usage: { input: 200, read: 1000, output: 50, reasoning: 30 } },
  gemini: { model: 'gemini-2.5-flash', cost: '0.000235',
    usage: { input: 200, read: 1000, output: 50, reasoning: 30 } },
};
const PRICE = { price: { input: '0.25', cache_read: '0.025', output: '2' } };

const upstream = await startUpstream();
const conf = {
  providers: upstream.providers({ chat: 'openai',
    responses: 'openai_responses', gemini: 'gemini' }),
  models: { 'chat/gpt-5-mini': PRICE, 'responses/gpt-5-mini': PRICE,
    'gemini/gemini-2.5-flash': PRICE },
};
const pools = {
  fastcgi: await startSluice({ upstream, conf, procs: 2 }),
  cgi: await startSluice({ upstream, conf, mode: 'cgi' }),
};
after(async () => {
  await Promise.all(Object.values(pools).map((s) => s.stop()));
  upstream.stop();
});

// What must hold of every answer, and of the row it leaves in the ledger.
async function checkAnswer(sluice, answer, { client, target, stream, stop }) {
  const t = TARGETS[target];
  const answered = `${target}/${t.model}`;
  const id = answer.headers.get('x-request-id');
  assert.match(id, /^call_[0-9a-z]{26}$/);
  assert.equal(answer.headers.get('request-id'), id);
  assert.equal(answer.headers.get('x-sluice-model'), answered);
  assert.equal(answer.stop, client.stops[stop]);
  assert.deepEqual(answer.usage, { input: t.usage.input, read: t.usage.read,
    write: t.usage.write ?? 0, output: t.usage.output + t.usage.reasoning });

  const row = await sluice.ledger.waitForRow(id);
  assert.equal(row.outcome, 'ok');
  assert.equal(row.status, 200);
  assert.equal(row.error, null);
  assert.equal(row.stream, stream);
  assert.equal(row.endpoint, client.path);
  assert.equal(row.requested, answered);
  assert.equal(row.answered, answered);
  assert.equal(row.cost_usd, t.cost);
  assert.ok(row.duration_ms >= 0 && row.ttft_ms >= 0);
  assert.ok(sluice.key.startsWith(row.key) && row.key.length === 18);
  assert.equal(row.attempts.length, 1);
  const [attempt] = row.attempts;
  assert.equal(attempt.provider, target);
  assert.equal(attempt.model, t.model);
  assert.equal(attempt.role, 'primary');
  assert.equal(attempt.outcome, 'won');
  assert.equal(attempt.cost_source, 'reported');
  assert.equal(attempt.cost_usd, t.cost);
  assert.equal(attempt.usage_source, 'reported');
  for (const [bucket, want] of Object.entries({ input: t.usage.input,
    cache_read: t.usage.read, cache_write_5m: t.usage.write ?? 0,
    output: t.usage.output, reasoning: t.usage.reasoning }))
    assert.equal(attempt.usage[bucket], want, bucket);
}

// The tool result must reach the provider in its own words, tied to the call.
const ROUND_TRIP = {
  responses(body) {
    const [call, result] = body.input.slice(-2);
    assert.equal(call.type, 'function_call');
    assert.equal(call.call_id, CALL.id);
    assert.deepEqual(JSON.parse(call.arguments), CALL.args);
    assert.equal(result.type, 'function_call_output');
    assert.equal(result.call_id, CALL.id);
    assert.match(JSON.stringify(result.output), /12 degrees/);
    assert.equal(body.tools[0].name, WEATHER.name);
    assert.deepEqual(body.tools[0].parameters, WEATHER.schema);
  },
  openai(body) {
    const [call, result] = body.messages.slice(-2);
    assert.equal(call.tool_calls.length, 1);
    assert.equal(call.tool_calls[0].id, CALL.id);
    assert.equal(call.tool_calls[0].function.name, CALL.name);
    assert.deepEqual(JSON.parse(call.tool_calls[0].function.arguments),
      CALL.args);
    assert.equal(result.role, 'tool');
    assert.equal(result.tool_call_id, CALL.id);
    assert.match(JSON.stringify(result.content), /12 degrees/);
    assert.equal(body.tools[0].function.name, WEATHER.name);
    assert.deepEqual(body.tools[0].function.parameters, WEATHER.schema);
  },
  gemini(body) {
    const [call, result] = body.contents.slice(-2);
    assert.equal(call.role, 'model');
    const { functionCall } = call.parts.at(-1);
    assert.equal(functionCall.name, CALL.name);
    assert.deepEqual(functionCall.args, CALL.args);
    assert.equal(result.role, 'user');
    const { functionResponse } = result.parts[0];
    assert.equal(functionResponse.name, CALL.name);
    assert.equal(functionResponse.id, functionCall.id);
    assert.match(JSON.stringify(functionResponse.response), /12 degrees/);
    const [tool] = body.tools[0].functionDeclarations;
    assert.equal(tool.name, WEATHER.name);
    assert.deepEqual(tool.parametersJsonSchema, WEATHER.schema);
  },
  anthropic(body) {
    const [call, result] = body.messages.slice(-2);
    const use = call.content.filter((b) => b.type === 'tool_use');
    assert.equal(use.length, 1);
    assert.equal(use[0].id, CALL.id);
    assert.deepEqual(use[0].input, CALL.args);
    assert.equal(result.role, 'user');
    assert.equal(result.content[0].type, 'tool_result');
    assert.equal(result.content[0].tool_use_id, CALL.id);
    assert.match(JSON.stringify(result.content[0].content), /12 degrees/);
    assert.equal(body.tools[0].name, WEATHER.name);
    assert.deepEqual(body.tools[0].input_schema, WEATHER.schema);
  },
};

async function text(sluice, o) {
  const { model, usage } = TARGETS[o.target];
  upstream.on(model, (call) => call.answer({ text: TEXT, usage,
    model: `${model}-2099-01-01` }));
  const answer = await o.client.ask(o.client.sdk(sluice), {
    model: `${o.target}/${model}`, stream: o.stream,
    turns: [o.client.user('How is the weather?')] });
  assert.equal(answer.text, TEXT);
  assert.deepEqual(answer.tools, []);
  await checkAnswer(sluice, answer, { ...o, stop: 'stop' });
}

async function toolRoundTrip(sluice, o) {
  const { model, usage } = TARGETS[o.target];
  upstream.on(model, (call) => call.answer({ tools: [CALL], usage }));
  const ask = { model: `${o.target}/${model}`, stream: o.stream,
    tools: [WEATHER], turns: [o.client.user('Weather in Tromsø?')] };
  const sdk = o.client.sdk(sluice);
  const first = await o.client.ask(sdk, ask);
  assert.deepEqual(first.tools, [CALL]);
  await checkAnswer(sluice, first, { ...o, stop: 'tool' });

  upstream.on(model, (call) => call.answer({ text: TEXT, usage }));
  const second = await o.client.ask(sdk, { ...ask, turns: [...ask.turns,
    first.turn, ...o.client.results([{ id: CALL.id, text: '12 degrees' }])] });
  assert.equal(second.text, TEXT);
  await checkAnswer(sluice, second, { ...o, stop: 'stop' });
  const last = upstream.callsFor(model).at(-1);
  ROUND_TRIP[last.format](last.body);
}

const each = (...lists) => lists.reduce((rows, list) =>
  rows.flatMap((row) => list.map((x) => [...row, x])), [[]]);
const KINDS = { text, 'a tool round trip': toolRoundTrip };
const everything = each(Object.keys(CLIENTS), Object.keys(TARGETS),
  [true, false], Object.keys(KINDS));

function crossings(mode, rows) {
  describe(`${mode}:`, () => {
    for (const [client, target, stream, kind] of rows)
      test(`${client} SDK to ${target}, ${stream ? 'stream' : 'whole'}, ` +
        kind, () => KINDS[kind](pools[mode],
        { client: CLIENTS[client], target, stream }));
  });
}

crossings('fastcgi', everything);
crossings('cgi', everything.filter(([client, target, stream, kind]) =>
  stream === (kind !== 'text') || client !== target));

describe('crosswise:', () => {
  const { openai, anthropic, responses } = CLIENTS;
  const sluice = pools.fastcgi;

  test('the vendor openai takes what came in the format it came in',
    async () => {
      upstream.on('gpt-5', (call) => call.answer({ text: 'ok' }));
      const ask = (client) => client.ask(client.sdk(sluice),
        { model: 'openai/gpt-5', turns: [client.user('hi')] });
      await ask(responses);
      await ask(openai);
      await ask(anthropic);
      assert.deepEqual(upstream.callsFor('gpt-5').map((c) => c.format),
        ['responses', 'openai', 'openai']);
    });

  for (const client of [openai, anthropic])
    test('a model that has only Responses is reached through it from ' +
      client.path, async () => {
      upstream.on('gpt-5-codex', (call) => call.answer({ tools: [CALL] }));
      const answer = await client.ask(client.sdk(sluice), {
        model: 'openai/gpt-5-codex', stream: true, tools: [WEATHER],
        turns: [client.user('hi')] });
      assert.deepEqual(answer.tools, [CALL]);
      const { body, format } = upstream.callsFor('gpt-5-codex').at(-1);
      assert.equal(format, 'responses');
      assert.equal(body.store, false);
      assert.deepEqual(body.include, ['reasoning.encrypted_content']);
    });

  for (const stream of [true, false])
    test('a Claude signature goes through a Responses client and back, ' +
      (stream ? 'stream' : 'whole'), async () => {
      upstream.on('thinker', (call) => call.answer({ text: 'Seven.',
        thinking: 'three and four', signature: 'c2lnbmF0dXJl' }));
      const sdk = responses.sdk(sluice);
      const ask = { model: 'anthropic/thinker', stream,
        turns: [responses.user('3+4?')] };
      const first = await responses.ask(sdk, ask);
      assert.equal(first.thinking, 'three and four');
      assert.equal(first.turn[0].encrypted_content,
        'sluice:anthropic-claude-v1:c2lnbmF0dXJl');
      const again = [...ask.turns, first.turn, responses.user('sure?')];
      await responses.ask(sdk, { ...ask, turns: again });
      assert.deepEqual(
        upstream.callsFor('thinker').at(-1).body.messages[1].content[0],
        { type: 'thinking', thinking: 'three and four',
          signature: 'c2lnbmF0dXJl' });
      // Nobody else gets it, not even verbatim.
      upstream.on('gpt-5', (call) => call.answer({ text: 'ok' }));
      await responses.ask(sdk, { model: 'openai/gpt-5', turns: again });
      const sent = upstream.callsFor('gpt-5').at(-1).raw.toString();
      assert.doesNotMatch(sent, /c2lnbmF0dXJl/);
      assert.match(sent, /Seven\./);
    });

  test('an OpenAI token goes through a Chat client and back', async () => {
    upstream.on('gpt-5-codex', (call) => call.answer({ text: 'Seven.',
      thinking: 'hm', signature: 'gAAAAE' }));
    const sdk = openai.sdk(sluice);
    const ask = (messages) => sdk.chat.completions.create(
      { model: 'openai/gpt-5-codex', messages });
    const { message } = (await ask([openai.user('3+4?')])).choices[0];
    assert.equal(message.reasoning_content, 'hm');
    await ask([openai.user('3+4?'), message, openai.user('sure?')]);
    assert.deepEqual(upstream.callsFor('gpt-5-codex').at(-1).body.input[1],
      { type: 'reasoning', encrypted_content: 'gAAAAE',
        summary: [{ type: 'summary_text', text: 'hm' }] });
  });

  test('what OpenAI keeps is for OpenAI, and a clear 400 elsewhere',
    async () => {
      upstream.on('gpt-5', (call) => call.answer({ text: 'ok' }));
      upstream.on('claude-x', (call) => call.answer({ text: 'ok' }));
      const sdk = responses.sdk(sluice);
      const hosted = { previous_response_id: 'resp_1',
        tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] };
      await sdk.responses.create({ model: 'openai/gpt-5', input: 'hi',
        ...hosted });
      const { body } = upstream.callsFor('gpt-5').at(-1);
      assert.equal(body.previous_response_id, 'resp_1');
      assert.deepEqual(body.tools, hosted.tools);
      for (const [param, more] of [
        ['previous_response_id', { previous_response_id: 'resp_1' }],
        ['tools[0].type', { tools: hosted.tools }]])
        await assert.rejects(sdk.responses.create(
          { model: 'anthropic/claude-x', input: 'hi', ...more }),
        (e) => e.status === 400 && e.param === param);
    });

  test('Codex: namespaces, free text and tools that come with the input',
    async () => {
      upstream.on('claude-x', (call) => call.answer({ tools: [
        { id: 'toolu_1', name: 'functions__exec',
          args: { input: 'ls\n"-l"' } }] }));
      const sdk = responses.sdk(sluice);
      const done = await sdk.responses.stream({
        model: 'anthropic/claude-x', store: false,
        include: ['reasoning.encrypted_content'],
        client_metadata: { a: 'b' }, prompt_cache_key: 'k',
        input: [{ type: 'additional_tools', role: 'developer', tools: [
          { type: 'namespace', name: 'functions', description: 'd', tools: [
            { type: 'custom', name: 'exec', format: { type: 'grammar',
              syntax: 'lark', definition: 'start: /.+/' } }] }] },
        { role: 'developer', content: 'be quick' },
        { role: 'user', content: 'list' }] }).finalResponse();
      const [call] = done.output;
      assert.equal(call.type, 'custom_tool_call');
      assert.equal(call.name, 'exec');
      assert.equal(call.namespace, 'functions');
      assert.equal(call.input, 'ls\n"-l"');
      const { body } = upstream.callsFor('claude-x').at(-1);
      assert.equal(body.tools[0].name, 'functions__exec');
      assert.match(JSON.stringify(body.system), /be quick/);
    });

  test('a Responses stream that breaks ends in failed, then error',
    async () => {
      let cut;
      const seen = [], read = new Promise((resolve) => { cut = resolve; });
      upstream.on('claude-x', async (call) => {
        call.sse();
        for (const f of call.frames({ text: 'one two three' }).slice(0, 4))
          await call.write(f);
        await read;
        call.cut();
      });
      await assert.rejects(async () => {
        for await (const event of await responses.sdk(sluice).responses
          .create({ model: 'anthropic/claude-x', input: 'hi', stream: true })) {
          seen.push(event.type);
          if (event.type === 'response.output_text.delta')
            cut();
        }
      }, (e) => e.code === 'provider_unavailable');
      assert.equal(seen.at(-1), 'response.failed');
    });

  test('a WebSocket for Responses is refused with 426', async () => {
    const answer = await sluice.request({ method: 'GET',
      path: '/v1/responses', headers: { connection: 'Upgrade',
        upgrade: 'websocket', 'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' } });
    assert.equal(answer.status, 426);
    assert.equal(answer.json.error.code, 'websocket_unsupported');
    const plain = await sluice.request({ method: 'GET',
      path: '/v1/responses' });
    assert.equal(plain.status, 405);
    assert.equal(plain.headers.allow, 'POST');
  });

  test('parallel calls that interleave come out one after the other',
    async () => {
      const start = (index, id, name) => openaiChunk({ tool_calls: [{ index,
        id, type: 'function', function: { name, arguments: '' } }] });
      const more = (index, s) => openaiChunk({ tool_calls: [{ index,
        function: { arguments: s } }] });
      upstream.on('interleaved', (call) => call.stream([
        openaiChunk({ role: 'assistant', content: null }),
        start(0, 'call_a', 'one'), start(1, 'call_b', 'two'),
        more(0, '{"n"'), more(1, '{"m"'), more(0, ':1}'), more(1, ':2}'),
        openaiChunk({}, { choices: [{ index: 0, delta: {},
          finish_reason: 'tool_calls' }] }),
        sse('[DONE]')]));
      const answer = await anthropic.ask(anthropic.sdk(sluice), {
        model: 'openai/interleaved', stream: true,
        turns: [anthropic.user('both')] });
      assert.deepEqual(answer.tools, [
        { id: 'call_a', name: 'one', args: { n: 1 } },
        { id: 'call_b', name: 'two', args: { m: 2 } }]);
      assert.equal(answer.stop, 'tool_use');
    });

  for (const stream of [true, false])
    test(`thinking reaches the OpenAI SDK as reasoning_content, ` +
      (stream ? 'stream' : 'whole'), async () => {
      upstream.on('thinker', (call) => call.answer({ text: 'Seven.',
        thinking: 'three and four', signature: 'c2lnbmF0dXJl' }));
      const sdk = openai.sdk(sluice);
      const body = { model: 'anthropic/thinker', stream,
        messages: [openai.user('3+4?')] };
      let seen = '', said = '';
      if (stream) {
        for await (const c of await sdk.chat.completions.create(body)) {
          seen += c.choices[0]?.delta.reasoning_content ?? '';
          said += c.choices[0]?.delta.content ?? '';
        }
      } else {
        const { message } = (await sdk.chat.completions.create(body))
          .choices[0];
        seen = message.reasoning_content;
        said = message.content;
      }
      assert.equal(seen, 'three and four');
      assert.equal(said, 'Seven.');
    });

  test('a thinking signature never reaches another issuer', async () => {
    upstream.on('other', (call) => call.answer({ text: 'ok' }));
    await anthropic.ask(anthropic.sdk(sluice), { model: 'openai/other',
      turns: [anthropic.user('3+4?'),
        { role: 'assistant', content: [
          { type: 'thinking', thinking: 'hm', signature: 'c2VjcmV0c2ln' },
          { type: 'text', text: 'Seven.' }] },
        anthropic.user('sure?')] });
    const sent = upstream.callsFor('other').at(-1).raw.toString();
    assert.doesNotMatch(sent, /c2VjcmV0c2ln/);
    assert.match(sent, /Seven\./);
  });

  test('an image crosses, and what cannot cross is named', async () => {
    upstream.on('seer', (call) => call.answer({ text: 'a dot' }));
    const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk' +
      'YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
    const sdk = openai.sdk(sluice);
    const done = await sdk.chat.completions.create({
      model: 'anthropic/seer', logit_bias: { 50: 1 }, seed: 7,
      messages: [{ role: 'user', content: [
        { type: 'text', text: 'what is this?' },
        { type: 'image_url',
          image_url: { url: `data:image/png;base64,${png}` } }] }] });
    assert.equal(done.choices[0].message.content, 'a dot');
    const { content } = upstream.callsFor('seer').at(-1).body.messages[0];
    assert.deepEqual(content.find((b) => b.type === 'image').source,
      { type: 'base64', media_type: 'image/png', data: png });
    const lossy = sdk.lastHeaders.get('x-sluice-lossy');
    assert.match(lossy, /seed/);
    assert.match(lossy, /logit_bias/);
    const row = await sluice.ledger.waitForRow(
      sdk.lastHeaders.get('x-request-id'));
    assert.ok(row.lossy.some((l) => /seed/.test(l)));
    assert.equal(row.cost_usd, null);
    assert.match(row.cost_note, /no price/);
  });

  for (const stream of [false, true])
    test(`a source without an address is named, ${stream ? 'in the last '
      + 'usage of a stream' : 'in the head of a whole answer'}`, async () => {
      const answer = anthropicWhole({ text: 'It is so.' }, 'reader');
      const cited = { type: 'char_location', cited_text: 'so',
        document_index: 0, document_title: 'D', start_char_index: 0,
        end_char_index: 2 };
      upstream.on('reader', (call) => stream ? call.stream([
        named({ type: 'message_start', message: { ...answer, content: [] } }),
        named({ type: 'content_block_start', index: 0,
          content_block: { type: 'text', text: '' } }),
        named({ type: 'content_block_delta', index: 0,
          delta: { type: 'text_delta', text: 'It is so.' } }),
        named({ type: 'content_block_delta', index: 0,
          delta: { type: 'citations_delta', citation: cited } }),
        named({ type: 'content_block_stop', index: 0 }),
        named({ type: 'message_delta', delta: { stop_reason: 'end_turn',
          stop_sequence: null }, usage: answer.usage }),
        named({ type: 'message_stop' })])
        : call.whole({ ...answer, content: [{ type: 'text',
          text: 'It is so.', citations: [cited] }] }));
      const sdk = openai.sdk(sluice);
      const body = { model: 'anthropic/reader', stream,
        messages: [{ role: 'user', content: 'is it?' }] };
      if (!stream) {
        await sdk.chat.completions.create(body);
        assert.equal(sdk.lastHeaders.get('x-sluice-lossy'), 'annotations');
      } else {
        let usage;
        for await (const chunk of await sdk.chat.completions.create({ ...body,
          stream_options: { include_usage: true } }))
          usage = chunk.usage ?? usage;
        assert.deepEqual(usage.sluice.lossy, ['annotations']);
        assert.equal(usage.sluice.model, 'anthropic/reader');
      }
      const row = await sluice.ledger.waitForRow(
        sdk.lastHeaders.get('x-request-id'));
      assert.deepEqual(row.lossy, ['annotations']);
    });
});
