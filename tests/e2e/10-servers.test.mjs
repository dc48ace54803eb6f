// SPDX-License-Identifier: MIT
// The same expectations behind every web server of Debian, started with the
// examples of conf/; what one of them cannot do is in the table of
// lib/servers.mjs and asserted too.  One table at the end shows what was
// measured.
//
//	SLUICE_E2E_SERVERS=nginx,Caddy	only these
//	SLUICE_E2E_SILENCE_S=90		the silence before the first token in
//					full, with the real keepalive_s
//
// The pitfalls of web servers that cost us something, and where each is held
// (load and input are 10-servers-load and -input, numbers are other files):
//	first event at once, one by one		here, 04
//	head and ping before the provider	here, 04
//	body: 5 MB, chunked, 33 MB refused	here; no length, "", -1: input
//	401 with an unread body			here
//	no output before the end of the body	here (5 MB and back)
//	client leaves: before, between		here, 04; by an abort: input
//	half-closed stdout is no disconnect	here (Apache CGI, any stream)
//	Authorization in both variables		here (.htaccess), input
//	429, 529, 500 and Retry-After pass	here, 03
//	head below 3.5 KB, always a Status	05, input
//	SIGTERM, SIGUSR1, idle and streaming	08, here (reload), input
//	kept and silent connections, EMFILE	load, input
//	long silence with pings			here, in full by the variable
//	no compression of streams		here
//	%2F, //, .., empty query		here, 05, input
//	two SCRIPT_NAMEs, Proxy, X_Api_Key	input
//	malformed records			input

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVERS, reload, startBehind } from './lib/servers.mjs';
import { alive, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const SILENCE_S = Number(process.env.SLUICE_E2E_SILENCE_S ?? 0);
const KEEPALIVE_S = 0.3;
const GAP_MS = 20;
const MB = 1 << 20;
const only = process.env.SLUICE_E2E_SERVERS?.split(',');
const facts = {};
const upstream = await startUpstream();

after(() => {
  upstream.stop();
  show();
});

const CHATS = {
  openai: { path: '/v1/chat/completions', model: 'openai/talk' },
  anthropic: { path: '/v1/messages', model: 'anthropic/talk' },
};
const words = (n) => Array.from({ length: n }, (_, i) => `w${i} `).join('');
const body = (more = {}) => ({ model: CHATS.openai.model, max_tokens: 100,
  messages: [{ role: 'user', content: 'Talk' }], ...more });
const ended = (text) => /^data: \[DONE\]$|^event: message_stop$/m.test(text);
const talk = (script) => upstream.on('talk', script);
const within = (ms, what, promise) => Promise.race([promise,
  sleep(ms, null, { ref: false }).then(() => {
    throw new Error(`not within ${ms} ms: ${what}`);
  })]);

// A stream that stops after its first words until it may go on.
async function paused(sluice, { path, model } = CHATS.openai) {
  let goOn, call;
  const may = new Promise((r) => { goOn = r; });
  talk(async (c) => {
    call = c;
    c.sse();
    const all = c.frames({ text: words(8) });
    for (const [i, frame] of all.entries()) {
      if (i === 4)
        await Promise.race([may, c.gone]);
      await c.write(frame);
    }
    c.end();
  });
  const seen = { text: '' };
  const answer = sluice.request({ path, body: body({ model, stream: true }),
    onData(d, { headers }) {
      seen.text += d;
      seen.id = headers['x-request-id'];
    } }).catch((e) => ({ failed: e, text: seen.text }));
  await until('the first words', () => /w1 /.test(seen.text));
  return { answer, goOn, call, seen };
}

// ---- what everybody can do

function answers(sluice, known, fact) {
  const held = known.limited;           // 64 KB are collected first

  test('the page, and nothing beside it', async () => {
    const page = await fetch(`${sluice.url}/`);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<html/i);
    for (const path of ['/sluice.json', '/.htaccess', '/data/', '/data/x',
      '/../sluice.json', '/%2e%2e/sluice.json', '/conf/sluice.json',
      '/v1/../../sluice.json', '/run/sluice.sock', '/master.key']) {
      const got = await sluice.request({ method: 'GET', path, key: null });
      assert.ok(got.status >= 400 && got.status < 500, `${path}: ` +
        got.status);
      assert.doesNotMatch(got.text, /providers|data_dir/);
    }
  });

  test('every mount reaches sluice, and only those', async () => {
    for (const path of ['/v1/models', '/p/x', '/sluice/x', '/healthz',
      '/metrics']) {
      const got = await sluice.request({ method: 'GET', path });
      assert.doesNotMatch(got.headers['content-type'], /html/, path);
    }
    for (const path of ['/v1beta/models', '/private', '/healthzz']) {
      const got = await sluice.request({ method: 'GET', path });
      assert.equal(got.status, 404, path);
      assert.equal(got.json, undefined, path);
    }
  });

  test('a whole chat, by either key header, with its headers', async () => {
    talk((call) => call.answer({ text: 'Hello' }));
    const got = await sluice.request({ body: body() });
    assert.equal(got.status, 200);
    assert.equal(got.json.choices[0].message.content, 'Hello');
    const coming = upstream.next('talk');
    const other = await sluice.request({ path: '/v1/messages', key: null,
      headers: { 'x-api-key': sluice.key, 'anthropic-version': '2023-06-01',
        'anthropic-beta': 'one,two' },
      body: body({ model: 'anthropic/talk' }) });
    assert.equal(other.status, 200);
    assert.equal((await coming).headers['anthropic-beta'], 'one,two');
    await sluice.ledger.waitForRow(got.headers['x-request-id']);
  });

  for (const [name, { path, model }] of Object.entries(CHATS))
    test(`a stream arrives event by event: ${name}`, async () => {
      let first;
      talk(async (call) => {
        call.sse();
        for (const frame of call.frames({ text: words(50) })) {
          if (frame.includes('w0 '))
            first = performance.now();
          await call.write(frame);
          await sleep(GAP_MS);
        }
        call.end();
      });
      let last, gap = 0, reads = 0, lag;
      const got = await sluice.request({ path, headers: {
        'accept-encoding': 'gzip' },
      body: body({ model, stream: true }), onData() {
        const at = performance.now();
        lag ??= at - first;
        if (last)
          gap = Math.max(gap, at - last);
        last = at;
        reads++;
      } });
      assert.equal(got.status, 200);
      assert.equal(got.headers['content-encoding'], undefined);
      assert.ok(ended(got.text));
      const row = await sluice.ledger.waitForRow(
        got.headers['x-request-id']);
      assert.equal(row.outcome, 'ok');
      fact.first = Math.max(fact.first ?? 0, lag);
      fact.gap = Math.max(fact.gap ?? 0, gap);
      fact.reads = Math.min(fact.reads ?? Infinity, reads);
      if (held) {
        assert.ok(lag > 900, `all at the end: first after ${lag} ms`);
        return;
      }
      assert.ok(lag < 60, `first event after ${lag} ms`);
      assert.ok(gap < 250, `a gap of ${gap} ms`);
      assert.ok(reads >= 40, `${reads} reads`);
    });

  test('a body of 5 MB, and 5 MB back', async () => {
    const text = 'x'.repeat(5 * MB);
    talk((call) => call.answer({ text: call.body.messages[0].content }));
    const got = await sluice.request({ body: body({
      messages: [{ role: 'user', content: text }] }) });
    if (held) {
      assert.notEqual(got.status, 200, 'FcgidMaxRequestLen cannot be set');
      return;
    }
    assert.equal(got.status, 200);
    assert.equal(got.json.choices[0].message.content.length, text.length);
  });

  test('a body in chunks, without a length', async () => {
    talk((call) => call.answer({ text: call.body.messages[0].content }));
    const content = 'y'.repeat(held ? 50_000 : MB);
    const got = await sluice.request({ headers: {
      'transfer-encoding': 'chunked' },
    body: body({ messages: [{ role: 'user', content }] }) });
    assert.equal(got.status, 200);
    assert.equal(got.json.choices[0].message.content.length, content.length);
  });

  test('401 and 413 although the body is long', async () => {
    const content = 'z'.repeat(held ? 50_000 : 5 * MB);
    const long = body({ messages: [{ role: 'user', content }] });
    const got = await sluice.request({ key: 'sk-sl-wrong', body: long });
    assert.equal(got.status, 401);
    assert.equal(typeof got.json.error.message, 'string');
    if (held)
      return;
    const more = await sluice.request({ body: Buffer.alloc(33 * MB, 'x') });
    assert.equal(more.status, 413);
    assert.equal(typeof more.json.error.message, 'string');
  });

  test('error bodies arrive as they are', async () => {
    for (const [status, headers] of [[400, {}], [429, { 'retry-after': '17' }],
      [500, {}], [529, {}]]) {
      const text = JSON.stringify({ error: { message: `no: ${status}`,
        type: 'theirs', param: null, code: 'c' } });
      talk((call) => call.whole(text, status, headers));
      const got = await sluice.request({ body: body() });
      assert.equal(got.status, status);
      assert.match(got.headers['content-type'], /^application\/json/);
      assert.equal(got.json.error.message, `no: ${status}`);
      if (headers['retry-after'])
        assert.equal(got.headers['retry-after'], headers['retry-after']);
    }
    const nowhere = await sluice.request({ path: '/v1/nowhere', body: {} });
    assert.equal(nowhere.status, 404);
    assert.match(nowhere.json.error.message, /nowhere/);
  });

  test('HEAD and OPTIONS', async () => {
    const head = await sluice.request({ method: 'HEAD', path: '/v1/models' });
    assert.equal(head.status, 200);
    assert.equal(head.raw.length, 0);
    const options = await sluice.request({ method: 'OPTIONS', key: null,
      headers: { origin: 'https://chat.example.org',
        'access-control-request-method': 'POST' } });
    assert.equal(options.status, 204);
    assert.match(options.headers['access-control-allow-methods'], /POST/);
    assert.equal(options.headers['access-control-allow-origin'],
      'https://chat.example.org');
  });

  test('paths and queries mean the same', async () => {
    talk((call) => call.answer({ text: 'Hi' }));
    for (const path of ['/v1/messages?beta=true', '/v1/messages?',
      '/v1/messages?a=%2F..&b', '/v1/./messages', '/v1//messages']) {
      const got = await sluice.request({ path, body: body({
        model: 'anthropic/talk' }) });
      assert.equal(got.status, 200, path);
    }
    const slash = await sluice.request({ method: 'GET',
      path: '/v1/models/echo%2Fecho' });
    assert.equal(slash.status, known.slash === false ? 404 : 200);
    const plain = await sluice.request({ method: 'GET',
      path: '/v1/models/echo/echo' });
    assert.equal(plain.status, 200);
  });
}

// ---- silence, and clients that leave

function patience(sluice, known, fact) {
  const silence = (SILENCE_S || 2) * 1000;

  test(`${silence / 1000} s of silence before the first token`,
    async () => {
      let pings = 0;
      talk(async (call) => {
        await sleep(silence);
        await call.answer({ text: 'finally' });
      });
      const [stream, whole] = await Promise.all([
        sluice.request({ body: body({ stream: true }),
          onData(d) {
            pings += d.toString().match(/^:/gm)?.length ?? 0;
          } }),
        // nothing passes in a whole answer: the server itself must wait
        sluice.request({ body: body() })]);
      if (known.limited && silence > 40_000) {
        assert.equal(whole.status, 500, 'FcgidIOTimeout cannot be set');
        return;
      }
      assert.match(stream.text, /finally/);
      assert.match(whole.text, /finally/);
      assert.ok(pings >= (SILENCE_S ? silence / 20_000 : 3), `${pings}`);
      fact.pings = pings;
    });

  // How long a call goes on after its reader has left.
  async function leaving(afterWords) {
    talk(async (call) => {
      if (!afterWords)
        return call.gone;
      call.sse();
      for (const frame of call.frames({ text: words(400) })) {
        if (call.goneAt)
          return undefined;
        await call.write(frame);
        await sleep(GAP_MS);
      }
      return call.end();
    });
    const coming = upstream.next('talk');
    const s = net.connect(sluice.port, '127.0.0.1');
    await once(s, 'connect');
    await sleep(10);                    // see 04: lighttpd must have accepted
    const json = JSON.stringify(body({ stream: true }));
    s.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
      `Authorization: Bearer ${sluice.key}\r\nContent-Type: ` +
      `application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`);
    s.on('error', () => {});
    let text = '';
    s.on('data', (d) => { text += d; });
    const call = await within(5000, 'the call', coming);
    if (afterWords && known.tells !== Infinity)
      await until('words', () => /w5 /.test(text));
    else
      await sleep(50);
    s.destroy();
    const left = performance.now();
    const gone = await within(10_000, 'the end of the call', call.gone);
    const row = await sluice.ledger.waitForLast(
      (r) => r.stream && Date.parse(r.ended_at) > Date.now() - 20_000 &&
        r.outcome === 'cancelled');
    assert.equal(row.attempts[0].outcome, 'cancelled');
    return gone - left;
  }

  // What it takes: nothing, or a number of writes, GAP_MS or a ping apart.
  const allowed = (apart) => (known.tells === 'at once' ? 300
    : known.tells * apart + 500);

  if (known.tells !== Infinity) {
    test('a client that leaves in mid-stream ends the call', async () => {
      fact.mid = await leaving(true);
      assert.ok(fact.mid < allowed(GAP_MS), `${fact.mid} ms`);
    });

    test('a client that leaves before the first token ends the call',
      async () => {
        fact.before = await leaving(false);
        assert.ok(fact.before < allowed(KEEPALIVE_S * 1000),
          `${fact.before} ms`);
        if (known.tells !== 'at once')
          assert.ok(fact.before > KEEPALIVE_S * 500,
            'told only by a failed write');
      });
  } else {
    test('that a client has left is never told', async () => {
      let call;
      talk(async (c) => {
        call = c;
        await sleep(1500);
        await c.answer({ text: 'for nobody' });
      });
      await sluice.request({ body: body({ stream: true }),
        signal: AbortSignal.timeout(300) }).catch(() => {});
      await sleep(1500);
      assert.equal(call.goneAt, null);
      fact.mid = fact.before = Infinity;
    });
  }
}

// ---- restarts and deaths

function upheaval(sluice, known, fact) {
  const served = () => sluice.request({ body: body({ model: 'echo/echo' }) })
    .then((got) => got.status === 200, () => false);

  if (!known.limited)
    test('a reload keeps a running stream', async () => {
      const stream = await paused(sluice);
      await reload(known, sluice);
      await sleep(200);
      const asked = performance.now();
      const next = until('the next answer', served, 20_000, 50)
        .then(() => performance.now() - asked);
      await sleep(800);
      stream.goOn();
      const got = await stream.answer;
      const cut = known.mayCut && !got.complete;
      assert.ok(cut || got.complete, `${got.failed}: ${got.text.slice(-300)}`);
      assert.ok(cut || ended(got.text), got.text.slice(-200));
      fact.frozen = await next;
      const row = await sluice.ledger.waitForRow(stream.seen.id);
      assert.equal(row.outcome, cut ? 'cancelled' : 'ok');
      await until('calm', served, 20_000);
    });

  if (known.perProcess && !known.limited)
    test('mod_fcgid ends a long stream on reload: an error event in time',
      async () => {
        const stream = await paused(sluice);
        const pids = sluice.pids();
        const asked = performance.now();
        await reload(known, sluice);
        const got = await within(15_000, 'the end', stream.answer);
        assert.match(got.text, /"error"/);
        assert.doesNotMatch(got.text, /<html|<!DOCTYPE/i);
        await until('the old processes to be gone', async () =>
          !(await Promise.all(pids.map(alive))).some(Boolean), 12_000);
        fact.ended = performance.now() - asked;
        assert.ok(fact.ended < 11_000, 'before SIGKILL');
        const row = await sluice.ledger.waitForRow(stream.seen.id);
        assert.equal(row.outcome, 'error');
        await until('calm', served, 20_000);
      });

  if (!known.limited)
    test('a responder that dies ends its stream, and another serves',
      async () => {
        const stream = await paused(sluice);
        for (const pid of sluice.pids())
          process.kill(pid, 'SIGKILL');
        const got = await within(5000, 'the end', stream.answer);
        assert.ok(!ended(got.text), 'no end that is none');
        assert.equal(got.complete ? 'clean' : 'cut', known.killed);
        await until('the next answer', served, 10_000, 100);
        const row = await sluice.ledger.waitForRow(stream.seen.id,
          (r) => r.outcome === 'unknown', 10_000);
        assert.equal(row.attempts.length, 1);
      });
}

for (const [name, known] of Object.entries(SERVERS)) {
  if (only && !only.includes(name))
    continue;
  describe(name, async () => {
    const fact = facts[name] = {};
    const sluice = await startBehind(name, { upstream, procs: 2, conf: {
      server: { drain_s: 30, keepalive_s: SILENCE_S ? 15 : KEEPALIVE_S,
        cors_origins: ['https://chat.example.org'] } } });
    after(() => sluice.stop());
    answers(sluice, known, fact);
    patience(sluice, known, fact);
    upheaval(sluice, known, fact);
  });
}

// ---- the table

function show() {
  const ms = (v) => (v === undefined ? '-'
    : v === Infinity ? 'never' : v.toFixed(v < 10 ? 1 : 0));
  const columns = { 'first event': 'first', 'largest gap': 'gap',
    reads: 'reads', pings: 'pings', 'left: mid-stream': 'mid',
    'left: before': 'before', 'reload: next answer': 'frozen' };
  const rows = [['ms', ...Object.keys(columns)],
    ...Object.entries(facts).map(([name, f]) => [name,
      ...Object.values(columns).map((c) => ms(f[c]))])];
  const widths = rows[0].map((_, i) =>
    Math.max(...rows.map((r) => r[i].length)));
  for (const row of rows)
    console.log(row.map((c, i) => (i ? c.padStart(widths[i])
      : c.padEnd(widths[i]))).join('  '));
}
