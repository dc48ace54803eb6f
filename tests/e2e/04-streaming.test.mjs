// SPDX-License-Identifier: MIT
// Tokens on time, one by one; pings in silence; and an end to the upstream
// call as soon as its reader has gone.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { frames } from './lib/ask.mjs';
import { startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const upstream = await startUpstream();
const sluice = await startSluice({ upstream, procs: 2,
  conf: { server: { keepalive_s: 0.3 } } });
const patient = await startSluice({ upstream, procs: 1, streamBody: 2 });
after(async () => {
  await Promise.all([sluice.stop(), patient.stop()]);
  upstream.stop();
});

const CHATS = {
  openai: { path: '/v1/chat/completions', model: 'openai/talk',
    token: /"content":"[^"]/, ping: /^:/m },
  anthropic: { path: '/v1/messages', model: 'anthropic/talk',
    token: /"text_delta"/, ping: /^:|^event: ping/m },
};
const CROSSINGS = [['openai', 'openai'], ['openai', 'anthropic'],
  ['anthropic', 'openai'], ['anthropic', 'anthropic']];
const body = (model) => ({ model, stream: true, max_tokens: 100,
  messages: [{ role: 'user', content: 'Talk' }] });
const words = (n) => Array.from({ length: n }, (_, i) => `w${i} `).join('');
const isToken = (frame) => /"content":"w|"text":"w/.test(frame);
const deadline = (ms, what) => sleep(ms, null, { ref: false }).then(() => {
  throw new Error(`not within ${ms} ms: ${what}`);
});
const percentile = (list, p) => list.toSorted((a, b) => a - b)[
  Math.min(list.length - 1, Math.floor(list.length * p))];

// A queue of two ends: what one pushes the other awaits, in order.
function channel() {
  const ready = [], waiting = [];
  return {
    push(v) { waiting.length ? waiting.shift()(v) : ready.push(v); },
    next() {
      return ready.length ? Promise.resolve(ready.shift())
        : new Promise((r) => waiting.push(r));
    },
  };
}

for (const [client, provider] of CROSSINGS)
  test(`first token and every next one at once: ${client} client, ` +
    provider, async (t) => {
    const c = CHATS[client];
    const lags = { first: [], next: [] };
    for (let run = 0; run < 10; run++) {
      // The provider sends a token only when the one before has arrived: a
      // token held back anywhere would stop it for ever.
      const arrived = channel();
      const sent = [];
      upstream.on('talk', async (call) => {
        call.sse();
        for (const frame of call.frames({ text: words(50) })) {
          if (isToken(frame) && sent.length)
            await Promise.race([arrived.next(),
              deadline(2000, `token ${sent.length}`)]);
          if (isToken(frame))
            sent.push(performance.now());
          await call.write(frame);
        }
        call.end();
      });
      let seen = 0;
      const got = await sluice.request({ path: c.path,
        body: body(`${provider}/talk`), onData(data) {
          const at = performance.now();
          const tokens = data.toString().match(new RegExp(c.token, 'g')) ?? [];
          for (let i = 0; i < tokens.length; i++) {
            lags[seen ? 'next' : 'first'].push(at - sent[seen]);
            seen++;
            arrived.push();
          }
        } });
      assert.equal(got.status, 200);
      assert.equal(seen, 50);
    }
    const p = (list) => `p50 ${percentile(list, 0.5).toFixed(2)} ms, ` +
      `p99 ${percentile(list, 0.99).toFixed(2)} ms`;
    t.diagnostic(`first token: ${p(lags.first)}; ` +
      `next: ${p(lags.next)}`);
    assert.ok(percentile(lags.first, 0.5) < 50);
    assert.ok(percentile(lags.next, 0.5) < 50);
  });

for (const [client, provider] of CROSSINGS)
  test(`pings while ${provider} is silent, ${client} client`, async () => {
    const c = CHATS[client];
    const enough = channel();
    upstream.on('talk', async (call) => {
      await Promise.race([enough.next(), deadline(3000, 'three pings')]);
      await call.answer({ text: 'finally' });
    });
    let pings = 0;
    const got = await sluice.request({ path: c.path,
      body: body(`${provider}/talk`), onData(data) {
        pings += data.toString().match(new RegExp(c.ping, 'gm'))?.length ?? 0;
        if (pings >= 3)
          enough.push();
      } });
    assert.equal(got.status, 200);
    assert.match(got.text, /finally/);
    const row = await sluice.ledger.waitForRow(got.headers['x-request-id']);
    assert.equal(row.outcome, 'ok');
    assert.ok(row.ttft_ms >= 900);
  });

test('a failure behind pings is an error event in the stream', async () => {
  const enough = channel();
  upstream.on('talk', async (call) => {
    await enough.next();
    call.whole({ error: { message: 'too late' } }, 500);
  });
  const got = await sluice.request({ body: body('openai/talk'),
    onData: () => enough.push() });
  assert.equal(got.status, 200);
  const last = frames(got.raw).findLast((f) => f.data && f.data !== '[DONE]');
  assert.match(last.data.error.message, /too late/);
  const row = await sluice.ledger.waitForRow(got.headers['x-request-id']);
  assert.equal(row.outcome, 'error');
});

// ---- clients that leave

// A client made of a socket, which can leave as it likes.
async function visitor(c, model, leave) {
  const s = net.connect(sluice.port, '127.0.0.1');
  await once(s, 'connect');
  // lighttpd 1.4 does not report who leaves before the response head if the
  // request was there at accept (servers.md, §1b): give it time to accept.
  await sleep(10);
  const json = JSON.stringify(body(model));
  s.write(`POST ${c.path} HTTP/1.1\r\nHost: t\r\n` +
    `Authorization: Bearer ${sluice.key}\r\nContent-Type: application/json` +
    `\r\nContent-Length: ${json.length}\r\n\r\n${json}`);
  s.on('error', () => {});
  const answer = { text: '', left: null };
  s.on('data', (d) => { answer.text += d; });
  return { socket: s, answer, leave() {
    leave(s);
    return performance.now();
  } };
}

const LEAVING = { closing: (s) => s.destroy(),
  resetting: (s) => s.resetAndDestroy() };

describe('a client that leaves', () => {
  for (const [client, provider] of CROSSINGS)
    test(`in mid-stream ends the call: ${client} client, ${provider}`,
      async (t) => {
        for (const [how, leave] of Object.entries(LEAVING)) {
          const spoken = channel();
          upstream.on('talk', async (call) => {
            call.sse();
            const all = call.frames({ text: words(50) });
            const at = all.findIndex((f) => f.includes('w9 '));
            for (const f of all.slice(0, at + 1))
              await call.write(f);
            spoken.push(call);
            // silent from here on; a real one would go on for minutes
            for (; !call.goneAt; await sleep(20))
              await call.write(': busy\n\n');
          });
          const v = await visitor(CHATS[client], `${provider}/talk`, leave);
          const call = await spoken.next();
          await until('ten tokens', () => v.answer.text.includes('w9 '));
          const id = v.answer.text.match(/x-request-id: (call_\w+)/i)[1];
          const left = v.leave();
          const gone = await Promise.race([call.gone,
            deadline(2000, 'end of the upstream call')]);
          t.diagnostic(`${how}: upstream closed after ` +
            `${(gone - left).toFixed(1)} ms`);
          assert.ok(gone - left < 200);
          const row = await sluice.ledger.waitForRow(id);
          assert.equal(row.outcome, 'cancelled');
          const [attempt] = row.attempts;
          assert.equal(attempt.outcome, 'cancelled');
          assert.equal(attempt.usage_source, 'estimated');
          assert.ok(attempt.usage.output >= 5 && attempt.usage.output <= 20,
            `what was seen, about 10 tokens: ${attempt.usage.output}`);
          assert.ok(attempt.usage.input > 0);
        }
      });

  test('before the first token ends the call', async (t) => {
    upstream.on('talk', (call) => call.gone);
    const lags = [];
    for (let i = 0; i < 5; i++) {
      const coming = upstream.next('talk');
      const v = await visitor(CHATS.openai, 'openai/talk', LEAVING.closing);
      const call = await coming;
      const left = v.leave();
      const gone = await Promise.race([call.gone,
        deadline(3000, 'end of the upstream call')]);
      lags.push(gone - left);
    }
    t.diagnostic('upstream closed after ' +
      lags.map((l) => l.toFixed(1)).join(', ') + ' ms');
    assert.ok(percentile(lags, 0.5) < 200);
    // where lighttpd tells nothing the first pings do
    assert.ok(Math.max(...lags) < 1000);
    const rows = await until('five rows', async () => {
      const all = (await sluice.ledger.rows()).slice(-5);
      return all.every((r) => r.outcome === 'cancelled') && all;
    });
    for (const row of rows)
      assert.equal(row.attempts[0].usage.output, 0);
  });

  test('a whole answer that nobody waits for is cancelled too', async () => {
    upstream.on('talk', (call) => call.gone);
    const coming = upstream.next('talk');
    const c = new AbortController();
    const asking = sluice.request({ signal: c.signal,
      body: { ...body('openai/talk'), stream: false } }).catch(() => {});
    const call = await coming;
    await sleep(10);
    c.abort();
    await asking;
    // no pings in a whole answer: only where the web server tells
    const told = await Promise.race([call.gone, sleep(500)]);
    if (told !== undefined)
      await sluice.ledger.waitForLast((r) => r.outcome === 'cancelled' &&
        !r.stream);
    else
      call.cut();
  });
});

test('a slow client pauses the provider, and memory stays flat',
  async (t) => {
    const total = 64 << 20;
    const filler = 'x'.repeat(16 << 10);
    const started = channel();
    upstream.on('talk', async (call) => {
      call.sse();
      const [first, ...rest] = call.frames({ text: 'w' });
      await call.write(first);
      started.push(call);
      while (call.bytes < total)
        await call.write(`data: ${JSON.stringify({ choices: [{ index: 0,
          delta: { content: filler } }] })}\n\n`);
      for (const f of rest)
        await call.write(f);
      call.end();
    });
    const [pid] = patient.pids();
    const before = patient.rssKb(pid);
    const most = patient.sanitized(pid) ? Infinity : 8 << 10;
    let paused, received = 0, resume;
    const asking = patient.request({ body: body('openai/talk'),
      onData(d) { received += d.length; },
      readAfter: new Promise((r) => { resume = r; }) });
    const call = await started.next();
    await until('the provider to be held back', async () => {
      const was = call.bytes;
      await sleep(300);
      paused = call.bytes;
      return paused > 0 && paused === was;
    }, 10_000);
    const held = patient.rssKb(pid);
    t.diagnostic(`provider held back after ${(paused / 2 ** 20).toFixed(1)} ` +
      `MB of ${total / 2 ** 20}; responder ${before} KB, then ${held} KB`);
    assert.ok(paused < total / 2, 'the pause comes from the client');
    assert.ok(held - before < most, `${held - before} KB more`);
    resume();
    const got = await asking;
    assert.ok(got.complete);
    assert.ok(received > total);
    assert.match(got.text, /\[DONE\]/);
    const end = patient.rssKb(pid);
    assert.ok(end - before < most, `${end - before} KB more`);
  });
