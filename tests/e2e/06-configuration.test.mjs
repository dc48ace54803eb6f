// SPDX-License-Identifier: MIT
// The configuration: read again while requests run, the old one kept when the
// new one is bad, and a plain reason when there is none at all.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { starting, until } from './lib/sluice.mjs';

const start = starting();

const ask = (s, model) => s.request({ body: { model,
  messages: [{ role: 'user', content: 'Hi' }] } });
const works = async (s, model) => (await ask(s, model)).status === 200;

describe('while it runs', () => {
  let sluice;

  test('a new alias works within 1.5 s', async (t) => {
    sluice = await start({ procs: 2, conf: { aliases: { old: 'echo/echo' } } });
    assert.ok(await works(sluice, 'old'));
    assert.equal((await ask(sluice, 'new')).status, 404);
    const begun = performance.now();
    sluice.configure({ ...sluice.conf, aliases: { old: 'echo/echo',
      new: 'echo/echo' } });
    await until('the new alias', () => works(sluice, 'new'), 1500);
    t.diagnostic(`after ${(performance.now() - begun).toFixed(0)} ms`);
  });

  test('a bad file is complained of, and the old one stays', async () => {
    const good = sluice.conf;
    for (const [bad, complaint] of [
      ['{ "aliases": { "old": ', /conf/],
      [{ ...good, alaises: {} }, /alaises.*aliases/],
      [{ ...good, server: { workers: 'many' } }, /server\.workers/]]) {
      const log = () => sluice.log(['sluice.log']);
      const already = log().length;
      sluice.configure(bad);
      await until(`the complaint ${complaint}`, async () => {
        assert.ok(await works(sluice, 'new'));
        return complaint.test(log().slice(already));
      }, 3000);
      assert.ok(await works(sluice, 'old'));
    }
    sluice.configure({ ...good, aliases: { last: 'echo/echo' } });
    await until('the file put right', () => works(sluice, 'last'), 3000);
  });

  test('limits change for the next call', async () => {
    sluice.configure({ ...sluice.conf,
      server: { max_body_mb: 0.01 } });
    const body = { model: 'echo/echo', messages: [{ role: 'user',
      content: 'x'.repeat(20_000) }] };
    await until('413', async () =>
      (await sluice.request({ body })).status === 413, 3000);
  });
});

const BROKEN = [
  { name: 'broken JSON', raw: '{ "data_dir": ', reason: /line 1, column \d+/ },
  { name: 'an unknown member', raw: { data_dri: '/tmp/x' },
    reason: /data_dri.*data_dir/ },
  { name: 'a wrong type', raw: { server: { workers: 'many' } },
    reason: /server\.workers/ },
  { name: 'an unset variable',
    raw: { auth: { admin_key: 'env:SLUICE_E2E_NOT_SET' } },
    reason: /SLUICE_E2E_NOT_SET/ },
  { name: 'a missing file',
    raw: { auth: { admin_key: 'file:/nonexistent/key' } },
    reason: /\/nonexistent\/key/ },
];

for (const mode of ['fastcgi', 'cgi'])
  describe(`${mode}, unreadable configuration:`, () => {
    for (const { name, raw, reason } of BROKEN)
      test(`503 with the reason for ${name}`, async () => {
        const s = await start({ mode, raw, key: false, procs: 1 });
        for (const dialect of ['/v1/chat/completions', '/v1/messages']) {
          const got = await s.request({ path: dialect, key: 'any',
            body: { model: 'echo/echo' } });
          assert.equal(got.status, 503, got.text);
          assert.match(got.json.error.message, reason);
        }
        const health = await s.request({ method: 'GET', path: '/healthz' });
        assert.equal(health.status, 503);
        await assert.rejects(s.cli(['check']), (e) => {
          assert.equal(e.code, 1);
          assert.match(e.stderr, reason);
          assert.ok(e.stderr.includes(`${s.dir}/sluice.json`));
          return true;
        });
      });

    test('data_dir that cannot be one: 503 naming it', async () => {
      const file = '/etc/hostname';
      const s = await start({ mode, key: false, procs: 1,
        raw: { data_dir: `${file}/data` } });
      const got = await s.request({ key: 'any', body: { model: 'echo/echo',
        messages: [{ role: 'user', content: 'Hi' }] } });
      assert.equal(got.status, 503, got.text);
      assert.match(got.json.error.message, /\/etc\/hostname\/data/);
      const health = await s.request({ method: 'GET', path: '/healthz' });
      assert.equal(health.status, 503);
      assert.match(health.text, /\/etc\/hostname\/data/);
    });

    test('put right, it serves without a restart', async () => {
      const s = await start({ mode, raw: '{', key: false, procs: 1 });
      assert.equal((await ask(s, 'echo/echo')).status, 503);
      s.configure({ data_dir: `${s.dir}/data`, auth: { required: false } });
      await until('service', () => works(s, 'echo/echo'), 3000);
    });
  });

test('all complaints come at once, each with its path', async () => {
  const s = await start({ procs: 1 });
  fs.writeFileSync(`${s.dir}/sluice.json`, `{
    // comments are welcome
    "server": { "workers": -1, "drain": 3, /* and these */ "cors_origins": 7 },
    "providers": { "local": { "api": "opnai" } }
  }`);
  await assert.rejects(s.cli(['check']), (e) => {
    for (const complaint of [/server\.workers/, /server\.drain\b.*drain_s/,
      /server\.cors_origins/, /providers\.local\.api.*openai/])
      assert.match(e.stderr, complaint);
    return e.code === 1;
  });
});

test('on_failure "serve" answers although the ledger cannot be written',
  async () => {
    const s = await start({ key: false, procs: 1, raw: {
      data_dir: '/etc/hostname/data', auth: { required: false },
      store: { on_failure: 'serve' } } });
    assert.ok(await works(s, 'echo/echo'));
  });
