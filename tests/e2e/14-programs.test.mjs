// SPDX-License-Identifier: MIT
// Programs that people use, unmodified, through lighttpd to a provider of
// another format, with one tool round trip each.  Needs npm; where that
// reaches nobody they are skipped.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { CLIENTS } from './lib/ask.mjs';
import { home, install, library, run } from './lib/programs.mjs';
import { startSluice } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const skip = install();
const SECRET_WORD = 'heliotrope-4711';
const SIGNATURE = 'c2lnbmF0dXJl';
const TARGETS = { chat: 'openai', responses: 'openai_responses',
  messages: 'anthropic', gemini: 'gemini' };

const upstream = await startUpstream();
const sluice = await startSluice({ upstream, conf: {
  providers: upstream.providers(TARGETS) } });
after(async () => {
  await sluice.stop();
  upstream.stop();
});

// What the last request of a model says, whatever format it is in.
const said = (model) => JSON.stringify(upstream.callsFor(model).at(-1).body);

// The model calls one tool; given its result it answers with text.
function script(model, call, text) {
  upstream.on(model, (c) => {
    const back = c.raw.toString().includes(SECRET_WORD);
    return c.answer(back ? { text, usage: { input: 100, output: 10 } }
      : { tools: [call], signature: SIGNATURE,
        usage: { input: 90, output: 20 } });
  });
}

// Gemini insists on its signature of a call; programs know nothing of it.
const signedWhereItMust = (target, model) => target !== 'gemini' ||
  said(model).includes(`"thoughtSignature":"${SIGNATURE}"`);

async function checkLedger(model, calls) {
  const rows = (await sluice.ledger.rows()).filter(
    (r) => r.requested === model && r.attempts.length > 0);
  assert.ok(rows.length >= calls, `${rows.length} rows`);
  for (const row of rows) {
    assert.equal(row.outcome, 'ok');
    assert.equal(row.attempts.length, 1);
  }
}

// ---- Claude Code

async function claude(target) {
  const model = `tool-${target}`;
  const dir = home({ 'note.txt': `the word is ${SECRET_WORD}\n` });
  script(model, { id: 'call_read_1', name: 'Read',
    args: { file_path: `${dir}/note.txt` } }, 'The word is heliotrope.');
  const done = await run('claude', ['-p', 'Which word is in note.txt?',
    '--output-format', 'json', '--allowedTools', 'Read'], dir, {
    ANTHROPIC_BASE_URL: sluice.url, ANTHROPIC_AUTH_TOKEN: sluice.key,
    ANTHROPIC_MODEL: `${target}/${model}`,
    ANTHROPIC_DEFAULT_HAIKU_MODEL: `${target}/${model}`,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_TELEMETRY: '1',
    DISABLE_AUTOUPDATER: '1', DISABLE_ERROR_REPORTING: '1',
    CLAUDE_CODE_MAX_RETRIES: '1' });
  assert.equal(done.code, 0, done.out + done.err);
  const result = JSON.parse(done.out);
  assert.equal(result.is_error, false, done.out);
  assert.equal(result.result, 'The word is heliotrope.');
  assert.equal(result.num_turns, 2);
  assert.equal(result.usage.input_tokens, 190);
  assert.equal(result.usage.output_tokens, 30);
  assert.match(said(model), /which word is in note\.txt/i);
  assert.doesNotMatch(said(model), /x-anthropic-billing-header/);
  assert.ok(signedWhereItMust(target, model));
  await checkLedger(`${target}/${model}`, 2);
}

// ---- Codex

async function codex(target) {
  const model = `shell-${target}`;
  const dir = home({ 'note.txt': `the word is ${SECRET_WORD}\n`,
    '.codex/config.toml': `
model = "${target}/${model}"
model_provider = "sluice"
approval_policy = "never"
sandbox_mode = "danger-full-access"
[model_providers.sluice]
name = "sluice"
base_url = "${sluice.url}/v1"
env_key = "SLUICE_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
` });
  script(model, { id: 'call_exec_1', name: 'exec_command',
    args: { cmd: 'cat note.txt' } }, 'The word is heliotrope.');
  const done = await run('codex', ['exec', '--skip-git-repo-check',
    'Which word is in note.txt?'], dir, { SLUICE_KEY: sluice.key,
    CODEX_HOME: `${dir}/.codex` });
  assert.equal(done.code, 0, done.out + done.err);
  assert.match(done.out, /The word is heliotrope\./);
  assert.match(said(model), /Which word is in note\.txt/);
  assert.ok(signedWhereItMust(target, model));
  await checkLedger(`${target}/${model}`, 2);
}

for (const target of ['chat', 'gemini', 'responses'])
  test(`Claude Code onto ${target}`, { skip }, () => claude(target));
for (const target of ['messages', 'chat', 'gemini'])
  test(`Codex onto ${target}`, { skip }, () => codex(target));

// ---- Vercel AI SDK

globalThis.AI_SDK_LOG_WARNINGS = false;

async function aiModel(client, model) {
  const { createOpenAI } = await library('@ai-sdk/openai');
  const { createAnthropic } = await library('@ai-sdk/anthropic');
  const opts = { baseURL: `${sluice.url}/v1`, apiKey: sluice.key };
  return { chat: () => createOpenAI(opts).chat(model),
    responses: () => createOpenAI(opts).responses(model),
    messages: () => createAnthropic(opts)(model) }[client]();
}

async function aiSdk(client, target, stream) {
  const { generateText, streamText, tool, jsonSchema, stepCountIs } =
    await library('ai');
  const model = `ai-${client}-${target}-${stream}`;
  const city = 'Tromsø "north"';
  script(model, { id: 'call_weather_1', name: 'get_weather',
    args: { city } }, 'Clear skies.');
  const asked = [];
  const ask = { model: await aiModel(client, `${target}/${model}`),
    prompt: 'How is the weather?', maxRetries: 0, stopWhen: stepCountIs(3),
    tools: { get_weather: tool({ description: 'Weather of a place',
      inputSchema: jsonSchema({ type: 'object',
        properties: { city: { type: 'string' } }, required: ['city'] }),
      execute: async (args) => {
        asked.push(args);
        return `12 degrees, ${SECRET_WORD}`;
      } }) } };
  const done = await (stream ? streamText(ask) : generateText(ask));
  assert.equal(await done.text, 'Clear skies.');
  assert.equal((await done.steps).length, 2);
  assert.deepEqual(asked, [{ city }]);
  const total = await (done.totalUsage ?? done.usage);
  assert.equal(total.inputTokens, 190);
  assert.equal(total.outputTokens, 30);
  assert.ok(signedWhereItMust(target, model));
  await checkLedger(`${target}/${model}`, 2);
}

describe('AI SDK:', { skip }, () => {
  for (const [client, target] of [['chat', 'messages'], ['chat', 'gemini'],
    ['responses', 'messages'], ['responses', 'gemini'],
    ['messages', 'chat'], ['messages', 'gemini']])
    for (const stream of [true, false])
      test(`${client} onto ${target}, ${stream ? 'stream' : 'whole'}`,
        () => aiSdk(client, target, stream));
});
