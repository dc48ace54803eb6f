// SPDX-License-Identifier: MIT
// Many at once: 500 streams through each FastCGI server with two responders,
// and no fresh call starved by them or by idle connections; too many, and the
// answer is a 503 at once.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Connection, request } from './lib/fastcgi.mjs';
import { startBehind } from './lib/servers.mjs';
import { REPO, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const STREAMS = 500;
const IDLE = 100;
const SERVED = ['lighttpd FastCGI pool', 'lighttpd external',
  'Apache mod_proxy_fcgi', 'nginx', 'Caddy'];
// mod_fcgid: a process each, and a second for each one more
const FCGID_STREAMS = 16;

// The clients and the provider in C: 500 of them cost Node.js too much.
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-load-'));
for (const name of ['upstream', 'bench_client'])
  execFileSync('cc', ['-std=c11', '-D_GNU_SOURCE', '-O2', '-o',
    `${dir}/${name}`, path.join(REPO, 'tests', `${name}.c`)]);
const provider = spawn(`${dir}/upstream`, { stdio: ['ignore', 'pipe',
  'inherit'] });
const port = Number(await once(provider.stdout, 'data'));
const upstream = await startUpstream();
after(() => {
  provider.kill();
  upstream.stop();
  fs.rmSync(dir, { recursive: true });
});

const conf = { providers: { openai: { key: 'k',
  base_url: `http://127.0.0.1:${port}/v1` } } };

async function streams(sluice, n, model, seconds) {
  const { stdout } = await promisify(execFile)(`${dir}/bench_client`,
    ['stream', String(sluice.port), model, String(n), String(seconds)],
    { env: { ...process.env, KEY: sluice.key } });
  const [calls, failed, rate, p50, p99, first50, first99] =
    stdout.trim().split(/\s+/).map(Number);
  return { calls, failed, rate, p50, p99, first50, first99 };
}

// Connections that say nothing, and FastCGI ones kept after an answer.
async function idlers(sluice) {
  const all = [];
  for (let i = 0; i < IDLE; i++) {
    all.push(net.connect(sluice.port, '127.0.0.1').on('error', () => {}));
    if (!sluice.front.pool)
      continue;
    const c = await Connection.open(`${sluice.dir}/run/sluice.sock`);
    c.write(request([['REQUEST_METHOD', 'GET'],
      ['REQUEST_URI', '/healthz']], '', true));
    assert.equal((await c.answer()).status, 200);
    assert.ok(!c.closed, 'kept');
    all.push(c.socket);
  }
  return () => all.forEach((s) => s.destroy());
}

for (const name of SERVED)
  test(`${STREAMS} streams at once: ${name}`, async (t) => {
    const sluice = await startBehind(name, { upstream, procs: 2, conf });
    try {
      const leave = await idlers(sluice);
      const running = streams(sluice, STREAMS, 'openai/stream-24-250', 2);
      await sleep(2500);
      let slowest = 0;
      for (let i = 0; i < 5; i++) {
        const at = performance.now();
        const got = await sluice.request({ body: { model: 'echo/echo',
          messages: [{ role: 'user', content: 'me too' }] } });
        assert.equal(got.status, 200);
        slowest = Math.max(slowest, performance.now() - at);
      }
      const got = await running;
      leave();
      t.diagnostic(`${got.rate} events/s, p50 ${got.p50 / 1000} ms, ` +
        `p99 ${got.p99 / 1000} ms; first p99 ${got.first99 / 1000} ms; ` +
        `another call ${slowest.toFixed(0)} ms`);
      assert.equal(got.calls, STREAMS);
      assert.equal(got.failed, 0);
      assert.ok(slowest < 1000, `a fresh call took ${slowest} ms`);
      assert.ok(got.rate > STREAMS * 3, 'four events a second for each');
    } finally {
      await sluice.stop();
    }
  });

test(`${FCGID_STREAMS} streams at once: Apache mod_fcgid`, async () => {
  const sluice = await startBehind('Apache mod_fcgid', { upstream, conf });
  try {
    const got = await streams(sluice, FCGID_STREAMS, 'openai/stream-24-250',
      1);
    assert.equal(got.calls, FCGID_STREAMS);
    assert.equal(got.failed, 0);
  } finally {
    await sluice.stop();
  }
});

describe('beyond server.max_calls', () => {
  for (const name of SERVED)
    test(`503 with Retry-After at once: ${name}`, async () => {
      const sluice = await startBehind(name, { upstream, procs: 1,
        conf: { server: { max_calls: 3, keepalive_s: 0.2 } } });
      const ask = (opts) => sluice.request({ ...opts, body: { stream: true,
        model: 'openai/wait', messages: [{ role: 'user', content: 'x' }] } });
      let goOn;
      const may = new Promise((r) => { goOn = r; });
      upstream.on('wait', async (call) => {
        await may;
        await call.answer({ text: 'finally' });
      });
      try {
        const before = upstream.callsFor('wait').length;
        const held = [ask(), ask(), ask()];
        await until('three calls', () =>
          upstream.callsFor('wait').length === before + 3);
        for (let i = 0; i < 5; i++) {
          const at = performance.now();
          const got = await ask();
          assert.equal(got.status, 503);
          assert.ok(Number(got.headers['retry-after']) >= 1);
          assert.match(got.json.error.message, /limit of 3 calls/);
          assert.ok(performance.now() - at < 500);
        }
        goOn();
        for (const got of await Promise.all(held))
          assert.match(got.text, /finally/);
        assert.equal((await ask()).status, 200);
      } finally {
        goOn();
        await sluice.stop();
      }
    });
});
