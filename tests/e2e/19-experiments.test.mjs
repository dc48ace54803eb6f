// SPDX-License-Identifier: MIT
// Experiments, end to end: two models of different quality, a scripted judge
// that sees which answer is the good one, and what comes of it.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { say, text } from './lib/routes.mjs';
import { starting, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const SECRET_WORDS = 'the question that nobody may find on the disk';
const price = { price: { input: '1', output: '2' } };
const MODELS = ['good', 'bad', 'judge', 'mute', 'slow'];

const upstream = await startUpstream();
const scripts = {
  good: say('a good answer'), bad: say('a poor answer'),
};
for (const [model, script] of Object.entries(scripts))
  upstream.on(model, script);

// Which answer is shown first decides nothing: words do, and a bias is added.
const judged = (call, bias = 0) => {
  const shown = call.body.messages.at(-1).content;
  const points = (text, first) => Math.min(10,
    (text.includes('good') ? 8 : 3) + (first ? bias : 0));
  const [, first, second] = shown.match(
    /first answer>\n([^]*?)\n<[^]*second answer>\n([^]*?)\n</);
  const side = (n) => ({ correct: n, helpful: n, clear: n });
  return { first: side(points(first, true)),
    second: side(points(second, false)), reason: 'so it is' };
};
const judge = (bias) => (call) =>
  call.answer({ text: JSON.stringify(judged(call, bias)) });

const experiment = (more = {}) => ({ arms: ['openai/bad', 'openai/good'],
  judge: 'openai/judge', sample: 1, ...more });
const start = starting();
after(() => upstream.stop());
const started = (experiments, opts = {}) => start({ upstream, procs: 2,
  ...opts, conf: { experiments,
    models: Object.fromEntries(MODELS.map((m) => [`openai/${m}`, price])),
    routes: Object.fromEntries(Object.keys(experiments).map(
      (name) => [`r-${name}`, { experiment: name }])), ...opts.conf } });

const ask = (sluice, name, more = {}, headers = {}) => sluice.request({
  headers: { 'x-sluice-task': 'chat', ...headers },
  body: { model: `r-${name}`, max_tokens: 50,
    messages: [{ role: 'user', content: SECRET_WORDS }], ...more } });
const report = async (sluice, name) => JSON.parse(
  await sluice.cli(['experiment', 'report', name, '--json']));
const settled = (sluice, name, n) => until(`${n} verdicts`, async () => {
  const r = await report(sluice, name);
  return r.judged >= n && r.waiting === 0;
}, 20_000, 200);
const found = (sluice, words) => {
  try {
    return execFileSync('grep', ['-rlaF', words, `${sluice.dir}/data`])
      .toString();
  } catch {
    return '';
  }
};

describe('a judge that knows', () => {
  let sluice;

  test('the answer is the incumbent\'s; the other one is judged after it',
    async () => {
      upstream.on('judge', judge(2));     // 20 points to whoever is first
      sluice = await started({ one: experiment({ stop: 'never' }) });
      for (let i = 0; i < 30; i++)
        assert.equal(text(await ask(sluice, 'one')), 'a poor answer');
      await settled(sluice, 'one', 30);
    });

  test('the report names the better arm, and the bias is gone', async () => {
    const { tasks: [t], arms, spent_usd: spent } = await report(sluice, 'one');
    assert.deepEqual(arms, ['openai/bad', 'openai/good']);
    assert.equal(t.task, 'chat');
    assert.equal(t.verdict, 'winner');
    assert.equal(t.winner, 'openai/good');
    const [bad, good] = t.arms;
    assert.deepEqual([bad.n, good.n], [30, 30]);
    assert.ok(Math.abs(bad.fit - 0.4) < 0.01, bad.fit);
    assert.ok(Math.abs(good.fit - 0.9) < 0.01, good.fit);
    assert.deepEqual([t.pairs[0].won, t.pairs[0].lost], [0, 30]);
    assert.ok(Number(spent) > 0);
  });

  test('every call is in the ledger under its role, with its cost',
    async () => {
      const rows = await sluice.ledger.rows();
      const by = (role) => rows.filter(
        (r) => r.attempts.some((a) => a.role === role));
      assert.deepEqual([by('primary').length, by('shadow').length,
        by('judge').length], [30, 30, 60]);
      for (const row of [...by('shadow'), ...by('judge')]) {
        assert.deepEqual(row.tags, { experiment: 'one' });
        assert.equal(row.key, null);
      }
      const micro = (list) => list.reduce(
        (sum, r) => sum + Math.round(Number(r.cost_usd) * 1e9), 0);
      const { spent_usd: spent } = await report(sluice, 'one');
      assert.equal(micro([...by('shadow'), ...by('judge')]),
        Math.round(Number(spent) * 1e9));
    });

  test('no body is left behind, and none was ever readable', async () => {
    assert.deepEqual(fs.readdirSync(`${sluice.dir}/data/trials`), []);
    assert.equal(found(sluice, SECRET_WORDS), '');
  });

  test('labels are compared with the judge', async () => {
    const verdicts = (await sluice.cli(['experiment', 'show', 'one']))
      .trim().split('\n').map(JSON.parse);
    assert.equal(verdicts.length, 30);
    assert.equal(verdicts[0].winner, 'openai/good');
    assert.deepEqual(verdicts[0].reasons, ['so it is', 'so it is']);
    await sluice.cli(['experiment', 'label', 'one', verdicts[0].call,
      'openai/good']);
    await sluice.cli(['experiment', 'label', 'one', verdicts[1].call, 'tie']);
    const { agreement } = await report(sluice, 'one');
    assert.deepEqual([agreement.labels, agreement.same], [2, 1]);
    await assert.rejects(sluice.cli(['experiment', 'label', 'one',
      verdicts[0].call, 'nobody']), /"tie" or one of/);
    await assert.rejects(sluice.cli(['experiment', 'label', 'one',
      'call_none', 'tie']), /no verdict/);
  });

  test('promote sends all calls to the winner, and back', async () => {
    await sluice.cli(['experiment', 'promote', 'one', 'openai/good']);
    await sleep(1100);                    // every responder has looked
    const judgedBefore = (await report(sluice, 'one')).judged;
    for (let i = 0; i < 4; i++)
      assert.equal(text(await ask(sluice, 'one')), 'a good answer');
    await sluice.cli(['experiment', 'promote', 'one', '--back']);
    await sleep(1100);
    assert.equal(text(await ask(sluice, 'one')), 'a poor answer');
    await settled(sluice, 'one', judgedBefore + 1);
    assert.equal((await report(sluice, 'one')).judged, judgedBefore + 1);
    await assert.rejects(sluice.cli(['experiment', 'promote', 'one', 'x']),
      /has no arm/);
  });

  test('no-store takes no part', async () => {
    const before = (await report(sluice, 'one')).begun;
    await ask(sluice, 'one', {}, { 'x-sluice-no-store': '1' });
    await sleep(300);
    assert.equal((await report(sluice, 'one')).begun, before);
  });
});

test('best moves the traffic to the arm that passes the floor', async () => {
  upstream.on('judge', judge(0));
  const sluice = await started({ fit: experiment({ quality_floor: 0.6 }) },
    { conf: { routes: { 'r-fit': { experiment: 'fit' },
      best: { best: ['openai/bad', 'openai/good'], task: 'chat',
        quality_floor: 0.6, explore: 0 } } } });
  const best = () => sluice.request({ headers: { 'x-sluice-task': 'chat' },
    body: { model: 'best', max_tokens: 50,
      messages: [{ role: 'user', content: 'x' }] } });
  assert.equal(text(await best()), 'a poor answer');
  for (let i = 0; i < 40; i++)
    await ask(sluice, 'fit');
  await settled(sluice, 'fit', 40);
  await sleep(1100);
  assert.equal(text(await best()), 'a good answer');
});

test('a slow shadow does not hold up the answer', async () => {
  let release;
  const held = new Promise((r) => { release = r; });
  upstream.on('judge', judge(0));
  upstream.on('slow', async (call) => {
    await held;
    await call.answer({ text: 'a good answer' });
  });
  const sluice = await started({ slow: experiment(
    { arms: ['openai/bad', 'openai/slow'] }) });
  const next = upstream.next('slow');
  for (let i = 0; i < 5; i++)            // all answered while slow hangs
    assert.equal(text(await ask(sluice, 'slow')), 'a poor answer');
  await next;
  assert.equal((await report(sluice, 'slow')).judged, 0);
  release();
  await settled(sluice, 'slow', 5);
});

test('an arm that fails is counted, and the client never sees it',
  async () => {
    upstream.on('mute', (call) => call.whole({ error: { message: 'no' } }, 400));
    const sluice = await started({ mute: experiment(
      { arms: ['openai/bad', 'openai/mute'] }) });
    for (let i = 0; i < 3; i++)
      assert.equal(text(await ask(sluice, 'mute')), 'a poor answer');
    await until('three failures', async () =>
      (await report(sluice, 'mute')).dropped.failed === 3, 10_000, 100);
    const { tasks: [t], judged: n } = await report(sluice, 'mute');
    assert.equal(n, 0);
    assert.equal(t.arms[1].failed, 3);
  });

describe('judges that are of no use', () => {
  const CASES = {
    nonsense: { script: say('I like both'), tries: 1 },
    range: { script: (call) => call.answer({ text: JSON.stringify({
      first: { correct: 11, helpful: 3, clear: 3 },
      second: { correct: 3, helpful: 3, clear: 3 }, reason: '' }) }) },
    refusing: { script: (call) => call.whole({ id: 'x', model: 'judge',
      object: 'chat.completion', created: 1, choices: [{ index: 0,
        finish_reason: 'stop', message: { role: 'assistant', content: null,
          refusal: 'I will not' } }] }), drop: 'refused' },
  };
  for (const [name, c] of Object.entries(CASES))
    test(name, async () => {
      upstream.on('judge', c.script);
      const sluice = await started({ [name]: experiment() }, { procs: 1 });
      assert.equal(text(await ask(sluice, name)), 'a poor answer');
      const calls = upstream.callsFor('judge').length;
      await until('the judge was asked', async () =>
        upstream.callsFor('judge').length > calls ||
          (await report(sluice, name)).dropped[c.drop] === 1, 10_000);
      if (c.drop)
        await until('dropped', async () =>
          (await report(sluice, name)).dropped[c.drop] === 1, 10_000);
      const r = await report(sluice, name);
      assert.equal(r.judged, 0);
      if (!c.drop)                        // put off, for another try
        assert.equal(r.waiting, 1);
    });

  test('a judge that is down is asked later; nothing else is affected',
    async () => {
      upstream.on('judge', (call) => call.whole({ error: {} }, 503));
      const sluice = await started({ down: experiment() });
      assert.equal(text(await ask(sluice, 'down')), 'a poor answer');
      await until('put off', async () => {
        const rows = await sluice.ledger.rows();
        return rows.some((r) => r.attempts.some((a) => a.role === 'judge')
          && r.outcome === 'error');
      }, 10_000);
      const r = await report(sluice, 'down');
      assert.deepEqual([r.judged, r.waiting], [0, 1]);
      assert.equal(text(await ask(sluice, 'down')), 'a poor answer');
      assert.equal(found(sluice, SECRET_WORDS), '');
    });
});

test('the budget bounds shadow and judge', async () => {
  upstream.on('judge', judge(0));
  const sluice = await started({ poor: experiment({ budget_usd: '0.02' }) });
  for (let i = 0; i < 20; i++)
    assert.equal(text(await ask(sluice, 'poor')), 'a poor answer');
  await until('nothing waits', async () => {
    const r = await report(sluice, 'poor');
    return r.begun > 0 && r.waiting === 0;
  }, 20_000, 200);
  const r = await report(sluice, 'poor');
  assert.ok(Number(r.spent_usd) <= 0.02, r.spent_usd);
  assert.ok(r.judged > 0 && r.begun < 20, JSON.stringify(r));
});

test('plain CGI: the shadow runs after the answer, sluice judge does the rest',
  async () => {
    upstream.on('judge', judge(0));
    const sluice = await started({ cgi: experiment() }, { mode: 'cgi' });
    for (let i = 0; i < 3; i++)
      assert.equal(text(await ask(sluice, 'cgi')), 'a poor answer');
    await until('three wait', async () =>
      (await report(sluice, 'cgi')).waiting === 3, 10_000, 100);
    assert.match(await sluice.cli(['judge', '--once']), /^1 verdict/);
    assert.match(await sluice.cli(['judge']), /^2 verdicts/);
    assert.equal((await report(sluice, 'cgi')).judged, 3);
  });

test('an edited experiment begins anew; old evidence is kept apart',
  async () => {
    upstream.on('judge', judge(0));
    const sluice = await started({ edit: experiment() });
    await ask(sluice, 'edit');
    await settled(sluice, 'edit', 1);
    const before = await report(sluice, 'edit');
    sluice.configure({ ...sluice.conf, experiments: {
      edit: experiment({ rubric: 'Be strict.' }) } });
    await sleep(1100);
    const now = await report(sluice, 'edit');
    assert.notEqual(now.version, before.version);
    assert.equal(now.tasks.length, 0);
    await ask(sluice, 'edit');
    await until('one of the new version', async () =>
      (await report(sluice, 'edit')).tasks[0]?.arms[0].n === 1, 10_000, 200);
  });

test('responders killed while judging: no verdict lost or doubled',
  async () => {
    upstream.on('judge', async (call) => {
      await sleep(100);
      await judge(0)(call);
    });
    const sluice = await started({ kill: experiment() }, { procs: 4 });
    const n = 16;
    for (let i = 0; i < n; i++)
      await ask(sluice, 'kill');
    await until('all have been offered', async () => {
      const r = await report(sluice, 'kill');
      return r.begun === n && r.judged + r.waiting + r.dropped.lost === n;
    }, 10_000, 50);
    for (let i = 0; i < 6; i++) {
      const pids = sluice.pids();
      process.kill(pids[i % pids.length], 'SIGKILL');
      await sleep(150);
    }
    await until('nothing waits', async () =>
      (await report(sluice, 'kill')).waiting === 0, 30_000, 200);
    const r = await report(sluice, 'kill');
    assert.equal(r.judged + r.dropped.lost, n, JSON.stringify(r));
    const calls = (await sluice.cli(['experiment', 'show', 'kill'])).trim()
      .split('\n').map((l) => JSON.parse(l).call);
    assert.equal(new Set(calls).size, r.judged);
    assert.equal(r.tasks[0].arms[0].n, r.judged);
    assert.deepEqual(fs.readdirSync(`${sluice.dir}/data/trials`), []);
  });
