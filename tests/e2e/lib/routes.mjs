// SPDX-License-Identifier: MIT
// What tests of routes share: scripts for targets, routes that come into force
// while sluice runs, calls and their ledger rows.

import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './sluice.mjs';
import { anthropicError, named, openaiError, sse } from './wire.mjs';

export const fail = (status, headers = {}, code = null) => (call) =>
  call.whole(call.format === 'anthropic' ? anthropicError(`no: ${status}`)
    : openaiError(`no: ${status}`, 'server_error', code), status, headers);

export const say = (text, ms = 0) => async (call) => {
  await sleep(ms);
  await call.answer({ text });
};

// An error inside a 200 stream, before or after the frame with content.
const BEFORE_CONTENT = { openai: 1, anthropic: 3, responses: 4 };
const LATE = {
  openai: sse({ error: { message: 'late', type: 'server_error' } }),
  anthropic: named(anthropicError('late', 'overloaded_error')),
  responses: named({ type: 'error', code: 'server_error', message: 'late',
    param: null, sequence_number: 9 }),
};
export const failLate = (content, text = 'begun') => async (call) => {
  const n = BEFORE_CONTENT[call.format] + content;
  call.sse();
  await call.write(call.frames({ text }).slice(0, n).join(''));
  await call.write(LATE[call.format]);
  call.end();
};

export const text = (got) => got.json?.choices?.[0]?.message?.content;

export const routing = (sluice, upstream) => {
  const route = {};                       // name: node
  const messages = [{ role: 'user', content: 'Hi' }];
  return {
    messages,
    // Scripts: model -> what it does.
    on(scripts) {
      for (const [model, script] of Object.entries(scripts))
        upstream.on(model, script);
    },
    called: (...models) => models.map((m) => upstream.callsFor(m).length),
    ask: (model, more = {}, headers = {}, opts = {}) => sluice.request({
      path: '/v1/chat/completions', headers,
      body: { model, max_tokens: 50, messages, ...more }, ...opts }),
    rowOf: (got) => sluice.ledger.waitForRow(got.headers['x-request-id']),
    // More routes, in force within a second.
    async routes(more) {
      Object.assign(route, more);
      sluice.configure({ ...sluice.conf, routes: route });
      const last = Object.keys(more).at(-1);
      await until(`${last} is known`, async () => (await sluice.request({
        method: 'GET', path: `/v1/models/${last}` })).status === 200);
      await sleep(1100);                  // the other responders, too
    },
  };
};
