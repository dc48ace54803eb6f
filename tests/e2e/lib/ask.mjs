// SPDX-License-Identifier: MIT
// The official clients behind one face, so that a test can be a table: ask()
// sends a conversation in the client's own words and gives back
// { text, thinking, tools: [{ id, name, args }], stop, usage, turn, headers },
// turn being the assistant's message (Responses: the items) as that client
// would send it back.

const toolCalls = (calls) => (calls ?? []).map((c) => ({ id: c.id,
  name: c.function.name, args: JSON.parse(c.function.arguments) }));

const openai = {
  path: '/v1/chat/completions',
  stops: { stop: 'stop', tool: 'tool_calls', length: 'length' },
  sdk: (sluice) => sluice.openai(),
  user: (content) => ({ role: 'user', content }),
  results: (results) => results.map((r) => ({ role: 'tool',
    tool_call_id: r.id, content: r.text })),
  tool: (t) => ({ type: 'function', function: { name: t.name,
    description: t.description, parameters: t.schema } }),
  async ask(sdk, { model, turns, tools, stream }) {
    const body = { model, messages: turns,
      ...(tools && { tools: tools.map(openai.tool) }) };
    const chat = sdk.chat.completions;
    const done = await (stream
      ? chat.stream({ ...body, stream_options: { include_usage: true } })
        .finalChatCompletion()
      : chat.create(body));
    const { message, finish_reason } = done.choices[0];
    const u = done.usage;
    const read = u.prompt_tokens_details?.cached_tokens ?? 0;
    const write = u.prompt_tokens_details?.cache_write_tokens ?? 0;
    return {
      text: message.content ?? '', tools: toolCalls(message.tool_calls),
      thinking: message.reasoning_content, stop: finish_reason,
      turn: { role: 'assistant', content: message.content,
        tool_calls: message.tool_calls },
      usage: { input: u.prompt_tokens - read - write, read, write,
        output: u.completion_tokens },
      total: u.total_tokens, cost: u.cost, headers: sdk.lastHeaders,
    };
  },
};

const anthropic = {
  path: '/v1/messages',
  stops: { stop: 'end_turn', tool: 'tool_use', length: 'max_tokens' },
  sdk: (sluice) => sluice.anthropic(),
  user: (content) => ({ role: 'user', content }),
  results: (results) => [{ role: 'user', content: results.map((r) => ({
    type: 'tool_result', tool_use_id: r.id, content: r.text })) }],
  tool: (t) => ({ name: t.name, description: t.description,
    input_schema: t.schema }),
  async ask(sdk, { model, turns, tools, stream }) {
    const body = { model, max_tokens: 1000, messages: turns,
      ...(tools && { tools: tools.map(anthropic.tool) }) };
    const done = await (stream ? sdk.messages.stream(body).finalMessage()
      : sdk.messages.create(body));
    const of = (type) => done.content.filter((b) => b.type === type);
    const u = done.usage;
    return {
      text: of('text').map((b) => b.text).join(''),
      tools: of('tool_use').map((b) => ({ id: b.id, name: b.name,
        args: b.input })),
      thinking: of('thinking')[0]?.thinking, stop: done.stop_reason,
      turn: { role: 'assistant', content: done.content },
      usage: { input: u.input_tokens, read: u.cache_read_input_tokens ?? 0,
        write: u.cache_creation_input_tokens ?? 0, output: u.output_tokens },
      cost: u.cost, headers: sdk.lastHeaders,
    };
  },
};

// The Responses API of the openai SDK: turns are items.
const responses = {
  path: '/v1/responses',
  stops: { stop: 'completed', tool: 'completed', length: 'incomplete' },
  sdk: (sluice) => sluice.openai(),
  user: (content) => ({ role: 'user', content }),
  results: (results) => results.map((r) => ({ type: 'function_call_output',
    call_id: r.id, output: r.text })),
  tool: (t) => ({ type: 'function', name: t.name, strict: false,
    description: t.description, parameters: t.schema }),
  async ask(sdk, { model, turns, tools, stream, ...more }) {
    const body = { model, input: turns.flat(), store: false,
      ...(tools && { tools: tools.map(responses.tool) }), ...more };
    const done = await (stream
      ? sdk.responses.stream(body).finalResponse()
      : sdk.responses.create(body));
    const of = (type) => done.output.filter((i) => i.type === type);
    const u = done.usage;
    const read = u.input_tokens_details.cached_tokens;
    const write = u.input_tokens_details.cache_write_tokens ?? 0;
    return {
      text: done.output_text,
      tools: of('function_call').map((c) => ({ id: c.call_id, name: c.name,
        args: JSON.parse(c.arguments) })),
      thinking: of('reasoning')[0]?.summary[0]?.text, stop: done.status,
      turn: done.output.map(({ parsed_arguments: _, ...item }) => item),
      usage: { input: u.input_tokens - read - write, read, write,
        output: u.output_tokens },
      total: u.total_tokens, cost: u.cost, headers: sdk.lastHeaders,
    };
  },
};

export const CLIENTS = { openai, responses, anthropic };

// The frames of an event stream: [{ event, data, text }], data parsed.
export function frames(bytes) {
  return bytes.toString().split(/\r?\n\r?\n/).filter(Boolean).map((text) => {
    const field = (name) => text.match(new RegExp(`^${name}: ?(.*)$`, 'm'))
      ?.[1];
    const data = field('data');
    return { text, event: field('event'),
      data: data?.startsWith('{') ? JSON.parse(data) : data };
  });
}

// The text that a stream says, in whatever dialect.
export const said = (text) => frames(text).map(({ data }) => data?.choices
  ? data.choices[0]?.delta?.content
  : data?.type === 'response.output_text.delta' ? data.delta
  : data?.delta?.text).join('');

// Is that answer whole?  A stream says so itself.
export const finished = (got, stream) => got.status === 200 && got.complete &&
  (stream ? /^data: \[DONE\]$|^event: message_stop$/m.test(got.text)
    : got.json !== undefined);
