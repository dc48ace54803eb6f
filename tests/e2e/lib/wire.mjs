// SPDX-License-Identifier: MIT
// One answer, in the words of either provider: plain data in, the bytes that
// OpenAI (Chat Completions) or Anthropic (Messages) would send out.
//
//   answer = { text, tools: [{ id, name, args }], thinking, signature,
//              stop: 'stop' | 'length' | 'tool', model,
//              usage: { input, read, write, output, reasoning } }
//
// usage counts disjoint buckets; each format sums them its own way.

const words = (s) => s.match(/\S+\s*|\s+/g) ?? [];
const pieces = (s, n = 7) => s.match(new RegExp(`.{1,${n}}`, 'gsu')) ?? [];
const stopOf = (a) => a.stop ?? (a.tools?.length ? 'tool' : 'stop');
const counts = (a) => ({ input: 12, read: 0, write: 0, output: 5,
  reasoning: 0, ...a.usage });

export const sse = (data, event) => (event ? `event: ${event}\n` : '') +
  `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;

// --- OpenAI Chat Completions

const OPENAI_STOP = { stop: 'stop', length: 'length', tool: 'tool_calls' };

function openaiUsage(a) {
  const u = counts(a);
  const prompt = u.input + u.read + u.write;
  const completion = u.output + u.reasoning;
  return {
    prompt_tokens: prompt, completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: u.read, audio_tokens: 0,
      ...(u.write ? { cache_write_tokens: u.write } : {}) },
    completion_tokens_details: { reasoning_tokens: u.reasoning,
      audio_tokens: 0 },
  };
}

export function openaiWhole(a, model) {
  const tool_calls = a.tools?.map((t) => ({ id: t.id, type: 'function',
    function: { name: t.name, arguments: JSON.stringify(t.args) } }));
  return {
    id: 'chatcmpl-e2e', object: 'chat.completion', created: 1_790_000_000,
    model: a.model ?? model,
    choices: [{ index: 0, logprobs: null,
      message: { role: 'assistant', content: a.text ?? null, refusal: null,
        annotations: [], ...(tool_calls ? { tool_calls } : {}) },
      finish_reason: OPENAI_STOP[stopOf(a)] }],
    usage: openaiUsage(a), service_tier: 'default',
  };
}

export const openaiChunk = (delta, more = {}, model = 'm') => sse({
  id: 'chatcmpl-e2e', object: 'chat.completion.chunk',
  created: 1_790_000_000, model,
  choices: [{ index: 0, delta, finish_reason: null }], ...more });

export function openaiStream(a, model, includeUsage) {
  const name = a.model ?? model;
  const nil = includeUsage ? { usage: null } : {};
  const chunk = (delta) => openaiChunk(delta, nil, name);
  const calls = (a.tools ?? []).flatMap((t, index) => [
    chunk({ tool_calls: [{ index, id: t.id, type: 'function',
      function: { name: t.name, arguments: '' } }] }),
    ...pieces(JSON.stringify(t.args)).map((s) => chunk({
      tool_calls: [{ index, function: { arguments: s } }] })),
  ]);
  const last = { ...nil, choices: [{ index: 0, delta: {},
    finish_reason: OPENAI_STOP[stopOf(a)] }] };
  return [
    chunk({ role: 'assistant', content: a.tools ? null : '', refusal: null }),
    ...words(a.text ?? '').map((content) => chunk({ content })),
    ...calls,
    openaiChunk({}, last, name),
    ...(includeUsage
      ? [openaiChunk({}, { choices: [], usage: openaiUsage(a) }, name)] : []),
    sse('[DONE]'),
  ];
}

// --- Anthropic Messages

const ANTHROPIC_STOP = { stop: 'end_turn', length: 'max_tokens',
  tool: 'tool_use' };

function anthropicUsage(a, output) {
  const u = counts(a);
  return {
    input_tokens: u.input, cache_creation_input_tokens: u.write,
    cache_read_input_tokens: u.read,
    cache_creation: { ephemeral_5m_input_tokens: u.write,
      ephemeral_1h_input_tokens: 0 },
    output_tokens: output ?? u.output + u.reasoning,
    ...(u.reasoning && output === undefined
      ? { output_tokens_details: { thinking_tokens: u.reasoning } } : {}),
    service_tier: 'standard',
  };
}

function anthropicBlocks(a) {
  return [
    ...(a.thinking ? [{ type: 'thinking', thinking: a.thinking,
      signature: a.signature }] : []),
    ...(a.text ? [{ type: 'text', text: a.text }] : []),
    ...(a.tools ?? []).map((t) => ({ type: 'tool_use', id: t.id,
      name: t.name, input: t.args })),
  ];
}

const anthropicMessage = (a, model, content, stop_reason, usage) => ({
  id: 'msg_e2e', type: 'message', role: 'assistant', model: a.model ?? model,
  content, stop_reason, stop_sequence: null, usage });

export const anthropicWhole = (a, model) => anthropicMessage(a, model,
  anthropicBlocks(a), ANTHROPIC_STOP[stopOf(a)], anthropicUsage(a));

export const named = (data) => sse(data, data.type);

// The deltas of a block, and the block as content_block_start shows it.
const ANTHROPIC_DELTAS = {
  text: (b) => words(b.text).map((text) => ({ type: 'text_delta', text })),
  thinking: (b) => [
    ...words(b.thinking).map((thinking) => ({ type: 'thinking_delta',
      thinking })),
    { type: 'signature_delta', signature: b.signature }],
  tool_use: (b) => ['', ...pieces(JSON.stringify(b.input))].map(
    (partial_json) => ({ type: 'input_json_delta', partial_json })),
};
const ANTHROPIC_EMPTY = { text: { text: '' }, tool_use: { input: {} },
  thinking: { thinking: '', signature: '' } };

export function anthropicStream(a, model) {
  const blocks = anthropicBlocks(a).flatMap((b, index) => [
    named({ type: 'content_block_start', index,
      content_block: { ...b, ...ANTHROPIC_EMPTY[b.type] } }),
    ...(index === 0 ? [named({ type: 'ping' })] : []),
    ...ANTHROPIC_DELTAS[b.type](b).map((delta) => named({
      type: 'content_block_delta', index, delta })),
    named({ type: 'content_block_stop', index }),
  ]);
  return [
    named({ type: 'message_start', message: anthropicMessage(a, model, [],
      null, anthropicUsage(a, 1)) }),
    ...blocks,
    named({ type: 'message_delta',
      delta: { stop_reason: ANTHROPIC_STOP[stopOf(a)], stop_sequence: null },
      usage: anthropicUsage(a) }),
    named({ type: 'message_stop' }),
  ];
}

// --- Errors, in each provider's words

export const openaiError = (message, type = 'server_error', code = null,
  param = null) => ({ error: { message, type, param, code } });
export const anthropicError = (message, type = 'api_error') => ({
  type: 'error', error: { type, message }, request_id: 'req_e2e' });
