// SPDX-License-Identifier: MIT
// /metrics beside the ledger, for a pool and for plain CGI, read by
// Prometheus' own parser; traces to a collector that takes, dawdles or is
// dead; the access log.

import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { pusd } from './lib/ledger.mjs';
import { freePort, SECRET, startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';
import { fail, say } from './lib/routes.mjs';

const METRICS_KEY = 'for-prometheus-only-0123456789';
const CANARY = 'canary-of-a-prompt';
const upstream = await startUpstream();
after(() => upstream.stop());
upstream.on('gpt-5', (c) => c.answer({ text: 'Good day',
  usage: { input: 1200, output: 34 } }));
upstream.on('claude-haiku-4-5', say('Bonjour'));
upstream.on('gpt-5-mini', fail(500));
upstream.on('gpt-4o', fail(400));

const body = (model, more = {}) => ({ model, ...more,
  messages: [{ role: 'user', content: CANARY }] });

const start = (opts, conf = {}) => startSluice({ upstream, ...opts, conf: {
  metrics: { key: METRICS_KEY },
  routes: { spare: { fallback: ['openai/gpt-5-mini',
    'anthropic/claude-haiku-4-5'] } },
  ...conf } });

const scrape = async (sluice, headers = {}) => {
  const got = await sluice.request({ method: 'GET', path: '/metrics',
    key: METRICS_KEY, headers });
  assert.equal(got.status, 200, got.text);
  return got.text;
};

// [{ name, labels, value }]
const samples = (text) => [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)]
  .map(([, name, labels, value]) => ({ name, value, labels:
    Object.fromEntries([...(labels ?? '').matchAll(/(\w+)="([^"]*)"/g)]
      .map(([, k, v]) => [k, v])) }));

// Sums of one metric by some of its labels: { 'a b': sum }.
const summed = (all, name, by, number = Number) => {
  const sums = {};
  for (const s of all.filter((one) => one.name === name)) {
    const key = by.map((l) => s.labels[l] ?? '').join(' ');
    sums[key] = (sums[key] ?? number('0')) + number(s.value);
  }
  return sums;
};

const tally = (items, key, n = () => 1) => {
  const sums = {};
  for (const i of items)
    sums[key(i)] = sums[key(i)] === undefined ? n(i) : sums[key(i)] + n(i);
  return sums;
};

async function promtool(text) {
  const got = spawnSync('promtool', ['check', 'metrics'],
    { input: text, encoding: 'utf8' });
  assert.equal(got.error, undefined);
  assert.equal(got.stdout + got.stderr, '');
  assert.equal(got.status, 0);
}

const nothing = (sums) => Object.fromEntries(
  Object.entries(sums).filter(([, v]) => v));

function compare(all, rows) {
  const attempts = rows.flatMap((r) => r.attempts);
  const target = (a) => `${a.provider} ${a.model}`;

  assert.deepEqual(
    summed(all, 'sluice_requests_total', ['endpoint', 'outcome']),
    tally(rows, (r) => `${r.endpoint} ${r.outcome}`));
  assert.deepEqual(summed(all, 'sluice_errors_total', ['error']),
    tally(rows.filter((r) => r.error), (r) => r.error));
  assert.deepEqual(
    summed(all, 'sluice_attempts_total', ['provider', 'role', 'outcome']),
    tally(attempts, (a) => `${a.provider} ${a.role} ${a.outcome}`));
  for (const type of ['input', 'cache_read', 'output', 'reasoning'])
    assert.deepEqual(nothing(summed(all.filter((s) => s.labels.type === type),
      'sluice_tokens_total', ['provider'])),
    nothing(tally(attempts, (a) => a.provider, (a) => a.usage[type])), type);
  assert.deepEqual(
    nothing(summed(all, 'sluice_cost_usd_total', ['provider', 'model'], pusd)),
    nothing(tally(attempts.filter((a) => a.cost_usd !== null), target,
      (a) => pusd(a.cost_usd))));
  assert.equal(summed(all, 'gen_ai_client_operation_duration_seconds_count',
    [])[''], attempts.length);
  assert.equal(summed(all, 'sluice_request_duration_seconds_count', [])[''],
    rows.length);
}

for (const mode of ['fastcgi', 'cgi'])
  describe(`metrics, ${mode}`, async () => {
    const sluice = await start({ mode, procs: 4 });
    after(() => sluice.stop());
    const calls = [
      { path: '/v1/chat/completions', body: body('openai/gpt-5') },
      { path: '/v1/chat/completions', body: body('openai/gpt-5',
        { stream: true }) },
      { path: '/v1/messages', body: body('openai/gpt-5',
        { max_tokens: 99 }) },
      { path: '/v1/messages', body: body('anthropic/claude-haiku-4-5',
        { max_tokens: 99, stream: true }) },
      { path: '/v1/chat/completions', body: body('spare') },
      { path: '/v1/chat/completions', body: body('openai/gpt-4o') },
      { path: '/v1/chat/completions', body: body('openai/' + 'x'.repeat(200)) },
      { path: '/v1/chat/completions', body: body('nowhere/at-all') },
      { path: '/v1/chat/completions', body: '{' },
    ];

    test('all counters equal the sums of the ledger', async () => {
      for (let round = 0; round < 4; round++)
        await Promise.all(calls.map((c) => sluice.request(c)));
      const text = await scrape(sluice);
      await promtool(text);
      const rows = await sluice.ledger.rows();
      assert.equal(rows.length, 4 * calls.length);
      compare(samples(text), rows);
    });

    test('and do so when responders have been killed', async () => {
      for (const pid of sluice.pids().slice(0, 2))
        process.kill(pid, 'SIGKILL');
      await until('calls are answered', async () =>
        (await sluice.request(calls[0])).status === 200);
      compare(samples(await scrape(sluice)), await sluice.ledger.rows());
    });

    test('a model that nobody knows is "other"', async () => {
      assert.doesNotMatch(await scrape(sluice), /_total\{.*xxxx/);
    });

    test('who is turned away is counted apart', async () => {
      await sluice.request({ ...calls[0], key: 'sk-wrong' });
      await sluice.request({ method: 'GET', path: '/v1/nothing' });
      const all = samples(await scrape(sluice));
      const sums = summed(all, 'sluice_rejected_total', ['error']);
      assert.equal(sums.invalid_api_key, 1);
      assert.equal(sums.not_found, 1);
    });

    test('breakers and the store are looked at', async () => {
      const all = samples(await scrape(sluice));
      const value = (name, labels = {}) => all.find((s) => s.name === name &&
        Object.entries(labels).every(([k, v]) => s.labels[k] === v))?.value;
      const health = (await sluice.request({ method: 'GET',
        path: '/sluice/v1/health' })).json.targets;
      for (const t of health) {
        const [provider, model] = t.target.split('/');
        assert.equal(value('sluice_breaker_state', { provider, model }),
          { closed: '0', 'half-open': '1', open: '2' }[t.state]);
      }
      assert.equal(value('sluice_store_status'), '0');
      assert.ok(Number(value('sluice_store_disk_free_bytes')) > 0);
      assert.ok(Number(value('sluice_store_ingested_records_total')) > 0);
    });

    test('OpenMetrics, if that is asked for', async () => {
      const got = await sluice.request({ method: 'GET', path: '/metrics',
        key: METRICS_KEY, headers: { accept:
          'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' } });
      assert.match(got.headers['content-type'],
        /^application\/openmetrics-text; version=1\.0\.0/);
      assert.match(got.text, /^# TYPE sluice_requests counter$/m);
      assert.match(got.text, /\n# EOF\n$/);
      const plain = await sluice.request({ method: 'GET', path: '/metrics',
        key: METRICS_KEY });
      assert.match(plain.headers['content-type'],
        /^text\/plain; version=0\.0\.4/);
    });
  });

describe('who may read', async () => {
  const admin = 'an-admin-key-of-the-configuration';
  const sluice = await start({}, { auth: { admin_key: admin } });
  after(() => sluice.stop());
  const get = (key, path = '/metrics') =>
    sluice.request({ method: 'GET', path, key });

  test('metrics.key and admins, nobody else', async () => {
    assert.equal((await get(METRICS_KEY)).status, 200);
    assert.equal((await get(admin)).status, 200);
    assert.equal((await get(null)).status, 401);
    assert.equal((await get(sluice.key)).status, 403);
    assert.equal((await get(METRICS_KEY.slice(1))).status, 401);
  });

  test('metrics.key opens nothing else', async () => {
    assert.equal((await get(METRICS_KEY, '/v1/models')).status, 401);
    assert.equal((await sluice.request({ key: METRICS_KEY,
      body: body('openai/gpt-5') })).status, 401);
  });

  test('without auth.required it is open, unless there is a metrics.key',
    async () => {
      const open = await startSluice({ key: false,
        conf: { auth: { required: false } } });
      const closed = await start({ key: false },
        { auth: { required: false } });
      const status = async (s, key) => (await s.request({ method: 'GET',
        path: '/metrics', key })).status;
      assert.equal(await status(open, null), 200);
      assert.equal(await status(closed, null), 401);
      assert.equal(await status(closed, METRICS_KEY), 200);
      await open.stop();
      await closed.stop();
    });
});

// --- traces ---

// answer(res) decides what becomes of a request.
async function collector(answer) {
  const got = { requests: [], spans: [], open: 0 };
  const server = http.createServer(async (req, res) => {
    const parts = [];
    got.open++;
    res.on('error', () => {});
    for await (const part of req)
      parts.push(part);
    const text = Buffer.concat(parts).toString();
    got.requests.push({ path: req.url, headers: req.headers, text });
    await answer(res, got);
    if (res.statusCode === 200 && res.writableEnded)
      got.spans.push(...JSON.parse(text).resourceSpans
        .flatMap((r) => r.scopeSpans).flatMap((s) => s.spans));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  got.url = `http://127.0.0.1:${server.address().port}`;
  got.stop = () => {
    server.closeAllConnections();
    server.close();
  };
  after(got.stop);
  return got;
}

const take = (res) => res.end('{}');
const attributes = (span) => Object.fromEntries(span.attributes.map(
  ({ key, value }) => [key, Object.values(value)[0]]));
const dropped = async (sluice) => summed(samples(await scrape(sluice)),
  'sluice_trace_spans_total', ['result']);

for (const mode of ['fastcgi', 'cgi'])
  describe(`traces, ${mode}`, async () => {
    const taker = await collector(take);
    const sluice = await start({ mode, procs: 2 }, { telemetry: {
      otlp_endpoint: taker.url,
      otlp_headers: 'authorization=Bearer%20of-the-collector,x-scope=a' } });
    after(() => sluice.stop());
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const parent = '00f067aa0ba902b7';
    const call = async (more = {}, headers = {}) => {
      const got = await sluice.request({ body: body('spare', more),
        headers: { 'x-sluice-user': 'user-canary', ...headers } });
      assert.equal(got.status, 200, got.text);
      return got.headers['x-request-id'];
    };
    const spansOf = (id) => until('its spans come', () => {
      const root = taker.spans.find(
        (s) => attributes(s)['sluice.call.id'] === id);
      return root && [root, ...taker.spans.filter(
        (s) => s.parentSpanId === root.spanId)];
    });

    test('a call and its attempts, below what the client says', async () => {
      const id = await call({ stream: true },
        { traceparent: `00-${trace}-${parent}-01` });
      // a try, another, then the next of the chain
      const [root, first, retry, last] = await spansOf(id);
      assert.equal(root.traceId, trace);
      assert.equal(root.parentSpanId, parent);
      assert.equal(root.kind, 2);
      const of = attributes(root);
      assert.equal(of['http.response.status_code'], '200');
      assert.equal(of['sluice.outcome'], 'ok');
      assert.equal(of['sluice.route'], 'spare');
      assert.equal(attributes(first)['error.type'], 'provider_unavailable');
      assert.equal(first.status.code, 2);
      assert.equal(attributes(retry)['sluice.role'], 'retry');
      assert.equal(last.name, 'chat claude-haiku-4-5');
      assert.equal(last.traceId, trace);
      const row = await sluice.ledger.waitForRow(id);
      assert.equal(attributes(last)['gen_ai.usage.output_tokens'],
        String(row.attempts.at(-1).usage.output));
      assert.equal(of['sluice.cost_usd'], Number(row.cost_usd));
      for (const s of [first, retry, last])
        assert.ok(BigInt(s.startTimeUnixNano) >=
          BigInt(root.startTimeUnixNano) && BigInt(s.endTimeUnixNano) <=
          BigInt(root.endTimeUnixNano));
    });

    test('a trace of its own without traceparent, none if not sampled',
      async () => {
        const quiet = await call({}, {
          traceparent: `00-${trace}-${parent}-00` });
        const loud = await call({}, { traceparent: 'nonsense' });
        const [root] = await spansOf(loud);
        assert.notEqual(root.traceId, trace);
        assert.equal(root.parentSpanId, undefined);
        assert.ok(!taker.spans.some(
          (s) => attributes(s)['sluice.call.id'] === quiet));
      });

    test('a refused call, too', async () => {
      const got = await sluice.request({ body: body('nowhere/at-all') });
      const [root, ...none] = await spansOf(got.headers['x-request-id']);
      assert.equal(attributes(root)['error.type'], 'model_not_found');
      assert.deepEqual(none, []);
    });

    test('the configured headers, no body, no secret, no user', () => {
      assert.ok(taker.requests.length > 0);
      for (const r of taker.requests) {
        assert.equal(r.path, '/v1/traces');
        assert.equal(r.headers.authorization, 'Bearer of-the-collector');
        assert.equal(r.headers['x-scope'], 'a');
        assert.equal(r.headers['content-type'], 'application/json');
        for (const word of [CANARY, 'user-canary', 'Bonjour', SECRET.openai,
          SECRET.anthropic, sluice.key])
          assert.ok(!r.text.includes(word), word);
      }
    });

    test('what was sent is counted', async () => {
      const sums = await until('both agree', async () => {
        const now = await dropped(sluice);
        return now.sent === taker.spans.length && now;
      });
      assert.deepEqual(Object.keys(sums), ['sent']);
    });
  });

for (const mode of ['fastcgi', 'cgi'])
  test(`a shadow's call is below the client's, a judge's is its own, ${mode}`,
    async (t) => {
      const taker = await collector(take);
      const sluice = await start({ mode }, {
        telemetry: { otlp_endpoint: taker.url },
        models: { 'openai/gpt-5-judge': { price: { input: '1', output: '1' } } },
        routes: { trial: { experiment: 'words' } },
        experiments: { words: { arms: ['openai/gpt-5',
          'anthropic/claude-haiku-4-5'], judge: 'openai/gpt-5-judge',
        sample: 1 } } });
      t.after(() => sluice.stop());
      const side = { correct: 7, helpful: 7, clear: 7 };
      upstream.on('gpt-5-judge', say(JSON.stringify({ first: side,
        second: side, reason: 'alike' })));
      const got = await sluice.request({ body: body('trial') });
      const named = (name) => taker.spans.filter((s) => s.name === name);
      await until('a shadow', () => named('shadow').length === 1);
      if (mode === 'cgi')
        await sluice.cli(['judge']);
      await until('both orders are judged', () => named('judge').length === 2);
      const root = taker.spans.find((s) =>
        attributes(s)['sluice.call.id'] === got.headers['x-request-id']);
      const [shadow] = named('shadow');
      assert.equal(shadow.kind, 1);
      assert.equal(shadow.traceId, root.traceId);
      assert.equal(shadow.parentSpanId, root.spanId);
      const below = (span) => taker.spans.filter(
        (s) => s.parentSpanId === span.spanId);
      assert.equal(attributes(below(shadow)[0])['sluice.role'], 'shadow');
      for (const s of named('judge')) {
        assert.equal(s.parentSpanId, undefined);
        assert.equal(attributes(below(s)[0])['sluice.role'], 'judge');
      }
    });

for (const mode of ['fastcgi', 'cgi'])
  describe(`a collector that fails, ${mode}`, async () => {
    test('one that never answers holds up nobody', async () => {
      const silent = await collector(() => {});
      const sluice = await start({ mode, procs: 1 },
        { telemetry: { otlp_endpoint: silent.url } });
      const first = await sluice.request({ body: body('openai/gpt-5') });
      assert.equal(first.status, 200);
      await until('it has been asked', () => silent.open > 0);
      for (let i = 0; i < 10; i++) {
        const got = await sluice.request({ body: body('openai/gpt-5',
          { stream: i % 2 === 0 }) });
        assert.equal(got.status, 200);
        assert.ok(got.complete);
      }
      assert.equal(silent.spans.length, 0);
      // neither at the end
      await sluice.stop();
    });

    test('one that is dead costs spans only, and they are counted',
      async () => {
        const sluice = await start({ mode, procs: 1 }, { telemetry: {
          otlp_endpoint: `http://127.0.0.1:${await freePort()}` } });
        for (let i = 0; i < 5; i++)
          assert.equal((await sluice.request(
            { body: body('openai/gpt-5') })).status, 200);
        await until('they are given up', async () =>
          (await dropped(sluice)).dropped_failed === 10, 10_000);
        assert.match(sluice.log(), /"event":"traces"/);
        await sluice.stop();
      });
  });

test('a collector that is busy is asked again', async () => {
  let asked = 0;
  const busy = await collector((res) => {
    res.statusCode = asked++ === 0 ? 503 : 200;
    res.end('{}');
  });
  const sluice = await start({}, { telemetry: {
    otlp_endpoint: `${busy.url}/v1/traces` } });
  await sluice.request({ body: body('openai/gpt-5') });
  await until('the spans arrive', () => busy.spans.length === 2, 10_000);
  assert.equal(busy.requests[1].path, '/v1/traces');
  assert.equal(busy.requests[1].text, busy.requests[0].text);
  await sluice.stop();
});

// --- the access log ---

for (const mode of ['fastcgi', 'cgi'])
  test(`the access log has one line for each call, ${mode}`, async () => {
    const sluice = await start({ mode });
    const file = `${sluice.dir}/sluice.log`;
    const lines = (name = file) => fs.readFileSync(name, 'utf8').split('\n')
      .filter(Boolean).map((l) => JSON.parse(l))
      .filter((l) => l.event === 'call');
    const ask = async (n) => (await Promise.all(Array.from({ length: n },
      (_, i) => sluice.request({ body: body(i % 2 ? 'spare' : 'openai/gpt-5'),
        headers: { 'x-sluice-user': `"<b>\u00e9${'u'.repeat(5000)}` } }))))
      .map((got) => got.headers['x-request-id']).sort();
    const ids = await ask(20);
    assert.deepEqual(lines().map((l) => l.id).sort(), ids);
    const rows = await sluice.ledger.rows();
    for (const l of lines()) {
      const row = rows.find((r) => r.id === l.id);
      for (const k of ['status', 'outcome', 'cost_usd', 'duration_ms',
        'answered', 'key'])
        assert.deepEqual(l[k], row[k], k);
      assert.equal(l.attempts, row.attempts.length);
    }
    for (const text of fs.readFileSync(file, 'utf8').split('\n'))
      assert.ok(text.length < 4096 && !text.includes(CANARY));
    // what logrotate does: create, then copytruncate
    fs.renameSync(file, `${file}.old`);
    const next = await ask(6);
    assert.deepEqual(lines().map((l) => l.id).sort(), next);
    assert.deepEqual(lines(`${file}.old`).map((l) => l.id).sort(), ids);
    fs.truncateSync(file);
    const last = await ask(6);
    assert.deepEqual(lines().map((l) => l.id).sort(), last);
    await sluice.stop();
  });
