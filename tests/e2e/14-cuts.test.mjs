// SPDX-License-Identifier: MIT
// A provider whose connection breaks, at many places of its stream: clients
// of every dialect are told in their own words, and the ledger says so.
// (tests/unit/test_cuts.c cuts recorded streams at every byte.)

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { frames } from './lib/ask.mjs';
import { startSluice } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const CUTS = 16;
const ANSWER = { text: 'Clear skies, ☀ and 12 °C.', thinking: 'hm, well',
  signature: 'c2lnbmF0dXJl', tools: [{ id: 'call_1', name: 'f',
    args: { city: 'Tromsø', days: 2 } }] };
const TARGETS = { chat: 'openai', responses: 'openai_responses',
  messages: 'anthropic', gemini: 'gemini' };

const user = [{ role: 'user', content: 'hi' }];
const CLIENTS = {
  chat: { path: '/v1/chat/completions', body: { messages: user },
    last: (list) => list.at(-1).data?.error?.message },
  responses: { path: '/v1/responses', body: { input: user, store: false },
    last: (list) => list.at(-2).event === 'response.failed' &&
      list.at(-1).event === 'error' && list.at(-1).data.message },
  messages: { path: '/v1/messages', body: { messages: user, max_tokens: 99 },
    last: (list) => list.at(-1).event === 'error' &&
      list.at(-1).data.error.message },
};

const upstream = await startUpstream();
const sluice = await startSluice({ upstream, conf: {
  providers: upstream.providers(TARGETS) } });
after(async () => {
  await sluice.stop();
  upstream.stop();
});

// Break the stream of ${model} behind the given share of its bytes.
function cutAt(model, share) {
  upstream.on(model, async (call) => {
    const bytes = Buffer.from(call.frames(ANSWER).join(''));
    call.sse();
    await call.write(bytes.subarray(0, Math.floor(bytes.length * share)));
    setTimeout(() => call.cut(), 5);
  });
}

async function ask(client, target, share) {
  const { path, body } = CLIENTS[client];
  const model = `cut-${client}-${target}-${share}`;
  cutAt(model, share);
  return { model, answer: await sluice.request({ path,
    body: { ...body, model: `${target}/${model}`, stream: true } }) };
}

async function cutOnce(client, target, share) {
  const { last } = CLIENTS[client];
  const { model, answer } = await ask(client, target, share);
  if (answer.status === 200)
    assert.ok(last(frames(answer.text)), answer.text);
  else
    assert.ok(answer.status === 502 && answer.json.error.message,
      answer.text);
  const row = await sluice.ledger.waitForRow(answer.headers['x-request-id']);
  assert.equal(row.outcome, 'error', `${model}: ${answer.text}`);
  assert.ok(row.error);
  return answer.status;
}

const shares = Array.from({ length: CUTS }, (_, i) => (i + 0.5) / CUTS);

describe('a stream that breaks:', () => {
  for (const client of Object.keys(CLIENTS))
    for (const target of Object.keys(TARGETS))
      test(`${client} from ${target}`, async () => {
        const seen = await Promise.all(shares.map(
          (share) => cutOnce(client, target, share)));
        assert.ok(seen.includes(200));
      });
});

// Chat says [DONE], Responses and Messages have a last event; Gemini has
// nothing but the end of the connection.
describe('a connection that breaks behind the whole stream:', () => {
  for (const client of Object.keys(CLIENTS))
    for (const target of Object.keys(TARGETS))
      test(`${client} from ${target}`, async () => {
        const { answer } = await ask(client, target, 1);
        const row = await sluice.ledger.waitForRow(
          answer.headers['x-request-id']);
        assert.equal(row.outcome, target === 'gemini' ? 'error' : 'ok');
        assert.equal(!!CLIENTS[client].last(frames(answer.text)),
          target === 'gemini', answer.text);
      });
});
