// SPDX-License-Identifier: MIT
// Single flight: identical calls at the same time are one upstream, over all
// processes, in all dialects, whoever dies or leaves meanwhile.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { said } from './lib/ask.mjs';
import { TEXT, caching, chat, content, fresh, word } from './lib/cache.mjs';
import { startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const PROCS = 4;
const CROWD = 100;
const WORDS = Array.from({ length: 30 }, (_, i) => `word${i} `).join('');

const upstream = await startUpstream();
const sluice = await startSluice({ upstream, procs: PROCS,
  conf: { routing: { attempts: 1 } } });
after(async () => {
  await sluice.stop();
  upstream.stop();
});
const { ask, calls } = caching(sluice, upstream);

// An answer piece by piece.
const gap = async (c, answer, ms) => {
  c.sse();
  for (const f of c.frames(answer)) {
    await c.write(f);
    await sleep(ms);
  }
  c.end();
};

describe(`${CROWD} identical calls at a time, over ${PROCS} processes`, () => {
  const crowd = (body, opts = () => ({})) => Promise.all(Array.from(
    { length: CROWD }, (_, i) => ask(body, {}, opts(i)).catch((e) =>
      ({ status: 0, text: String(e), headers: {} }))));

  test('are one upstream call, and all stream along', async () => {
    upstream.on('m', (c) => gap(c, { text: WORDS }, 15));
    const b = calls();
    const all = await crowd(chat(fresh(), { stream: true }));
    assert.equal(calls() - b, 1);
    for (const r of all) {
      assert.equal(r.status, 200);
      assert.equal(said(r.text), WORDS);
    }
    assert.equal(all.filter((r) => word(r) === 'miss').length, 1);
  });

  test('also as whole answers, in another dialect', async () => {
    upstream.on('m', async (c) => {
      await sleep(300);
      return c.answer({ text: TEXT });
    });
    const b = calls(), q = fresh();
    const all = await Promise.all([crowd(chat(q)), ...Array.from({ length: 5 },
      () => ask(chat(q), {}, { path: '/v1/messages' }))]);
    assert.equal(calls() - b, 1);
    for (const r of all[0])
      assert.equal(content(r), TEXT);
    for (const r of all.slice(1))
      assert.equal(r.json.content[0].text, TEXT);
  });

  test('share an error of the provider, which is not stored: each has what ' +
    'he would have had alone', async () => {
    const error = { error: { message: 'bad thing', type: 'odd_error',
      param: null, code: 'odd', extra: [1, 2] } };
    const fail = (c) => c.whole(error, 500, { 'retry-after': '7' });
    const messages = { path: '/v1/messages' };
    const told = (r) => [r.status, r.headers['retry-after'],
      r.headers['x-sluice-model'], { ...r.json, request_id: null }];
    upstream.on('m', fail);
    const alone = chat(fresh());
    const want = [told(await ask(alone)), told(await ask(alone, {}, messages))];
    assert.deepEqual(want[0].slice(0, 2), [500, '7']);
    assert.deepEqual(want[0][3], { ...error, request_id: null });
    assert.deepEqual(want[1].slice(0, 2), [502, '7']);

    upstream.on('m', async (c) => {
      await until('everybody leads or follows', () =>
        inFlight() === CROWD);
      fail(c);
    });
    let last;
    for (const [own, other] of [[0, 1], [1, 0]]) {
      const b = calls(), body = chat(fresh()), begun = upstream.next('m');
      const go = (kind) => ask(body, {}, kind ? messages : {});
      const leader = go(own);
      await begun;
      const others = Array.from({ length: CROWD - 1 }, (_, i) =>
        go(i % 2 ? own : other));
      const all = await Promise.all([leader, ...others]);
      assert.equal(calls() - b, 1);
      all.forEach((r, i) => assert.deepEqual(told(r),
        want[i % 2 ? other : own]));
      last = body;
    }
    upstream.on('m', (c) => c.answer({ text: TEXT }));
    assert.equal(word(await ask(last)), 'miss');
  });

  test('with the leader killed before it has said a word: two upstream ' +
    'calls, and every client of an SDK is answered', async (t) => {
    const sdk = { defaultHeaders: { 'x-sluice-cache': 'on' }, maxRetries: 2 };
    const openai = sluice.openai(sdk), anthropic = sluice.anthropic(sdk);
    const q = chat(fresh());
    const kinds = [
      () => openai.chat.completions.create(q)
        .then((r) => r.choices[0].message.content),
      () => openai.chat.completions.stream(q).finalContent(),
      () => anthropic.messages.create(q).then((r) => r.content[0].text),
      () => anthropic.messages.stream(q).finalText()];
    upstream.on('m', (c) => {
      upstream.on('m', (d) => gap(d, { text: WORDS }, 40));
      return c.gone;
    });
    const b = calls(), begun = upstream.next('m');
    const all = Array.from({ length: CROWD }, (_, i) =>
      kinds[i % kinds.length]());
    const leader = await begun;
    await until('everybody leads or follows', () =>
      inFlight() === CROWD);
    const second = upstream.next('m');
    killLeader(leader);
    const killed = performance.now();
    t.diagnostic(`taken over after ${
      Math.round((await second).at - killed)} ms`);
    assert.deepEqual(await Promise.all(all), Array(CROWD).fill(WORDS));
    assert.equal(calls() - b, 2);
    upstream.on('m', (c) => c.answer({ text: TEXT }));
  });

  test('with the leader killed in mid-stream: who is cut with it gets all ' +
    'of the same answer when he asks again', async (t) => {
    const body = chat(fresh(), { stream: true });
    const whole = (r) => r.status === 200 && said(r.text) === WORDS;
    upstream.on('m', (c) => gap(c, { text: WORDS }, 20));
    const b = calls(), begun = upstream.next('m'), heard = new Set();
    const all = crowd(body, (i) => ({ onData: () => heard.add(i) }));
    const leader = await begun;
    await until('everybody has heard something', () => heard.size === CROWD);
    killLeader(leader);
    const cut = (await all).filter((r) => !whole(r));
    t.diagnostic(`${CROWD - cut.length} of ${CROWD} whole at once`);
    assert.ok(cut.length <= CROWD / 2, JSON.stringify(cut.map((r) =>
      [r.status, r.text.slice(-300)])));
    for (const r of cut)
      assert.ok(r.complete === false || r.status >= 500 || r.status === 0,
        JSON.stringify([r.status, r.text.slice(-300)]));
    for (const r of await Promise.all(cut.map(() => ask(body))))
      assert.ok(whole(r));
    assert.equal(calls() - b, 2);
    upstream.on('m', (c) => c.answer({ text: TEXT }));
  });
});

describe('those who follow', () => {
  const slow = (n, ms) => (c) => gap(c, { text: 'tick '.repeat(n) }, ms);

  test('are not hurt by a leader whose client leaves', async () => {
    upstream.on('m', slow(20, 30));
    const b = calls(), body = chat(fresh(), { stream: true });
    const quit = new AbortController();
    const begun = upstream.next('m');
    const leader = ask(body, {}, { signal: quit.signal }).catch(() => null);
    await begun;
    const followers = Array.from({ length: 8 }, () => ask(body));
    await sleep(200);
    quit.abort();
    for (const r of await Promise.all(followers)) {
      assert.equal(said(r.text), 'tick '.repeat(20));
      assert.equal(word(r), 'hit');
    }
    await leader;
    assert.equal(calls() - b, 1);
    const open = (await sluice.ledger.rows()).filter((r) =>
      r.outcome === 'open');
    assert.deepEqual(open, []);
    assert.equal(word(await ask(body)), 'hit');
  });

  test('are not held up by a leader whose client does not read', async () => {
    const big = 'slow reader '.repeat(20), pieces = 1500;
    upstream.on('m', async (c) => {
      c.sse();
      const frames = c.frames({ text: 'x' });
      await c.write(frames[0]);
      for (let i = 0; i < pieces; i++)
        await c.write(frames[1].replace('"x"', JSON.stringify(big)));
      for (const f of frames.slice(2))
        await c.write(f);
      c.end();
    });
    const b = calls(), body = chat(fresh(), { stream: true });
    const begun = upstream.next('m');
    let read;
    const leader = ask(body, {}, { readAfter: new Promise((r) => read = r) });
    await begun;
    const followers = await Promise.all(Array.from({ length: 4 },
      () => ask(body)));
    for (const r of followers)
      assert.equal(said(r.text), big.repeat(pieces));
    read();
    assert.equal(said((await leader).text), big.repeat(pieces));
    assert.equal(calls() - b, 1);
  });

  test('who comes alone and leaves, cancels the upstream', async () => {
    upstream.on('m', slow(100, 30));
    const quit = new AbortController();
    const begun = upstream.next('m');
    const one = ask(chat(fresh(), { stream: true }), {},
      { signal: quit.signal }).catch(() => null);
    const call = await begun;
    await sleep(100);
    quit.abort();
    await one;
    await until('the provider is left', () => call.goneAt, 3000);
  });

  const spools = () => fs.readdirSync(`${sluice.dir}/data/flight`);

  test('leave no file behind', async () => {
    upstream.on('m', (c) => c.answer({ text: TEXT }));
    await until('all flights have ended', () => spools().length === 0);
  });

  test('find nothing of a leader who died alone: a second later it is gone',
    async () => {
      upstream.on('m', async (c) => {
        c.sse();
        await c.write(c.frames({ text: TEXT }).slice(0, 2).join(''));
        await c.gone;
      });
      const begun = upstream.next('m');
      const alone = ask(chat(fresh(), { stream: true })).catch(() => null);
      const call = await begun;
      await until('something is written', () => spools().length === 1);
      killLeader(call);
      await alone;
      await until('it is gone', () => spools().length === 0, 3000);
      upstream.on('m', (c) => c.answer({ text: TEXT }));
    });
});

// A leader of one dialect and those who follow in all others, as streams and
// whole; killed in mid-stream.
const DIALECTS = [
  { path: '/v1/chat/completions', body: chat, whole: content },
  { path: '/v1/messages', body: chat, whole: (r) => r.json.content[0].text },
  { path: '/v1/responses', body: (input, more) => ({ model: 'openai/m',
    max_output_tokens: 50, input, ...more }),
  whole: (r) => r.json.output.at(-1).content[0].text }];

async function takeOver(leads, server) {
  const q = fresh(), b = calls(), begun = upstream.next('m');
  const go = (d, stream) => ask(d.body(q, { stream }), {},
    { path: d.path }, server).catch(() => ({ status: 0, text: '' }));
  const text = (r, d, stream) => r.status !== 200 ? null
    : stream ? said(r.text) : r.json && d.whole(r);
  const kinds = DIALECTS.filter((d) => d !== leads)
    .flatMap((d) => [[d, true], [d, false]]);
  upstream.on('m', (c) => gap(c, { text: WORDS }, 20));
  const first = go(leads, true), call = await begun;
  const rest = kinds.map((k) => go(...k));
  await until('they follow', () => inFlight(server) === 1 + kinds.length);
  killLeader(call, server);
  assert.notEqual(said((await first).text), WORDS);
  const told = (await Promise.all(rest)).map((r, i) => text(r, ...kinds[i]));
  const again = await Promise.all(kinds.map(async (k, i) =>
    told[i] === WORDS ? WORDS : text(await go(...k), ...k)));
  assert.deepEqual(again, kinds.map(() => WORDS));
  assert.equal(calls() - b, 2);
  upstream.on('m', (c) => c.answer({ text: TEXT }));
  return told.filter((t) => t === WORDS).length;
}

describe('a leader that dies is replaced by one of another dialect:', () => {
  for (const leads of DIALECTS)
    test(leads.path, async () => {
      // The rest shared the process that died.
      assert.ok(await takeOver(leads, sluice) >= 2);
    });
});

describe('as plain CGI, a process for each request', async () => {
  let cgi;
  after(() => cgi?.stop());

  test('the same: one upstream for a crowd, and hits', async () => {
    cgi = await startSluice({ upstream, mode: 'cgi',
      conf: { routing: { attempts: 1 } } });
    upstream.on('m', async (c) => {
      await sleep(500);
      return c.answer({ text: TEXT });
    });
    const go = (body) => ask(body, {}, {}, cgi);
    const b = calls(), body = chat(fresh(), { stream: true });
    const all = await Promise.all(Array.from({ length: 10 }, () => go(body)));
    for (const r of all)
      assert.equal(said(r.text), TEXT);
    assert.equal(calls() - b, 1);
    assert.equal(word(await go(body)), 'hit');
    upstream.on('m', (c) => c.answer({ text: TEXT }));
  });

  for (const leads of DIALECTS)
    test(`a leader of ${leads.path} that dies costs nobody else his answer`,
      async () => assert.equal(await takeOver(leads, cgi), 4));
});

// Kill the responder whose call of the upstream that is.
function killLeader({ port }, server = sluice) {
  const leader = server.pids().find((pid) => hasPort(pid, port));
  assert.ok(leader, 'nobody has that connection');
  process.kill(leader, 'SIGKILL');
}

// Has this process a connection from that port of its own?  By /proc.
function hasPort(pid, port) {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = fs.readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n')
    .map((l) => l.trim().split(/\s+/))
    .filter((f) => f[1]?.endsWith(`:${hex}`) && f[3] === '01')
    .map((f) => `socket:[${f[9]}]`);
  return links(pid).some((to) => inodes.includes(to));
}

// How many lead or follow: they have the file of a flight open.
function inFlight(server = sluice) {
  return server.pids().flatMap(links).filter((to) =>
    to.startsWith(`${server.dir}/data/flight/`)).length;
}

// What the descriptors of a process are.
function links(pid) {
  return fs.readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';                            // closed meanwhile
    }
  });
}
