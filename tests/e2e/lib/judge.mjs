// SPDX-License-Identifier: MIT
// An experiment of two models, and a judge who knows the better answer.

const price = { price: { input: '1', output: '2' } };
export const MODELS = { 'openai/good': price, 'openai/bad': price,
  'openai/judge': price };
export const EXPERIMENT = { arms: ['openai/bad', 'openai/good'],
  judge: 'openai/judge', sample: 1, stop: 'never', keep_days: 1 };

// A script: the answer with the words `good` has 9 points, the other 3.
export const judging = (good, bad, reason) => (call) => {
  const shown = call.body.messages.at(-1).content;
  const first = shown.indexOf(good) < shown.indexOf(bad);
  const side = (n) => ({ correct: n, helpful: n, clear: n });
  return call.answer({ text: JSON.stringify({ first: side(first ? 9 : 3),
    second: side(first ? 3 : 9), reason }) });
};
