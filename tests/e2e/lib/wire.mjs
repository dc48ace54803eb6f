// SPDX-License-Identifier: MIT
// One answer, in the words of any provider: plain data in, the bytes that
// OpenAI (Chat Completions, Responses), Anthropic (Messages) or Google
// (Gemini) would send out.
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

// --- OpenAI Responses

function responsesItems(a) {
  return [
    ...(a.thinking ? [{ id: 'rs_e2e', type: 'reasoning',
      summary: [{ type: 'summary_text', text: a.thinking }],
      encrypted_content: a.signature }] : []),
    ...(a.text ? [{ id: 'msg_e2e', type: 'message', status: 'completed',
      role: 'assistant', content: [{ type: 'output_text', annotations: [],
        logprobs: [], text: a.text }] }] : []),
    ...(a.tools ?? []).map((t, i) => ({ id: `fc_e2e_${i}`,
      type: 'function_call', status: 'completed', call_id: t.id,
      name: t.name, arguments: JSON.stringify(t.args) })),
  ];
}

function responsesUsage(a) {
  const u = counts(a);
  const input = u.input + u.read + u.write;
  const output = u.output + u.reasoning;
  return { input_tokens: input,
    input_tokens_details: { cached_tokens: u.read,
      ...(u.write ? { cache_write_tokens: u.write } : {}) },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: u.reasoning },
    total_tokens: input + output };
}

const responsesObject = (a, model, more) => ({ id: 'resp_e2e',
  object: 'response', created_at: 1_790_000_000, status: 'in_progress',
  background: false, error: null, incomplete_details: null,
  instructions: null, max_output_tokens: null, metadata: {},
  model: a.model ?? model, output: [], parallel_tool_calls: true,
  previous_response_id: null, reasoning: { effort: null, summary: null },
  store: false, temperature: 1, text: { format: { type: 'text' } },
  tool_choice: 'auto', tools: [], top_p: 1, truncation: 'disabled',
  usage: null, user: null, access_programs: null, ...more });

export function responsesWhole(a, model) {
  const cut = stopOf(a) === 'length';
  return responsesObject(a, model, {
    status: cut ? 'incomplete' : 'completed',
    incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
    output: responsesItems(a), usage: responsesUsage(a) });
}

// What comes between an item's beginning and its end.
const RESPONSES_CONTENT = {
  message(item, at) {
    const [part] = item.content;
    const here = { ...at, content_index: 0 };
    return [
      { type: 'response.content_part.added', ...here,
        part: { ...part, text: '' } },
      ...words(part.text).map((delta) => ({
        type: 'response.output_text.delta', ...here, delta, logprobs: [] })),
      { type: 'response.output_text.done', ...here, text: part.text,
        logprobs: [] },
      { type: 'response.content_part.done', ...here, part }];
  },
  reasoning(item, at) {
    const [part] = item.summary;
    const here = { ...at, summary_index: 0 };
    return [
      { type: 'response.reasoning_summary_part.added', ...here,
        part: { ...part, text: '' } },
      ...words(part.text).map((delta) => ({
        type: 'response.reasoning_summary_text.delta', ...here, delta })),
      { type: 'response.reasoning_summary_text.done', ...here,
        text: part.text },
      { type: 'response.reasoning_summary_part.done', ...here, part }];
  },
  function_call(item, at) {
    return [
      ...pieces(item.arguments).map((delta) => ({
        type: 'response.function_call_arguments.delta', ...at, delta })),
      { type: 'response.function_call_arguments.done', ...at,
        arguments: item.arguments }];
  },
};
const RESPONSES_EMPTY = { message: { content: [], status: 'in_progress' },
  reasoning: { summary: [] },
  function_call: { arguments: '', status: 'in_progress' } };

export function responsesStream(a, model) {
  const response = responsesObject(a, model, {});
  const last = responsesWhole(a, model);
  const items = last.output.flatMap((item, output_index) => [
    { type: 'response.output_item.added', output_index,
      item: { ...item, ...RESPONSES_EMPTY[item.type] } },
    ...RESPONSES_CONTENT[item.type](item, { item_id: item.id, output_index }),
    { type: 'response.output_item.done', output_index, item }]);
  return [
    { type: 'response.created', response },
    { type: 'response.in_progress', response },
    ...items,
    { type: `response.${last.status}`, response: last },
  ].map((event, sequence_number) => named({ ...event, sequence_number }));
}

// --- Gemini

const GEMINI_STOP = { stop: 'STOP', length: 'MAX_TOKENS', tool: 'STOP' };

function geminiUsage(a) {
  const u = counts(a);
  const promptTokenCount = u.input + u.read + u.write;
  return { promptTokenCount, candidatesTokenCount: u.output,
    ...(u.read ? { cachedContentTokenCount: u.read } : {}),
    ...(u.reasoning ? { thoughtsTokenCount: u.reasoning } : {}),
    totalTokenCount: promptTokenCount + u.output + u.reasoning };
}

// The signature stands at the first call, else at the end of the text.
function geminiParts(a, text = [a.text ?? '']) {
  const sign = a.signature ? { thoughtSignature: a.signature } : {};
  return [
    ...(a.thinking ? [{ text: a.thinking, thought: true }] : []),
    ...text.filter(Boolean).map((t) => ({ text: t })),
    ...(a.tools ?? []).map((t, i) => ({ functionCall: { id: t.id,
      name: t.name, args: t.args }, ...(i === 0 && sign) })),
    ...(!a.tools && a.signature ? [{ text: '', ...sign }] : []),
  ];
}

const geminiAnswer = (a, model, parts, finishReason) => ({
  candidates: [{ index: 0, content: { role: 'model', parts },
    ...(finishReason && { finishReason }) }],
  usageMetadata: geminiUsage(a), modelVersion: a.model ?? model,
  responseId: 'e2e' });

export const geminiWhole = (a, model) => geminiAnswer(a, model,
  geminiParts(a), GEMINI_STOP[stopOf(a)]);

export function geminiStream(a, model) {
  const parts = geminiParts(a, words(a.text ?? ''));
  return [...parts, { text: '' }].map((part, i) => `data: ${JSON.stringify(
    geminiAnswer(a, model, [part],
      i === parts.length ? GEMINI_STOP[stopOf(a)] : undefined))}\r\n\r\n`);
}

// --- Errors, in each provider's words

export const openaiError = (message, type = 'server_error', code = null,
  param = null) => ({ error: { message, type, param, code } });
export const anthropicError = (message, type = 'api_error') => ({
  type: 'error', error: { type, message }, request_id: 'req_e2e' });
