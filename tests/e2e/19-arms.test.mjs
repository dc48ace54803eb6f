// SPDX-License-Identifier: MIT
// Who answers in an experiment: shares that stay, what an arm sets in every
// dialect, challengers that fail, tasks, and the plan of a dry run.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { fail, routing, say, text } from './lib/routes.mjs';
import { startSluice } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const upstream = await startUpstream();
const experiment = (arms, more) => ({ arms, judge: 'openai/judge', sample: 0,
  mode: 'split', ...more });
const sluice = await startSluice({ upstream, conf: {
  tasks: [{ if: { tags: { app: 'digest' } }, task: 'summarise' }],
  experiments: {
    shares: experiment(['openai/one', { use: 'openai/two', weight: 3 }],
      { task: 'summarise' }),
    terse: experiment(['openai/one', { name: 'terse', use: 'terse',
      weight: 1000000, set: { system: 'Be terse.', effort: 'low' } }]),
    broken: experiment(['openai/one', { use: 'openai/broken',
      weight: 1000000 }]),
  },
  routes: { terse: { fallback: ['openai/plain'] },
    shared: { experiment: 'shares' }, terser: { experiment: 'terse' },
    tried: { experiment: 'broken' }, best: { best: 'shares', explore: 0 } },
} });
const { ask, called, on, rowOf } = routing(sluice, upstream);
after(async () => {
  await sluice.stop();
  upstream.stop();
});
on({ one: say('one'), two: say('two'), plain: say('plain'),
  broken: fail(500) });

describe('shares', () => {
  const of = async (user, headers = { 'x-sluice-task': 'summarise' }) =>
    text(await ask('shared', {}, { 'x-sluice-user': user, ...headers }));

  test('each user keeps his arm, three in four the heavier', async () => {
    const users = Array.from({ length: 40 }, (_, i) => `user ${i}`);
    const first = await Promise.all(users.map((u) => of(u)));
    assert.deepEqual(await Promise.all(users.map((u) => of(u))), first);
    const two = first.filter((t) => t === 'two').length;
    assert.ok(two > 20 && two < 40, `${two} of 40`);
  });

  test('a call about something else is answered by the incumbent',
    async () => {
      for (let i = 0; i < 10; i++)
        assert.equal(await of(`user ${i}`, { 'x-sluice-task': 'code' }),
          'one');
    });

  test('a rule knows the task of a call that does not say it', async () => {
    const got = await ask('shared', {}, { 'x-sluice-tags': 'app=digest' });
    assert.equal((await rowOf(got)).task, 'summarise');
    assert.equal((await rowOf(await ask('shared'))).task, null);
  });

  test('a dry run says which arm it is', async () => {
    const got = await ask('shared', {}, { 'x-sluice-dry-run': '1' });
    assert.match(got.json.plan[0].why, /arm 1 of experiment shares, not for/);
  });

  test('best takes the first without evidence', async () => {
    const got = await ask('best', {}, { 'x-sluice-dry-run': '1' });
    assert.deepEqual(got.json.plan.map((p) => p.target),
      ['openai/one', 'openai/two']);
    assert.match(got.json.plan[0].why, /^no evidence yet/);
  });
});

describe('an arm with parameters of its own', () => {
  const said = async (path, body) => {
    const next = upstream.next('plain');
    const got = await sluice.request({ path, body: { model: 'terser',
      max_tokens: 50, ...body } });
    assert.equal(got.status, 200, got.text);
    return (await next).body;
  };
  const messages = [{ role: 'user', content: 'Hi' }];

  test('sets them for a chat', async () => {
    const body = await said('/v1/chat/completions', { messages:
      [{ role: 'system', content: 'Talk.' }, ...messages] });
    assert.deepEqual(body.messages, [
      { role: 'system', content: 'Be terse.' }, ...messages]);
    assert.equal(body.reasoning_effort, 'low');
  });

  test('sets them for Claude\'s messages', async () => {
    const body = await said('/v1/messages', { messages, system: 'Talk.' });
    assert.equal(body.messages[0].content, 'Be terse.');
  });
});

test('where a challenger fails the incumbent takes over', async () => {
  const got = await ask('tried');
  assert.equal(text(got), 'one');
  assert.ok(called('broken')[0] > 0);
  const row = await rowOf(got);
  assert.equal(row.answered, 'openai/one');
  assert.deepEqual(row.attempts.map((a) => a.outcome).slice(-1), ['won']);
});
