// SPDX-License-Identifier: MIT
// Experiments by the admin API, and feedback on calls.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN, administer } from './lib/admin.mjs';
import { EXPERIMENT, MODELS, judging } from './lib/judge.mjs';
import { say, text } from './lib/routes.mjs';
import { startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const QUESTION = 'a question that is kept';

const upstream = await startUpstream();
upstream.on('good', say('a good answer'));
upstream.on('bad', say('a poor answer'));
upstream.on('judge', judging('good answer\n', 'poor answer\n', 'so it is'));

const sluice = await startSluice({ upstream, procs: 2, conf: {
  auth: { admin_key: ADMIN },
  experiments: { one: EXPERIMENT, two: { ...EXPERIMENT, keep_days: 0 } },
  models: MODELS,
  routes: { one: { experiment: 'one' }, two: { experiment: 'two' } },
} });
after(async () => {
  await sluice.stop();
  upstream.stop();
});

const { api, get, post, problem } = administer(sluice);
const ask = (key, route = 'one') => sluice.request({ key,
  headers: { 'x-sluice-task': 'chat' }, body: { model: route, max_tokens: 50,
    messages: [{ role: 'user', content: QUESTION }] } });
const settled = (name, n) => until(`${n} verdicts of ${name}`, async () => {
  const r = await get(`experiments/${name}`);
  return r.judged >= n && r.waiting === 0;
}, 20_000, 200);

const keys = {};
const calls = [];
before(async () => {
  for (const name of ['ann', 'ben'])
    keys[name] = (await post('keys', { name, account: `of-${name}` })).json;
  for (let i = 0; i < 7; i++)
    calls.push((await ask(keys.ann.key)).headers['x-request-id']);
  await ask(keys.ben.key, 'two');
  await settled('one', 7);
  await settled('two', 1);
});

describe('reading', () => {
  test('the report is that of `sluice experiment report`', async () => {
    const { experiments } = await get('experiments');
    assert.deepEqual(experiments.map((e) => e.name), ['one', 'two']);
    for (const e of experiments)
      assert.deepEqual(e, JSON.parse(
        await sluice.cli(['experiment', 'report', e.name, '--json'])));
    assert.deepEqual(await get('experiments/one'), experiments[0]);
    assert.equal(experiments[0].tasks[0].arms[1].n, 7);
  });

  test('verdicts come in pages, the newest first, each once', async () => {
    const all = [];
    let next = '';
    do {
      const page = await get(
        `experiments/one/verdicts?limit=3${next && `&cursor=${next}`}`);
      all.push(...page.verdicts.map((v) => v.call));
      next = page.next;
    } while (next);
    assert.deepEqual(all, [...calls].reverse());
    const { verdicts: [v] } = await get('experiments/one/verdicts?limit=1');
    assert.deepEqual([v.winner, v.task, v.account, v.label],
      ['openai/good', 'chat', 'of-ann', null]);
  });

  test('the answers of a verdict are there while they are kept', async () => {
    const v = await get(`experiments/one/verdicts/${calls[0]}`);
    assert.equal(v.verdict.call, calls[0]);
    assert.match(v.asked, new RegExp(QUESTION));
    assert.deepEqual(v.answers, ['a poor answer', 'a good answer']);
    const { verdicts: [gone] } = await get('experiments/two/verdicts');
    const not = await get(`experiments/two/verdicts/${gone.call}`);
    assert.deepEqual([not.asked, not.answers], [null, null]);
  });

  test('is for who sees all calls', async () => {
    for (const path of ['experiments', 'experiments/one',
      'experiments/one/verdicts', `experiments/one/verdicts/${calls[0]}`])
      problem(await api('GET', path, { key: keys.ann.key }), 403);
  });

  test('of what is not there is 404, of nonsense 400', async () => {
    for (const path of ['experiments/none', 'experiments/none/verdicts',
      'experiments/one/verdicts/call_x', 'experiments/one/verdicts/x',
      `experiments/two/verdicts/${calls[0]}`])
      problem(await api('GET', path), 404);
    for (const [query, param] of [['limit=0', 'limit'], ['limit=201', 'limit'],
      ['cursor=x', 'cursor'], ['colour=red', 'colour']])
      problem(await api('GET', `experiments/one/verdicts?${query}`), 400,
        param);
    problem(await api('PUT', 'experiments/one', { body: {} }), 405);
  });
});

describe('changing', () => {
  test('labels are compared with the judge', async () => {
    const r = await post('experiments/one/labels',
      { call: calls[0], label: 'openai/good' });
    assert.equal(r.status, 200, r.text);
    assert.equal(r.json.label, 'openai/good');
    await post('experiments/one/labels', { call: calls[1], label: 'tie' });
    const { agreement } = await get('experiments/one');
    assert.deepEqual([agreement.labels, agreement.same], [2, 1]);
    problem(await post('experiments/one/labels',
      { call: calls[0], label: 'nobody' }), 400);
    problem(await post('experiments/one/labels',
      { call: 'call_x', label: 'tie' }), 404);
    problem(await post('experiments/one/labels', { call: calls[0] }), 400,
      'label');
  });

  test('promote, and the way back', async () => {
    const r = await post('experiments/one/promote', { arm: 'openai/good' });
    assert.deepEqual([r.status, r.json.promoted, r.json.state],
      [200, 'openai/good', 'stopped']);
    await sleep(1100);                     // every responder has looked
    assert.equal(text(await ask(keys.ann.key)), 'a good answer');
    const back = await post('experiments/one/promote', { arm: null });
    assert.deepEqual([back.json.promoted, back.json.state],
      [null, 'running']);
    problem(await post('experiments/one/promote', {}), 400, 'arm');
    problem(await post('experiments/one/promote', { arm: 'x' }), 400, 'arm');
    problem(await post('experiments/none/promote', { arm: 'x' }), 404);
  });

  test('stop and start; what was spent begins anew', async () => {
    const stopped = await post('experiments/two/stop');
    assert.equal(stopped.json.state, 'stopped');
    assert.ok(Number(stopped.json.spent_usd) > 0);
    const started = await post('experiments/two/start');
    assert.deepEqual([started.json.state, started.json.spent_usd],
      ['running', '0']);
    problem(await post('experiments/two/start', { now: true }), 400, 'now');
  });

  test('is for admins, and in the audit log', async () => {
    for (const what of ['start', 'stop', 'promote', 'labels'])
      problem(await post(`experiments/one/${what}`, {}, keys.ann.key), 403);
    problem(await api('DELETE', 'experiments/one', { key: keys.ann.key }),
      403);
    problem(await api('POST', 'experiments/one/stop', { body: {},
      headers: { origin: 'https://elsewhere.example' } }), 403);
    const { entries } = await get('audit?limit=200');
    for (const action of ['label', 'promote', 'stop', 'start'])
      assert.ok(entries.some((e) => e.action === `experiment.${action}` &&
        /^(one|two)$/.test(e.target) && e.status === 200), action);
    await sluice.cli(['experiment', 'stop', 'two']);
    await sluice.cli(['experiment', 'start', 'two']);
    const { entries: [last] } = await get('audit?limit=1');
    assert.deepEqual([last.key, last.action, last.target],
      ['cli', 'experiment.start', 'two']);
  });
});

describe('feedback', () => {
  const give = (id, body, key = keys.ann.key) => post(
    `requests/${id}/feedback`, body, key);

  test('is kept with the call, each member by itself', async () => {
    const r = await give(calls[0], { thumb: 'up' });
    assert.equal(r.status, 200, r.text);
    assert.deepEqual({ ...r.json, at: 0 },
      { at: 0, thumb: 'up', score: null, outcome: null });
    await give(calls[0], { score: 0.25, outcome: 'sold "two"' });
    await give(calls[0], { thumb: null });
    const { feedback } = await get(`requests/${calls[0]}`, keys.ann.key);
    assert.deepEqual({ ...feedback, at: 0 },
      { at: 0, thumb: null, score: 0.25, outcome: 'sold "two"' });
    assert.match(feedback.at, /^20\d\d-.*Z$/);
    assert.equal((await get(`requests/${calls[1]}`)).feedback, null);
  });

  test('counts for the arm that served the call of a trial', async () => {
    await give(calls[2], { thumb: 'down' });
    await give(calls[3], { thumb: 'up', score: 0.75 });
    const { feedback } = await get('experiments/one');
    assert.deepEqual(feedback, [
      { arm: 'openai/bad', up: 1, down: 1, scored: 2, score: 0.5,
        outcomes: 1 },
      { arm: 'openai/good', up: 0, down: 0, scored: 0, score: null,
        outcomes: 0 }]);
  });

  test('is about one\'s own calls alone; an admin speaks of all', async () => {
    problem(await give(calls[0], { thumb: 'up' }, keys.ben.key), 404);
    problem(await give(calls[0], { thumb: 'up' }, null), 401);
    problem(await give('call_x', { thumb: 'up' }), 404);
    assert.equal((await give(calls[4], { thumb: 'up' }, ADMIN)).status, 200);
  });

  test('that makes no sense is a precise 400', async () => {
    for (const [body, param] of [[{ thumb: 'sideways' }, 'thumb'],
      [{ score: 1.01 }, 'score'], [{ score: -0.1 }, 'score'],
      [{ score: '1' }, 'score'], [{ outcome: 'x'.repeat(201) }, 'outcome'],
      [{ outcome: 5 }, 'outcome'], [{ stars: 5 }, 'stars'], [{}, undefined]])
      problem(await give(calls[5], body), 400, param);
    assert.equal((await get(`requests/${calls[5]}`)).feedback, null);
    problem(await api('GET', `requests/${calls[5]}/feedback`), 405);
  });
});

test('what is forgotten is gone, with its answers', async () => {
  const r = await api('DELETE', 'experiments/one');
  assert.equal(r.status, 204, r.text);
  const e = await get('experiments/one');
  assert.deepEqual([e.judged, e.tasks, e.spent_usd], [0, [], '0']);
  assert.deepEqual((await get('experiments/one/verdicts')).verdicts, []);
  problem(await api('DELETE', 'experiments/none'), 404);
  await assert.rejects(sluice.cli(['experiment', 'forget', 'none']),
    /nothing is known/);
});
