// SPDX-License-Identifier: MIT
// The ledger's dollars against dollars computed by hand, for usage blocks as
// the providers really sent them, whole and streamed alike.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startSluice } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';
import { sse, named } from './lib/wire.mjs';

// usd: by hand, tokens x USD per million from the vendors' price lists.
const CASES = [
  // 205 x 3 + 5 x 3.75 + 12963 x 0.3 + 208 x 15
  { provider: 'anthropic', model: 'claude-sonnet-4-5-20250929',
    usd: '0.00764265', usage: { input_tokens: 205,
      cache_creation_input_tokens: 5, cache_read_input_tokens: 12963,
      cache_creation: { ephemeral_5m_input_tokens: 5,
        ephemeral_1h_input_tokens: 0 }, output_tokens: 208 } },
  // 7744 x 3 + 353 x 15 + one web search at 0.01
  { provider: 'anthropic', model: 'claude-sonnet-4-5-20250929',
    usd: '0.038527', usage: { input_tokens: 7744,
      cache_creation_input_tokens: 0, cache_read_input_tokens: 0,
      cache_creation: { ephemeral_5m_input_tokens: 0,
        ephemeral_1h_input_tokens: 0 }, output_tokens: 353,
      output_tokens_details: { thinking_tokens: 80 },
      server_tool_use: { web_fetch_requests: 0, web_search_requests: 1 } } },
  // 16 x 5 + 100 x 6.25 + 40 x 10 + 13637 x 0.5 + 344 x 25
  { provider: 'anthropic', model: 'claude-opus-4-8', usd: '0.0165235',
    usage: { input_tokens: 16, cache_creation_input_tokens: 140,
      cache_read_input_tokens: 13637,
      cache_creation: { ephemeral_5m_input_tokens: 100,
        ephemeral_1h_input_tokens: 40 }, output_tokens: 344,
      output_tokens_details: { thinking_tokens: 33 } } },
  // (1128 + 1289) x 3 + 133 x 15, and the advisor's 2529 x 5 + 38 x 25
  { provider: 'anthropic', model: 'claude-sonnet-4-6', usd: '0.022841',
    others: [{ model: 'claude-opus-4-8', input: 2529, output: 38,
      cost_usd: '0.013595' }],
    usage: { input_tokens: 2417, output_tokens: 133,
      cache_creation_input_tokens: 0, cache_read_input_tokens: 0,
      iterations: [{ type: 'message', input_tokens: 1128, output_tokens: 121 },
        { type: 'advisor_message', model: 'claude-opus-4-8',
          input_tokens: 2529, output_tokens: 38 },
        { type: 'message', input_tokens: 1289, output_tokens: 12 }] } },
  // an advisor without a price: no amount
  { provider: 'anthropic', model: 'claude-sonnet-4-6', usd: null,
    others: [{ model: 'claude-unheard-of', input: 9, output: 9,
      cost_usd: null }],
    why: 'claude-unheard-of', usage: { input_tokens: 1, output_tokens: 1,
      iterations: [{ type: 'advisor_message', model: 'claude-unheard-of',
        input_tokens: 9, output_tokens: 9 }] } },
  // 110 x 2.5 + 50 x 10
  { provider: 'openai', model: 'gpt-4o-2024-08-06', usd: '0.000775',
    usage: { prompt_tokens: 110, completion_tokens: 50, total_tokens: 160,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 } } },
  // 337 x 0.05 + 300 x 0.4; the snapshot answers for its alias
  { provider: 'openai', model: 'gpt-5-nano', returned: 'gpt-5-nano-2025-08-07',
    usd: '0.00013685', usage: { prompt_tokens: 337, completion_tokens: 300,
      total_tokens: 637, prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 300 } } },
  // 51 x 0.14 + 512 x 0.0028 + 116 x 0.28
  { provider: 'deepseek', model: 'deepseek-v4-flash', usd: '0.0000410536',
    usage: { completion_tokens: 116,
      completion_tokens_details: { reasoning_tokens: 60 },
      prompt_cache_hit_tokens: 512, prompt_cache_miss_tokens: 51,
      prompt_tokens: 563, prompt_tokens_details: { cached_tokens: 512 },
      total_tokens: 679 } },
  // 80 x 0.15 + 256 x 0.075 + 96 x 0.6
  { provider: 'groq', model: 'openai/gpt-oss-120b', usd: '0.0000888',
    usage: { completion_tokens: 96,
      completion_tokens_details: { reasoning_tokens: 59 },
      prompt_tokens: 336, prompt_tokens_details: { cached_tokens: 256 },
      total_tokens: 432 } },
  // (44 + 224) x 0.5 + 5 x 1.5: it lists no price for cached input
  { provider: 'mistral', model: 'mistral-large-latest', usd: '0.0001415',
    usage: { completion_tokens: 5, prompt_tokens: 268,
      prompt_tokens_details: { cached_tokens: 224 }, total_tokens: 273 } },
  // 35 x 2.25 + 106 x 2.75
  { provider: 'cerebras', model: 'zai-glm-4.7', usd: '0.00037025',
    usage: { completion_tokens: 106,
      completion_tokens_details: { reasoning_tokens: 97 },
      prompt_tokens: 35, total_tokens: 141 } },
  // 1 x 0.2 + 467 x 0.05 + (77 + 582) x 0.5: reasoning is not in
  // completion_tokens, and the provider's own figure agrees
  { provider: 'xai', model: 'grok-4-fast-reasoning', usd: '0.00035305',
    own: '0.00035305', usage: { prompt_tokens: 468, completion_tokens: 77,
      total_tokens: 1127, prompt_tokens_details: { cached_tokens: 467 },
      completion_tokens_details: { reasoning_tokens: 582 },
      cost_in_usd_ticks: 3530500 } },
  // no price is known: no amount, and never zero
  { provider: 'openai', model: 'gpt-unheard-of', usd: null,
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } },
];

const anthropic = {
  whole: (c) => ({ id: 'msg_1', type: 'message', role: 'assistant',
    model: c.model, content: [{ type: 'text', text: 'hi' }],
    stop_reason: 'end_turn', stop_sequence: null, usage: c.usage }),
  frames: (c) => [
    named({ type: 'message_start', message: { ...anthropic.whole(c),
      content: [], stop_reason: null,
      usage: { ...c.usage, output_tokens: 1 } } }),
    named({ type: 'content_block_start', index: 0,
      content_block: { type: 'text', text: '' } }),
    named({ type: 'content_block_delta', index: 0,
      delta: { type: 'text_delta', text: 'hi' } }),
    named({ type: 'content_block_stop', index: 0 }),
    named({ type: 'message_delta', delta: { stop_reason: 'end_turn',
      stop_sequence: null }, usage: c.usage }),
    named({ type: 'message_stop' })],
};

const chunk = (c, choices, more) => sse({ id: 'c1',
  object: 'chat.completion.chunk', created: 1, model: c.returned ?? c.model,
  choices, ...more });
const openai = {
  whole: (c) => ({ id: 'c1', object: 'chat.completion', created: 1,
    model: c.returned ?? c.model, choices: [{ index: 0,
      message: { role: 'assistant', content: 'hi' },
      finish_reason: 'stop' }], usage: c.usage }),
  // Groq has its usage in x_groq, Mistral and DeepSeek on the last choice.
  frames: (c) => {
    const end = [{ index: 0, delta: {}, finish_reason: 'stop' }];
    const last = {
      groq: [chunk(c, end, { x_groq: { usage: c.usage } })],
      mistral: [chunk(c, end, { usage: c.usage })],
      deepseek: [chunk(c, end, { usage: c.usage })],
    }[c.provider] ?? [chunk(c, end), chunk(c, [], { usage: c.usage })];
    return [chunk(c, [{ index: 0, delta: { role: 'assistant',
      content: 'hi' }, finish_reason: null }]), ...last, 'data: [DONE]\n\n'];
  },
};

const upstream = await startUpstream();
const names = new Set(CASES.map((c) => c.provider));
const sluice = await startSluice({ upstream, conf: {
  providers: Object.fromEntries([...names].map((n) => [n, {
    base_url: n === 'anthropic' ? upstream.url : `${upstream.url}/v1`,
    key: `key-of-${n}` }])),
  models: { 'xai/grok-4-fast-reasoning': {
    price: { input: '0.2', cache_read: '0.05', output: '0.5' } } },
} });
after(async () => {
  await sluice.stop();
  upstream.stop();
});

async function ask(model, stream) {
  const r = await fetch(`${sluice.url}/v1/chat/completions`, {
    method: 'POST', headers: { authorization: `Bearer ${sluice.key}` },
    body: JSON.stringify({ model, stream,
      messages: [{ role: 'user', content: 'x' }] }) });
  await r.text();
  assert.equal(r.status, 200);
  return r.headers.get('x-request-id');
}

for (const c of CASES) {
  describe(`${c.provider}/${c.model}, USD ${c.usd}`, () => {
    for (const stream of [false, true]) {
      test(`${stream ? 'a stream' : 'a whole answer'} costs what it costs`,
        async () => {
          const format = c.provider === 'anthropic' ? anthropic : openai;
          upstream.on(c.model, (call) => stream
            ? call.stream(format.frames(c)) : call.whole(format.whole(c)));
          const id = await ask(`${c.provider}/${c.model}`, stream);
          const row = await sluice.ledger.waitForRow(id);
          assert.equal(row.cost_usd, c.usd);
          assert.equal(row.attempts[0].cost_usd, c.usd);
          assert.equal(row.attempts[0].usage_source, 'reported');
          assert.equal(row.attempts[0].provider_cost_usd, c.own ?? null);
          const { others, ...all } = row.attempts[0].usage;
          assert.deepEqual(others?.map(({ model, input, output, cost_usd }) =>
            ({ model, input, output, cost_usd })), c.others);
          for (const o of others ?? [])
            assert.deepEqual(Object.keys(o), ['model',
              ...Object.keys(all).filter((k) => k !== 'units'), 'cost_usd']);
          if (c.usd === null)
            assert.match(row.cost_note,
              new RegExp(`no price for ${c.provider}/${c.why ?? c.model}`));
        });
    }
  });
}
