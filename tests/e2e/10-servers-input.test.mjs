// SPDX-License-Identifier: MIT
// What a web server might hand on that it should not: mangled variables,
// hostile headers, bodies that end early, records that are none, connections
// that say nothing.  Refused or ignored, and the next request is served.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, TYPE, begin, encode, parse, record, request }
  from './lib/fastcgi.mjs';
import { startBehind } from './lib/servers.mjs';
import { BIN, alive, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const WORKERS = 4;
const upstream = await startUpstream();
const sluice = await startBehind('nginx', { upstream, procs: 1,
  conf: { server: { workers: WORKERS, drain_s: 1 } } });
const path = `${sluice.dir}/run/sluice.sock`;
after(async () => {
  await sluice.stop();
  upstream.stop();
});
upstream.on('talk', (call) => call.answer({ text: 'Hello' }));

const chat = (more = {}) => JSON.stringify({ model: 'openai/talk',
  messages: [{ role: 'user', content: 'Talk' }], ...more });
const usual = (more = {}, body = chat()) => ({
  REQUEST_METHOD: 'POST', REQUEST_URI: '/v1/chat/completions',
  QUERY_STRING: '', SCRIPT_NAME: '/v1/chat/completions',
  CONTENT_TYPE: 'application/json', CONTENT_LENGTH: Buffer.byteLength(body),
  SERVER_PROTOCOL: 'HTTP/1.1', HTTP_AUTHORIZATION: `Bearer ${sluice.key}`,
  ...more });
const pairs = (params) => (Array.isArray(params) ? params
  : Object.entries(params).filter(([, v]) => v !== undefined));

// One request on a connection of its own.
async function ask(params, body = chat()) {
  const c = await Connection.open(path);
  c.write(request(pairs(params), body));
  const got = await c.answer();
  c.close();
  return got;
}

const lives = () => until('the next answer', async () =>
  (await ask(usual()).catch(() => null))?.status === 200, 5000);

describe('variables', () => {
  const CASES = [
    ['nothing at all', {}, 400],
    ['no REQUEST_METHOD', usual({ REQUEST_METHOD: undefined }), 400],
    ['an empty REQUEST_METHOD', usual({ REQUEST_METHOD: '' }), 400],
    ['no REQUEST_URI', usual({ REQUEST_URI: undefined }), 400],
    ['a path that climbs', usual({ REQUEST_URI: '/v1/../x' }), 400],
    ['a method in small letters', usual({ REQUEST_METHOD: 'post' }), 405],
    ['an absolute URI', usual({
      REQUEST_URI: 'http://host/v1/chat/completions' }), 200],
    ['a mount below another folder', usual({
      REQUEST_URI: '/~me/llm/v1/chat/completions' }), 200],
    ['wrong splits', usual({ SCRIPT_NAME: '/v1/chat', PATH_INFO:
      '/completions', PATH_TRANSLATED: '/x', DOCUMENT_ROOT: '' }), 200],
    ['a lying SCRIPT_NAME', usual({ SCRIPT_NAME: '/v1/messages',
      PATH_INFO: '/v1/nowhere' }), 200],
    ['two SCRIPT_NAMEs', [...Object.entries(usual()),
      ['SCRIPT_NAME', '/other']], 200],
    ['no CONTENT_LENGTH', usual({ CONTENT_LENGTH: undefined }), 200],
    ['an empty CONTENT_LENGTH', usual({ CONTENT_LENGTH: '' }), 200],
    ['CONTENT_LENGTH -1', usual({ CONTENT_LENGTH: -1 }), 200],
    ['CONTENT_LENGTH that is none', usual({ CONTENT_LENGTH: '1e9' }), 200],
    ['a body shorter than CONTENT_LENGTH', usual({
      CONTENT_LENGTH: 100_000 }), 400],
    ['no Authorization', usual({ HTTP_AUTHORIZATION: undefined }), 401],
    ['Basic', usual({ HTTP_AUTHORIZATION: 'Basic eDp5' }), 401],
    ['Bearer without a key', usual({ HTTP_AUTHORIZATION: 'Bearer ' }), 401],
    ['Authorization after a rewrite', usual({ HTTP_AUTHORIZATION: undefined,
      REDIRECT_HTTP_AUTHORIZATION: `Bearer ${sluice.key}` }), 200],
    ['a key that only looks like a header', usual({
      HTTP_AUTHORIZATION: undefined, X_API_KEY: sluice.key }), 401],
    ['a variable of 200 KB', usual({ HTTP_X: 'x'.repeat(200_000) }), 200],
    ['2000 variables', [...Object.entries(usual()), ...Array.from(
      { length: 2000 }, (_, i) => [`HTTP_X_${i}`, 'y'])], 200],
    ['names without an end', usual({ '': 'x', '=': 'y', 'A=B': 'C' }), 200],
  ];
  for (const [name, params, status] of CASES)
    test(name, async () => {
      const got = await ask(params);
      assert.equal(got.status, status, got.text);
      assert.equal(typeof (status === 200 ? got.json.choices
        : got.json.error.message), status === 200 ? 'object' : 'string');
    });
});

test('headers of the client that are no business of the provider',
  async () => {
    const coming = upstream.next('talk');
    const got = await ask(usual({ HTTP_CONNECTION: 'close, x-api-key',
      HTTP_KEEP_ALIVE: 'timeout=1', HTTP_TRANSFER_ENCODING: 'gzip, chunked',
      HTTP_TE: 'trailers', HTTP_TRAILER: 'x-evil', HTTP_UPGRADE: 'h2c',
      HTTP_EXPECT: '100-continue', HTTP_HOST: 'evil.example.org',
      HTTP_PROXY: 'http://127.0.0.1:1', HTTP_CONTENT_LENGTH: '3',
      HTTP_PROXY_AUTHORIZATION: 'Basic eDp5', HTTP_COOKIE: 'a=b',
      HTTP_X_FORWARDED_FOR: '10.0.0.1', HTTP_ACCEPT_ENCODING: 'br' }));
    assert.equal(got.status, 200);
    const { headers } = await coming;
    for (const name of ['keep-alive', 'te', 'trailer', 'upgrade', 'expect',
      'transfer-encoding', 'proxy-authorization', 'cookie',
      'x-forwarded-for'])
      assert.equal(headers[name], undefined, name);
    assert.doesNotMatch(JSON.stringify(headers), /evil|x-api-key/);
    assert.ok(headers.authorization.startsWith('Bearer sk-upstream'));
  });

test('no header can be smuggled in', async () => {
  const evil = 'a\r\nx-evil: 1\r\n\r\nbody';
  const refused = await ask(usual({ HTTP_ANTHROPIC_BETA: evil }));
  assert.equal(refused.status, 400);
  assert.match(refused.json.error.message, /control character/);

  for (const params of [
    usual({ REQUEST_URI: '/v1/a%0d%0ax-evil:%201' }),
    usual({ REQUEST_URI: `/v1/${evil}` }),
    usual({ REQUEST_METHOD: `POST${evil}` }),
    usual({ HTTP_ANTHROPIC_BETA: evil, HTTP_ORIGIN: evil,
      REQUEST_URI: '/v1/messages' })])
    for (const model of ['openai/talk', `openai/${evil}`, `echo/${evil}`,
      evil]) {
      const got = await ask(params, chat({ model, max_tokens: 9 }));
      assert.ok(got.status >= 200, 'a Status always');
      assert.equal(got.headers.find(([n]) => n === 'x-evil'), undefined);
      assert.ok(got.headers.every(([n]) => /^[a-z-]+$/.test(n)),
        JSON.stringify(got.headers));
    }
  for (const call of upstream.calls)
    assert.equal(call.headers['x-evil'], undefined);
});

test('X_Api_Key is as good as x-api-key, no more', async () => {
  const got = await sluice.request({ key: null, headers: {
    'X_Api_Key': sluice.key }, body: chat() });
  assert.equal(got.status, 401, 'nginx drops it');
});

describe('records', () => {
  const params = record(TYPE.params, encode(Object.entries(usual())));
  const long = (n) => Buffer.from([n >>> 24 | 128, n >> 16 & 255,
    n >> 8 & 255, n & 255]);
  const huge = record(TYPE.params, Buffer.concat([long(0x7ffffffe),
    long(0x7ffffffe), Buffer.from('xx')]));
  const many = encode(Array.from({ length: 30 },
    () => ['FCGI_MPXS_CONNS', '']));
  const CASES = {
    'not FastCGI': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    'another version': record(TYPE.begin, Buffer.alloc(8), { version: 9 }),
    'another role': Buffer.concat([begin(false, 2), params,
      record(TYPE.params)]),
    'no beginning': params,
    'an abort of nothing': record(TYPE.abort),
    'lengths beyond everything': Buffer.concat([begin(), huge,
      record(TYPE.params)]),
    'half a name': Buffer.concat([begin(),
      record(TYPE.params, Buffer.from([50, 50, 65])), record(TYPE.params)]),
    'a question thirty times': record(TYPE.getValues, many, { id: 0 }),
    'an unknown type': Buffer.concat([begin(),
      record(99, 'x', { id: 0 })]),
    'input of another request': Buffer.concat([begin(), params,
      record(TYPE.params), record(TYPE.stdin, 'x', { id: 2 })]),
    'an end in the middle': Buffer.concat([begin(), params.subarray(0, 40)]),
    'an end in the body': Buffer.concat([begin(), params,
      record(TYPE.params), record(TYPE.stdin, chat()).subarray(0, 30)]),
  };
  for (const [name, bytes] of Object.entries(CASES))
    test(name, async (t) => {
      const [before] = sluice.pids();
      const c = await Connection.open(path);
      c.write(bytes);
      c.socket.end();
      const got = await Promise.race([c.answer(), sleep(3000, 'nothing')]);
      c.close();
      assert.notEqual(got?.status, 200);
      // at worst one process is lost, and replaced
      await lives();
      if (sluice.pids()[0] !== before)
        t.diagnostic('cost a process');
    });
});

describe('connections', () => {
  test('one is kept for many requests, refused ones among them', async () => {
    const c = await Connection.open(path);
    for (const [params, body, status] of [
      [usual(), chat(), 200],
      [usual({ HTTP_AUTHORIZATION: 'Bearer x' }), 'x'.repeat(300_000), 401],
      [usual({ REQUEST_METHOD: 'GET', REQUEST_URI: '/healthz',
        CONTENT_LENGTH: '' }), '', 200],
      [usual({ REQUEST_URI: '/v1/nowhere' }), 'x'.repeat(300_000), 404],
      [usual({ CONTENT_LENGTH: undefined }), 'no JSON', 400],
      [usual(), chat(), 200]]) {
      c.write(request(pairs(params), body, true));
      assert.equal((await c.answer()).status, status);
      assert.ok(!c.closed);
    }
    c.close();
  });

  test('silent and kept ones cost no worker', async () => {
    const idle = await Promise.all(Array.from({ length: 5 * WORKERS },
      () => Connection.open(path)));
    const kept = await Promise.all(Array.from({ length: 5 * WORKERS },
      async () => {
        const c = await Connection.open(path);
        c.write(request(pairs(usual()), chat(), true));
        assert.equal((await c.answer()).status, 200);
        return c;
      }));
    const at = performance.now();
    assert.equal((await ask(usual())).status, 200);
    assert.ok(performance.now() - at < 300);
    [...idle, ...kept].forEach((c) => c.close());
  });

  test('slow uploads hold up nobody for long', async () => {
    const slow = await Promise.all(Array.from({ length: 2 * WORKERS },
      async () => {
        const c = await Connection.open(path);
        c.write(Buffer.concat([begin(),
          record(TYPE.params, encode(pairs(usual()))), record(TYPE.params),
          record(TYPE.stdin, '{')]));
        return c;
      }));
    await sleep(50);
    const at = performance.now();
    assert.equal((await ask(usual())).status, 200);
    assert.ok(performance.now() - at < 3000);
    slow.forEach((c) => c.close());
    await lives();
  });

  test('an abort ends the call, the connection serves on', async () => {
    upstream.on('stuck', (call) => call.gone);
    const coming = upstream.next('stuck');
    const c = await Connection.open(path);
    c.write(request(pairs(usual({ CONTENT_LENGTH: '' })),
      chat({ model: 'openai/stuck' }), true));
    const call = await coming;
    c.write(record(TYPE.abort));
    await Promise.race([call.gone, sleep(1000).then(() => {
      throw new Error('not cancelled');
    })]);
    c.close();
    await lives();
  });
});

describe('a responder that is told to end', () => {
  const replaced = async (old) => {
    await until(`the end of ${old}`, async () => !await alive(old), 6000);
    await lives();
  };

  test('answers whom it has just accepted, closes who idles', async () => {
    const fresh = await Connection.open(path);
    const kept = await Connection.open(path);
    kept.write(request(pairs(usual()), chat(), true));
    assert.equal((await kept.answer()).status, 200);
    const [pid] = sluice.pids();
    process.kill(pid, 'SIGTERM');
    assert.equal(await kept.answer(), null);
    fresh.write(request(pairs(usual()), chat()));
    assert.equal((await fresh.answer()).status, 200);
    await replaced(pid);
  });

  test('does not wait for who neither speaks nor reads', async () => {
    const text = 'x'.repeat(5 << 20);
    const [pid] = sluice.pids();
    const silent = await Connection.open(path);
    const half = await Connection.open(path);
    half.write(begin());
    const deaf = await Connection.open(path);
    deaf.socket.pause();
    const coming = upstream.next('big');
    upstream.on('big', (call) => call.answer({ text }));
    deaf.write(request(pairs(usual({ CONTENT_LENGTH: '' })),
      chat({ model: 'openai/big' })));
    await coming;
    await sleep(200);
    const at = performance.now();
    process.kill(pid, 'SIGTERM');
    await replaced(pid);
    assert.ok(performance.now() - at < 5000, 'drain_s, and 2 s');
    [silent, half, deaf].forEach((c) => c.close());
  });
});

test('out of descriptors it rests, and serves again', async () => {
  const few = `${sluice.dir}/run/few.sock`;
  const child = spawn('/bin/sh', ['-c', 'ulimit -n 48; exec spawn-fcgi -n ' +
    `-s ${few} -b 1024 -- ${BIN}`], { stdio: 'ignore', ...sluice.opts.as,
    cwd: sluice.dir,
    env: { ...process.env, SLUICE_CONFIG: `${sluice.dir}/sluice.json` } });
  const ticks = () => {
    const stat = fs.readFileSync(`/proc/${child.pid}/stat`, 'utf8');
    const f = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(f[11]) + Number(f[12]);
  };
  const health = request([['REQUEST_METHOD', 'GET'],
    ['REQUEST_URI', '/healthz']]);
  try {
    await until('the socket', () => fs.existsSync(few));
    await sleep(200);
    const silent = await Promise.all(Array.from({ length: 100 },
      () => Connection.open(few)));
    await sleep(200);
    const before = ticks();
    await sleep(1000);
    assert.ok(ticks() - before < 20, 'does not spin');
    const c = await Connection.open(few);
    c.write(health);
    silent.forEach((s) => s.close());
    assert.equal((await c.answer()).status, 200);
    c.close();
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});

describe('as CGI', () => {
  const start = (env, body, stdout) => {
    const child = spawn(BIN, ['a=b'], { ...sluice.opts.as,
      cwd: sluice.dir, stdio: ['pipe', stdout, 'ignore'],
      env: { GATEWAY_INTERFACE: 'CGI/1.1', PATH: process.env.PATH,
        SLUICE_CONFIG: `${sluice.dir}/sluice.json`, ...env } });
    child.stdin.on('error', () => {});
    child.stdin.end(body);
    return child;
  };
  const cgi = async (env, body = '') => {
    const child = start(env, body, 'pipe');
    let out = '';
    child.stdout.on('data', (d) => { out += d; });
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
    return parse(out);
  };
  const CASES = [
    ['no variables', {}, '', 400],
    ['a whole request', usual(), chat(), 200],
    ['a body cut short', usual({ CONTENT_LENGTH: 5000 }), chat(), 400],
    ['CONTENT_LENGTH -1', usual({ CONTENT_LENGTH: -1 }), chat(), 200],
    ['no key', usual({ HTTP_AUTHORIZATION: '' }), chat(), 401],
    ['HTTP_PROXY of the client', usual({
      HTTP_PROXY: 'http://127.0.0.1:1' }), chat(), 200],
  ];
  for (const [name, env, body, status] of CASES)
    test(name, async () => {
      const got = await cgi(env, body);
      assert.equal(got.status, status, got.text);
    });

  // It pauses the provider; what takes it at once has to let it go on.
  test('a piece larger than what may queue, into a file', async () => {
    const body = chat({ stream: true, model: 'openai/large' });
    const file = `${sluice.dir}/run/answer`;
    const out = fs.openSync(file, 'w');
    upstream.on('large', (call) => call.answer({ text: 'x'.repeat(300_000) }));
    const [code] = await once(start(usual({}, body), body, out), 'close');
    fs.closeSync(out);
    assert.equal(code, 0);
    assert.match(fs.readFileSync(file, 'utf8'), /x{300000}.*DONE/s);
  });
});
