// SPDX-License-Identifier: MIT
// What tests of the response cache share: questions that nobody has asked
// before, calls with the cache on, and what came of them.

export const TEXT = 'Grüße aus dem Cache: one answer for all.';

let serial = 0;
export const fresh = () => `question ${++serial}`;
export const chat = (content, more = {}) => ({ model: 'openai/m',
  max_tokens: 50, messages: [{ role: 'user', content }], ...more });
export const word = (r) => r.headers['x-sluice-cache'];
export const content = (r) => r.json.choices[0].message.content;

export const caching = (sluice, upstream) => {
  upstream.on('m', (c) => c.answer({ text: TEXT }));
  return {
    ask: (body, headers = {}, more = {}, server = sluice) => server.request({
      body, headers: { 'x-sluice-cache': 'on', ...headers }, ...more }),
    calls: () => upstream.callsFor('m').length,
  };
};
