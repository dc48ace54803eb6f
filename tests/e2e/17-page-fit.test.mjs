// SPDX-License-Identifier: MIT
// Experiments on the cost page: the matrix, judged pairs with their answers,
// and what an admin does there.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { ADMIN } from './lib/admin.mjs';
import { EXPERIMENT, MODELS, judging } from './lib/judge.mjs';
import { say } from './lib/routes.mjs';
import { until } from './lib/sluice.mjs';
import { startBehind } from './lib/servers.mjs';
import { startUpstream } from './lib/upstream.mjs';
import { Browser, SCREENS } from './lib/browser.mjs';

const CALLS = 24;

const upstream = await startUpstream();
upstream.on('good', say('a good answer'));
upstream.on('bad', say('a poor answer <b>bold</b>\nin two lines'));
upstream.on('judge', judging('a good', 'a poor', '<img src=x> so it is'));
const sluice = await startBehind('lighttpd FastCGI pool', { upstream, conf: {
  auth: { admin_key: ADMIN },
  experiments: { one: EXPERIMENT, two: EXPERIMENT },
  models: MODELS,
  routes: { one: { experiment: 'one' } },
} });
const browser = await new Browser().start();
after(async () => {
  await browser.stop();
  await sluice.stop();
  upstream.stop();
});

const report = async () => JSON.parse(await sluice.cli(
  ['experiment', 'report', 'one', '--json']));
let key;
before(async () => {
  ({ key } = JSON.parse(await sluice.cli(['key', 'create', '--name', 'ann',
    '--json'])));
  for (let i = 0; i < CALLS; i++)
    await sluice.request({ key, headers: { 'x-sluice-task': '<i>chat' },
      body: { model: 'one', max_tokens: 50,
        messages: [{ role: 'user', content: 'what is it?' }] } });
  await until('all are judged', async () =>
    (await report()).judged === CALLS, 30_000, 200);
});
const open = (opts) => browser.open(sluice.url, { key: ADMIN, ...opts });

describe('experiments', () => {
  for (const screen of Object.keys(SCREENS))
    test(`are clean, reachable and fit: ${screen}`, async () => {
      const v = await open({ screen });
      await v.show('#/experiments');
      await v.page.waitForNetworkIdle({ idleTime: 100 });
      assert.deepEqual(await v.axe(), []);
      assert.equal(await v.page.evaluate(() =>
        document.documentElement.scrollWidth <= innerWidth), true);
      assert.equal(await v.page.$$eval('main :is(img, i:empty ~ i)', (all) =>
        all.length), 0);
      v.fine();
    });

  test('show the figures of the report, with the interval drawn', async () => {
    const v = await open();
    await v.show('#/experiments');
    const { tasks: [t] } = await report();
    const cells = await v.text('.fit tbody .cell');
    assert.equal(cells.length, 2);
    for (const [i, a] of t.arms.entries()) {
      assert.ok(cells[i].includes(a.fit.toFixed(2)), cells[i]);
      assert.ok(cells[i].includes(`n ${CALLS}`), cells[i]);
      assert.match(cells[i], /wins (0|100) %/);
    }
    assert.deepEqual(await v.exact('.fit tbody .money'), t.arms.flatMap((a) =>
      [a.cost_usd, a.accepted_usd ?? 'not known']));
    assert.match((await v.text('.fit tbody tr'))[0], /winner\s*openai\/good/);
    const drawn = await v.page.$$eval('.interval', (all) => all.map((e) => {
      const box = e.getBoundingClientRect();
      const [line, dot] = [...e.children].map((c) =>
        c.getBoundingClientRect());
      const at = (x) => (x - box.left) / box.width;
      return { low: at(line.left), high: at(line.right),
        mean: at((dot.left + dot.right) / 2) };
    }));
    for (const [i, a] of t.arms.entries()) {
      assert.ok(Math.abs(drawn[i].low - a.fit_low) < 0.01);
      assert.ok(Math.abs(drawn[i].high - a.fit_high) < 0.01);
      assert.ok(Math.abs(drawn[i].mean - a.fit) < 0.01);
    }
    v.fine();
  });

  test('lead from a verdict to its two answers, and take a label', async () => {
    const v = await open();
    await v.show('#/experiments');
    const rows = () => v.text('.panel:last-child tbody tr');
    assert.equal((await rows()).length, 20);
    await v.settle(() => v.press('Show more'));
    assert.equal((await rows()).length, CALLS);
    await v.press('Answers', '.panel:last-child tbody tr:first-child');
    await v.page.waitForSelector('dialog .pair');
    const said = await v.text('dialog .pair .said');
    assert.match(said[0], /a poor answer <b>bold<\/b>\nin two lines/);
    assert.match(said[1], /a good answer/);
    assert.deepEqual(await v.axe(), []);
    await v.settle(() => v.press('This one is better',
      'dialog section:last-child'));
    const { agreement } = await report();
    assert.deepEqual([agreement.labels, agreement.same], [1, 1]);
    assert.match((await v.text('.fit .note'))[0], /agrees with 1 of 1 labels/);
    v.fine();
  });

  test('are promoted, and taken back', async () => {
    const v = await open();
    await v.show('#/experiments');
    await v.press('Promote …', '.fit');
    assert.equal(await v.page.$eval('dialog select', (s) => s.value),
      'openai/good');
    await v.settle(() => v.press('Promote', 'dialog'));
    assert.equal((await report()).promoted, 'openai/good');
    assert.match((await v.text('.fit .note'))[0], /all calls go to/);
    await v.settle(() => v.press('Back', '.fit'));
    assert.deepEqual([(await report()).promoted, (await report()).state],
      [null, 'running']);
    await v.settle(() => v.press('Stop', '.fit'));
    assert.equal((await report()).state, 'stopped');
    await v.settle(() => v.press('Start', '.fit'));
    assert.equal((await report()).state, 'running');
    v.fine();
  });

  test('are shown to nobody but who sees all', async () => {
    const v = await open({ key });
    await v.show('#/experiments');
    assert.match((await v.text('main'))[0], /key of an admin/);
    assert.equal(await v.page.$$eval('.fit', (all) => all.length), 0);
    v.fine();
  });
});
