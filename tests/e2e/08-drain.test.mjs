// SPDX-License-Identifier: MIT
// SIGTERM and SIGUSR1 end a responder politely: streams finish, nothing new
// is taken, and what does not finish in time is told so.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { frames } from './lib/ask.mjs';
import { alive, startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const upstream = await startUpstream();
const sluice = await startSluice({ upstream, procs: 1,
  conf: { server: { drain_s: 2 } } });
after(async () => {
  await sluice.stop();
  upstream.stop();
});

const body = (model) => ({ model, stream: true,
  messages: [{ role: 'user', content: 'Talk' }] });

// A stream that has begun and goes on when the test says so.
async function begun(model) {
  let goOn;
  const gate = new Promise((r) => { goOn = r; });
  upstream.on(model, async (call) => {
    call.sse();
    const all = call.frames({ text: 'one two three four' });
    for (const f of all.slice(0, 3))
      await call.write(f);
    await Promise.race([gate, call.gone]);
    for (const f of all.slice(3))
      await call.write(f);
    call.end();
  });
  const coming = upstream.next(model);
  let first;
  const saw = new Promise((r) => { first = r; });
  const answer = sluice.request({ body: body(`openai/${model}`),
    onData: first });
  await coming;
  await saw;
  return { answer, goOn };
}

const gone = (pid) => until(`end of ${pid}`, async () => !await alive(pid));

for (const signal of ['SIGTERM', 'SIGUSR1'])
  test(`${signal} lets a running stream finish`, async () => {
    const [pid] = sluice.pids();
    const stream = await begun('drained');
    process.kill(pid, signal);
    // It is out of the accept set when the listening socket is the only
    // thing that still ties it to new calls: give the signal its turn.
    await new Promise((r) => setTimeout(r, 100));
    assert.ok(await alive(pid), 'waits for the stream');
    stream.goOn();
    const got = await stream.answer;
    assert.equal(got.status, 200);
    assert.match(got.text, /four/);
    assert.match(got.text, /\[DONE\]/);
    await gone(pid);
    const row = await sluice.ledger.waitForRow(got.headers['x-request-id']);
    assert.equal(row.outcome, 'ok');
    await until('a new responder', () => sluice.pids().length === 1);
    const next = await sluice.request({ body: { ...body('echo/echo'),
      stream: false } });
    assert.equal(next.status, 200);
  });

test('an idle responder ends at once', async () => {
  const [pid] = sluice.pids();
  const at = performance.now();
  process.kill(pid, 'SIGTERM');
  await gone(pid);
  assert.ok(performance.now() - at < 1000);
  await until('a new responder', () => sluice.pids().length === 1);
});

test('a stream beyond drain_s ends with an error event and a closed row',
  async () => {
    const [pid] = sluice.pids();
    const stream = await begun('stuck');
    process.kill(pid, 'SIGTERM');
    const got = await stream.answer;
    assert.match(got.text, /one/);
    assert.doesNotMatch(got.text, /four/);
    const last = frames(got.raw).findLast((f) => f.data &&
      f.data !== '[DONE]');
    assert.equal(typeof last.data.error.message, 'string');
    await gone(pid);
    const row = await sluice.ledger.waitForRow(got.headers['x-request-id']);
    assert.equal(row.outcome, 'error');
  });
