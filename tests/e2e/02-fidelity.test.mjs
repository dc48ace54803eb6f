// SPDX-License-Identifier: MIT
// Same format on both sides: the bytes are the message.  What sluice must
// change is the model name, the credential, and the one frame with the final
// usage, which gains its cost; all else arrives as it was sent.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { frames } from './lib/ask.mjs';
import { SECRET, startSluice } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const upstream = await startUpstream();
const sluice = await startSluice({ upstream });
after(async () => {
  await sluice.stop();
  upstream.stop();
});

const OPENAI = '/v1/chat/completions';
const ANTHROPIC = '/v1/messages';

// Everything that a parser would smooth over: order, spacing, spelling of
// numbers and escapes, members that nobody knows yet.
const ODD_OPENAI = String.raw`{ "future_member" : {"z":1,"a":[1e2, 1.50,-0.0 ]},
	"messages":[{"content":"caf\u00e9 \ud83d\ude00 \/ ☃","role":"user","x":null}],
	"model" :"openai/odd",  "temperature":1.0e0,"seed":12345678901234567890 }
`;
const ODD_ANTHROPIC = String.raw`{"max_tokens":1E2, "messages":[ {"role":"user","content":[{"type":"text","text":"\u0041\t"},
  {"type":"thought_from_2031","blob":"\/\/"}]}],"model":"anthropic/odd","output_config":{"effort":"colossal"}}`;

const strip = (s) => s.replace('"openai/odd"', '"odd"')
  .replace('"anthropic/odd"', '"odd"');
const withoutUsageOption = (s) => s.replace(
  /\s*,\s*"stream_options"\s*:\s*\{\s*"include_usage"\s*:\s*true\s*\}/, '');
const withoutCost = (s) => s.replace(
  /\s*,\s*"cost"\s*:\s*(?:null|[-+.0-9eE]+)/, '');

async function send(path, body, headers) {
  const answer = await sluice.request({ path, body, headers });
  assert.equal(answer.status, 200, answer.text);
  return answer;
}

const REQUESTS = [
  { name: 'OpenAI', path: OPENAI, body: ODD_OPENAI, want: strip(ODD_OPENAI) },
  { name: 'Anthropic', path: ANTHROPIC, body: ODD_ANTHROPIC,
    want: strip(ODD_ANTHROPIC) },
  { name: 'Anthropic, streaming', path: ANTHROPIC,
    body: ODD_ANTHROPIC.replace('{', '{"stream":true,'),
    want: strip(ODD_ANTHROPIC).replace('{', '{"stream":true,') },
  { name: 'OpenAI, streaming, without stream_options', path: OPENAI,
    body: ODD_OPENAI.replace('{', '{"stream":true,'),
    want: strip(ODD_OPENAI).replace('{', '{"stream":true,'),
    added: true },
  { name: 'OpenAI, streaming, with its own stream_options', path: OPENAI,
    body: ODD_OPENAI.replace('{',
      '{"stream":true,"stream_options":{"include_usage":true,"q":1},'),
    want: strip(ODD_OPENAI).replace('{',
      '{"stream":true,"stream_options":{"include_usage":true,"q":1},') },
  { name: 'OpenAI, streaming, usage refused by the client', path: OPENAI,
    body: ODD_OPENAI.replace('{',
      '{"stream":true,"stream_options":{"q":1, "include_usage" : false},'),
    want: strip(ODD_OPENAI).replace('{',
      '{"stream":true,"stream_options":{"q":1, "include_usage" : true},') },
];

for (const r of REQUESTS)
  test(`request bytes arrive unchanged: ${r.name}`, async () => {
    upstream.on('odd', (call) => call.answer({ text: 'Hi' }));
    await send(r.path, r.body);
    const raw = upstream.callsFor('odd').at(-1).raw.toString();
    assert.equal(r.added ? withoutUsageOption(raw) : raw, r.want);
    if (r.added)
      assert.deepEqual(JSON.parse(raw).stream_options,
        { include_usage: true });
  });

const WHOLE = {
  [OPENAI]: String.raw`{
  "id": "chatcmpl-1", "object": "chat.completion", "created": 1.79e9, "model": "gpt-5-mini",
  "choices": [ {"index":0,"message":{"role":"assistant","content":"caf\u00e9 \ud83d\ude00 \/","refusal":null,"annotations":[], "new_thing":[1.50]},"logprobs":null,"finish_reason":"stop"} ],
  "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "prompt_tokens_details": {"cached_tokens":0}},
  "system_fingerprint":"fp_x" }
`,
  [ANTHROPIC]: String.raw`{"model":"claude-sonnet-4-5","id":"msg_1","type":"message","role":"assistant",
 "content":[{"type":"text","text":"caf\u00e9"},{"type":"thought_from_2031","blob":"\/"}],
 "stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1e2,"output_tokens":10,"new":{"k":1}},"tail":1.0}`,
};
const TARGET = { [OPENAI]: 'openai/gpt-5-mini',
  [ANTHROPIC]: 'anthropic/claude-sonnet-4-5' };
const COST = { [OPENAI]: 0.000045, [ANTHROPIC]: 0.00045 };
const ask = (path, more = {}) => ({ model: TARGET[path], max_tokens: 50,
  messages: [{ role: 'user', content: 'Hi' }], ...more });
const bare = (path) => TARGET[path].split('/')[1];

for (const path of [OPENAI, ANTHROPIC]) {
  test(`whole answer is byte-identical but for the cost: ${path}`,
    async () => {
      upstream.on(bare(path), (call) => call.whole(WHOLE[path]));
      const answer = await send(path, ask(path));
      assert.equal(withoutCost(answer.text), WHOLE[path]);
      assert.equal(answer.json.usage.cost, COST[path]);
      assert.match(answer.headers['content-type'], /^application\/json/);
    });

  test(`a compressed answer is read and passed on plain: ${path}`,
    async () => {
      upstream.on(bare(path), (call) => call.whole(
        zlib.gzipSync(WHOLE[path]), 200, { 'content-encoding': 'gzip' }));
      const answer = await send(path, ask(path));
      assert.equal(withoutCost(answer.text), WHOLE[path]);
    });
}

const STREAM = {
  [OPENAI]: [
    ': OPENROUTER PROCESSING\n\n',
    String.raw`data: {"id":"c1","object":"chat.completion.chunk","created":1.0e9,"model":"gpt-5-mini","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null,"p":"abc"}` + '\n\n',
    String.raw`data: {"choices":[{"delta":{"content":"caf\u00e9","hologram":{"a":1.50}},"index":0}], "usage" : null,"id":"c1"}` + '\n\n',
    'event: chunk\ndata: {"choices":[{"delta":{"content":" au lait"},"index":0}],"id":"c1"}\nid: 7\n\n',
    'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n',
    'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110}}\n\n',
    'data: [DONE]\n\n',
  ],
  [ANTHROPIC]: [
    'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":100,"output_tokens":1}}   }\n\n',
    'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}\n\n',
    'event: ping\ndata: {"type": "ping"}\n\n',
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\\u0041h"}}\n\n',
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQBCgIYAhIM\\/+=="}}\n\n',
    'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
    'event: event_from_2031\ndata: {"type":"event_from_2031","n":1.0}\n\n',
    'event: content_block_start\ndata: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}\n\n',
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}\n\n',
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"delta_from_2031","x":"y"}}\n\n',
    'event: content_block_stop\ndata: {"type":"content_block_stop","index":1}\n\n',
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":10}}\n\n',
    'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  ],
};

for (const path of [OPENAI, ANTHROPIC])
  test(`stream is byte-identical but for the cost: ${path}`, async () => {
    upstream.on(bare(path), (call) => call.stream(STREAM[path]));
    const answer = await send(path, ask(path, { stream: true,
      ...(path === OPENAI && { stream_options: { include_usage: true } }) }));
    assert.match(answer.headers['content-type'], /^text\/event-stream/);
    assert.equal(withoutCost(answer.text), STREAM[path].join(''));
    const last = frames(answer.raw).findLast((f) => f.data?.usage);
    assert.equal(last.data.usage.cost, COST[path]);
  });

test('a usage chunk that the client did not ask for stays hidden',
  async () => {
    upstream.on('gpt-5-mini', (call) => call.stream(STREAM[OPENAI]));
    const answer = await send(OPENAI, ask(OPENAI, { stream: true }));
    const want = STREAM[OPENAI].filter((f) => !f.includes('"choices":[],'));
    assert.equal(answer.text, want.join(''));
    const row = await sluice.ledger.waitForRow(
      answer.headers['x-request-id']);
    assert.equal(Number(row.cost_usd), COST[OPENAI]);
  });

test('frames that are cut anywhere are put together again', async () => {
  const bytes = Buffer.from(STREAM[ANTHROPIC].join(''));
  const cuts = Array.from({ length: Math.ceil(bytes.length / 7) },
    (_, i) => bytes.subarray(7 * i, 7 * i + 7));
  upstream.on(bare(ANTHROPIC), async (call) => {
    call.sse();
    for (const c of cuts) {
      await call.write(c);
      await new Promise(setImmediate);
    }
    call.end();
  });
  const answer = await send(ANTHROPIC, ask(ANTHROPIC, { stream: true }));
  assert.equal(withoutCost(answer.text), STREAM[ANTHROPIC].join(''));
});

test('anthropic-* headers pass both ways, credentials do not', async () => {
  upstream.on('odd', (call) => call.answer({ text: 'Hi' }, { headers: {
    'anthropic-ratelimit-requests-remaining': '41',
    'anthropic-organization-id': 'org-1', 'set-cookie': 'a=b',
    'request-id': 'req_upstream' } }));
  const answer = await sluice.request({ path: `${ANTHROPIC}?beta=true`,
    body: ODD_ANTHROPIC, key: null, headers: { 'x-api-key': sluice.key,
      'anthropic-version': '2026-10-21', cookie: 'c=d',
      'anthropic-beta': 'one-2025-01-01,two-2026-02-02',
      'anthropic-thing-of-2031': 'yes' } });
  assert.equal(answer.status, 200, answer.text);
  const sent = upstream.callsFor('odd').at(-1).headers;
  assert.equal(sent['anthropic-version'], '2026-10-21');
  assert.equal(sent['anthropic-beta'], 'one-2025-01-01,two-2026-02-02');
  assert.equal(sent['anthropic-thing-of-2031'], 'yes');
  assert.equal(sent.cookie, undefined);
  const all = JSON.stringify(sent);
  assert.ok(all.includes(SECRET.anthropic));
  assert.ok(!all.includes(sluice.key));
  assert.equal(answer.headers['anthropic-ratelimit-requests-remaining'],
    '41');
  assert.equal(answer.headers['anthropic-organization-id'], 'org-1');
  assert.equal(answer.headers['set-cookie'], undefined);
  assert.match(answer.headers['request-id'], /^call_/);
});

test('to OpenAI goes its own key and nothing of the client', async () => {
  upstream.on('odd', (call) => call.answer({ text: 'Hi' }));
  await send(OPENAI, ODD_OPENAI, { 'x-sluice-user': 'u', cookie: 'c=d',
    'openai-organization': 'org-x' });
  const sent = upstream.callsFor('odd').at(-1).headers;
  assert.equal(sent.authorization, `Bearer ${SECRET.openai}`);
  assert.equal(sent['x-sluice-user'], undefined);
  assert.equal(sent.cookie, undefined);
});
