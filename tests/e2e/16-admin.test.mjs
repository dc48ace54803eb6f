// SPDX-License-Identifier: MIT
// The admin and self-service API: what an admin reads and changes, what any
// other key is refused, and that its figures are those of the ledger.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { ADMIN, administer } from './lib/admin.mjs';
import { startSluice, until } from './lib/sluice.mjs';
import { startUpstream } from './lib/upstream.mjs';

const SECRET = 'sk-team-secret-c0ffee';
const PAGE = 'https://page.example';

const upstream = await startUpstream();
const sluice = await startSluice({ upstream, conf: {
  auth: { admin_key: ADMIN },
  server: { cors_origins: [PAGE] },
  routes: { smart: { fallback: ['openai/gpt-broken', 'openai/gpt-5-mini'] } },
  models: { 'openai/gpt-broken': { price: { input: '1', output: '2' } } },
} });
after(async () => {
  await sluice.stop();
  upstream.stop();
});
upstream.on('gpt-broken', (call) => call.whole(
  { error: { message: 'broken' } }, 500));
upstream.on('gpt-5-mini', (call) => call.answer({ text: 'Hi' }));

const { api, get, problem } = administer(sluice);
const chat = (key, headers = {}, model = 'echo/echo') => sluice.request({ key,
  headers, body: { model, messages: [{ role: 'user', content: 'x' }] } });

const keys = {};
before(async () => {
  for (const name of ['ann', 'ben']) {
    const r = await api('POST', 'keys', { body: { name, account: `of-${name}`,
      rpm: 1000, budget: { usd: '5', per: 'month' } } });
    assert.equal(r.status, 201, r.text);
    keys[name] = r.json;
  }
  for (let i = 0; i < 6; i++)
    await chat(keys.ann.key, { 'x-sluice-user': `u${i % 2}`,
      'x-sluice-tags': 'app=web', 'x-sluice-task': 'sum' });
  await chat(keys.ben.key, { 'x-sluice-session': 's<b>"' });
  await chat(keys.ben.key, {}, 'smart');
});

describe('usage', () => {
  const summary = async (...args) => JSON.parse(await sluice.cli(
    ['ledger', 'summary', '--json', ...args]));

  for (const by of ['key', 'account', 'model', 'provider', 'tag', 'user',
    'task', 'session', 'route', 'key,model', 'user,task'])
    test(`by ${by} equals \`sluice ledger summary\``, async () => {
      const u = await get(`usage?by=${by}`);
      const s = await summary('--by', by);
      assert.deepEqual(u.by, by.split(','));
      assert.deepEqual(u.groups.map(({ other, ...g }) => g), s.groups);
      assert.deepEqual(u.total, s.total);
      assert.ok(u.groups.every((g) => g.other === false));
    });

  test('by interval and dimension adds up, and tells when', async () => {
    for (const interval of ['hour', 'day', 'week', 'month', 'none']) {
      const u = await get(`usage?interval=${interval}&by=user`);
      const calls = u.groups.reduce((n, g) => n + g.calls, 0);
      assert.equal(calls, 8, interval);
      assert.equal(u.total.calls, 8);
      for (const g of u.groups)
        assert.equal('start' in g, interval !== 'none');
      if (interval === 'hour')
        assert.equal(u.groups[0].start,
          `${new Date().toISOString().slice(0, 13)}:00:00Z`);
    }
  });

  test('tells apart no more than the top, and keeps the rest', async () => {
    const u = await get('usage?by=user&interval=day&top=1');
    assert.deepEqual(u.groups.map((g) => [g.user, g.other, g.calls])
      .sort((a, b) => a[1] - b[1]), [[null, false, 2], [null, true, 6]]);
  });

  test('filters by all that it groups by, and has times', async () => {
    for (const [filter, calls] of [['user=u1', 3], ['user=', 2],
      ['tag=app%3Dweb', 6], ['model=echo%2Fecho', 7], ['route=smart', 1],
      [`key=${keys.ben.id}`, 2], ['account=of-ann&user=u0', 3],
      ['session=s%3Cb%3E%22', 1], ['task=sum&user=u0&tag=app%3Dweb', 3]]) {
      const u = await get(`usage?${filter}`);
      assert.equal(u.total.calls, calls, filter);
    }
    const { total } = await get('usage?user=u1');
    assert.ok(total.duration_ms.p95 >= total.duration_ms.p50);
    assert.equal((await get('usage?user=nobody')).total.duration_ms.p50, null);
  });

  test('of absurd questions is a precise 400', async () => {
    for (const [query, param] of [['by=color', 'by'], ['by=key,key', 'by'],
      ['by=key,user,task', 'by'], ['by=day', 'by'], ['interval=year',
        'interval'], ['from=yesterday', 'from'], ['to=2026-13-01', 'to'],
      ['from=2026-02-01&to=2026-01-01', 'from'], ['to=1970-01-01', 'from'],
      ['from=1900-01-01', 'from'], ['to=9999-01-01', 'to'],
      ['interval=hour&from=2026-01-01', 'interval'], ['top=0', 'top'],
      ['top=-1', 'top'], ['top=1e9', 'top'], ['colour=red', 'colour'],
      ['user=a&user=b', 'user'], ['tag=', 'tag'],
      [`user=${'x'.repeat(600)}`, 'user']])
      problem(await api('GET', `usage?${query}`), 400, param);
    problem(await api('GET', 'usage?user=%zz'), 400);
  });
});

describe('requests', () => {
  test('come in pages, newest first, each once', async () => {
    const all = (await get('requests')).requests.map((r) => r.id);
    assert.equal(all.length, 8);
    assert.deepEqual(all, [...all].sort().reverse());
    const paged = [];
    let next = '';
    do {
      const page = await get(`requests?limit=3${next && `&cursor=${next}`}`);
      assert.ok(page.requests.length <= 3);
      paged.push(...page.requests.map((r) => r.id));
      next = page.next;
    } while (next);
    assert.deepEqual(paged, all);
  });

  test('are found by what they have, and do not have', async () => {
    for (const [filter, n] of [['user=u1', 3], ['user=', 2],
      ['tag=app%3Dweb', 6], ['tag=', 2], ['model=openai%2Fgpt-broken', 1],
      ['outcome=ok', 8], ['outcome=error', 0], ['status=200', 8],
      ['error=', 8], ['route=smart', 1], ['from=2099-01-01', 0]]) {
      const { requests } = await get(`requests?${filter}`);
      assert.equal(requests.length, n, filter);
    }
    for (const [query, param] of [['cursor=abc', 'cursor'], ['limit=0',
      'limit'], ['limit=201', 'limit'], ['limit=-1', 'limit'], ['page=2',
      'page'], ['outcome=good', 'outcome'], ['status=200x', 'status'], ['from=2026-02-01&to=2026-01-01', 'from']])
      problem(await api('GET', `requests?${query}`), 400, param);
  });

  test('are shown with all attempts and the prices they used', async () => {
    const [row] = (await get('requests?route=smart')).requests;
    const { request, prices } = await get(`requests/${row.id}`);
    assert.deepEqual(request, row);
    const rows = await sluice.ledger.rows();
    assert.deepEqual(rows.find((r) => r.id === row.id), row);
    assert.ok(row.attempts.length >= 2);
    assert.equal(prices.length, row.attempts.length);
    const priced = row.attempts.findIndex((a) => a.price);
    assert.equal(prices[priced].version, row.attempts[priced].price);
    assert.ok(prices[priced].price.input);
    for (const id of ['call_00000000000000000000000000', 'x'])
      problem(await api('GET', `requests/${id}`), 404);
  });
});

describe('keys', () => {
  test('are made, shown once, edited, rotated and revoked', async () => {
    const made = (await api('POST', 'keys', { body: { name: '<b>"k"</b>',
      owner: 'ann', models: ['echo/*'], tpm: 5000, cache: 'on',
      expires_at: '2099-01-01', may_route: true } })).json;
    assert.match(made.key, new RegExp(`^${made.id}-[a-z0-9]{40}$`));
    const { key, ...shown } = made;
    assert.deepEqual(await get(`keys/${made.id}`), shown);
    assert.ok((await get('keys')).keys.some((k) => k.id === made.id));
    assert.equal((await chat(key)).status, 200);
    assert.equal((await chat(key, {}, 'openai/gpt-5-mini')).status, 403);

    const edit = await api('PATCH', `keys/${made.id}`, { body: {
      models: null, name: 'k', cache: null, tpm: null } });
    assert.deepEqual(edit.json, { ...shown, models: null, name: 'k',
      cache: null, tpm: null });
    assert.equal((await chat(key, {}, 'openai/gpt-5-mini')).status, 200);

    const turned = (await api('POST', `keys/${made.id}/rotate`,
      { body: { grace_s: 60 } })).json;
    assert.notEqual(turned.key, key);
    assert.ok(turned.old_secret_until);
    assert.equal((await chat(key)).status, 200);
    const again = (await api('POST', `keys/${made.id}/rotate`,
      { body: {} })).json;
    assert.equal((await chat(turned.key)).status, 401);
    assert.equal((await chat(again.key)).status, 200);

    const gone = await api('DELETE', `keys/${made.id}`);
    assert.equal(gone.json.state, 'revoked');
    assert.equal((await chat(again.key)).status, 401);
    problem(await api('GET', 'usage', { key: again.key }), 401);
    problem(await api('PATCH', `keys/${made.id}`, { body: { name: 'x' } }),
      400);
  });

  test('refuse what makes no sense', async () => {
    for (const [body, param] of [[{}, 'name'], [{ name: '' }, 'name'],
      [{ name: 'x', rpm: -1 }, 'rpm'], [{ name: 'x', rpm: '5' }, 'rpm'],
      [{ name: 'x', models: 'a' }, 'models'], [{ name: 'x', models: [1] },
        'models'], [{ name: 'x', expires_at: '2001-01-01' }, 'expires_at'],
      [{ name: 'x', cache: 'maybe' }, 'cache'], [{ name: 'x', hash: '0' },
        'hash'], [{ name: 'x', budget: { usd: '1', per: 'year' } },
        'budget.per'], [{ name: 'x', budget: { usd: '-1', per: 'day' } },
        'budget.usd'], [{ name: 'x'.repeat(600) }, 'name'],
      [{ name: 'a\nb' }, 'name'], [{ name: 'x', admin: 'yes' }, 'admin']])
      problem(await api('POST', 'keys', { body }), 400, param);
    for (const body of ['{', '[]', '"x"', '{"name":"a","name":"b"}'])
      problem(await api('POST', 'keys', { body }), 400);
    for (const [method, path] of [['GET', 'keys/sk-sl-nobody'],
      ['PATCH', 'keys/sk-sl-nobody'], ['POST', 'keys/sk-sl-nobody/rotate'],
      ['DELETE', 'keys/sk-sl-nobody']])
      problem(await api(method, path, { body: method === 'GET' ? undefined
        : method === 'PATCH' ? { name: 'x' } : {} }), 404);
  });
});

describe('accounts and budgets', () => {
  test('a credential goes in and never comes out', async () => {
    assert.equal((await api('POST', 'accounts', { body: { name: 'of-ann' } }))
      .status, 201);
    problem(await api('POST', 'accounts', { body: { name: 'of-ann' } }), 400);
    problem(await api('POST', 'accounts', { body: { name: 'a/b' } }), 400,
      'name');
    const set = await api('PUT', 'accounts/of-ann/credentials/openai',
      { body: { key: SECRET } });
    assert.deepEqual(set.json.credentials.map((c) => c.provider), ['openai']);
    problem(await api('PUT', 'accounts/of-ann/credentials/nobody',
      { body: { key: SECRET } }), 404);
    problem(await api('PUT', 'accounts/of-ann/credentials/openai',
      { body: { key: ' ' } }), 400, 'key');
    assert.equal((await api('PATCH', 'accounts/of-ann',
      { body: { allow_shared: false } })).json.allow_shared, false);
    for (const path of ['accounts', 'accounts/of-ann', 'audit'])
      assert.ok(!JSON.stringify(await get(path)).includes(SECRET), path);
    const none = await api('DELETE', 'accounts/of-ann/credentials/openai');
    assert.deepEqual(none.json.credentials, []);
    problem(await api('GET', 'accounts/nobody'), 404);
  });

  test('budgets are set, stand, and go', async () => {
    const b = (await api('PUT', 'budgets', { body: { scope: 'tag',
      name: 'app=web', per: 'day', usd: 2.5, alert_pct: 80 } })).json;
    assert.deepEqual([b.limit_usd, b.left_usd, b.alert_pct],
      ['2.5', '2.5', 80]);
    const cli = JSON.parse(await sluice.cli(['budget', 'list', '--json']));
    assert.deepEqual((await get('budgets')).budgets, cli);
    assert.deepEqual((await get('budgets?scope=tag')).budgets, [b]);
    const path = 'budgets?scope=tag&name=app%3Dweb&per=day';
    assert.equal((await api('DELETE', path)).status, 204);
    problem(await api('DELETE', path), 404);
    for (const [body, param] of [[{}, 'scope'], [{ scope: 'x', name: 'y',
      per: 'day', usd: '1' }, 'scope'], [{ scope: 'key', name: 'y',
      per: 'eon', usd: '1' }, 'per'], [{ scope: 'key', name: 'y',
      per: 'day', usd: 'much' }, 'usd'], [{ scope: 'key', name: 'y',
      per: 'day', usd: '1', alert_pct: 101 }, 'alert_pct']])
      problem(await api('PUT', 'budgets', { body }), 400, param);
  });

  test('me, models and health say what there is', async () => {
    assert.deepEqual(await get('me').then((m) => [m.admin, m.all]),
      [true, true]);
    const me = await get('me', keys.ann.key);
    assert.deepEqual([me.admin, me.all, me.key.id],
      [false, false, keys.ann.id]);
    const { models, routes } = await get('models');
    assert.deepEqual(routes, ['smart']);
    const mini = models.find((m) => m.id === 'openai/gpt-5-mini');
    assert.ok(mini.price.input && mini.context && mini.can.includes('tools'));
    assert.ok((await get('health')).targets.length >= 1);
  });
});

describe('a key that is no admin', () => {
  // Every endpoint with what belongs to somebody else.
  const foreign = () => [['GET', `keys/${keys.ben.id}`, 404],
    ['GET', 'accounts/of-ben', 404], ['GET', `usage?key=${keys.ben.id}`, 404],
    ['GET', `requests?key=${keys.ben.id}`, 404], ['GET', 'audit', 403],
    ['GET', 'cache', 403], ['DELETE', 'cache', 403],
    ['POST', 'keys', 403], ['PATCH', `keys/${keys.ben.id}`, 403],
    ['PATCH', `keys/${keys.ann.id}`, 403],
    ['POST', `keys/${keys.ben.id}/rotate`, 403],
    ['DELETE', `keys/${keys.ben.id}`, 403], ['POST', 'accounts', 403],
    ['PATCH', 'accounts/of-ann', 403], ['DELETE', 'accounts/of-ann', 403],
    ['PUT', 'accounts/of-ann/credentials/openai', 403],
    ['DELETE', 'accounts/of-ann/credentials/openai', 403],
    ['PUT', 'budgets', 403],
    ['DELETE', `budgets?scope=key&name=${keys.ann.id}`, 403]];

  test('reaches nothing of another one', async () => {
    const key = keys.ann.key;
    for (const [method, path, status] of foreign())
      problem(await api(method, path, { key, body: method === 'GET'
        ? undefined : { name: 'x', key: 'x', admin: true, allow_shared: true,
          scope: 'key', per: 'day', usd: '1' } }), status);
    const theirs = (await get(`requests?key=${keys.ben.id}`)).requests;
    assert.equal(theirs.length, 2);
    for (const r of theirs)
      problem(await api('GET', `requests/${r.id}`, { key }), 404);
  });

  test('sees its own, and of nothing else a trace', async () => {
    const key = keys.ann.key;
    for (const path of ['me', 'usage?by=key,model', 'usage?by=account',
      'usage?by=user&interval=hour', 'usage?by=session', 'usage?account=of-ben',
      'usage?by=route,task', 'requests', 'requests?account=of-ben', 'keys',
      'accounts', 'budgets', `requests?cursor=${(await get('requests?limit=1'))
        .requests[0].id}`]) {
      const text = JSON.stringify(await get(path, key));
      assert.ok(!text.includes(keys.ben.id) && !text.includes('s<b>') &&
        !/"(name|account)":"of-ben"/.test(text), `${path}: ${text}`);
    }
    const u = await get('usage?by=model', key);
    assert.equal(u.total.calls, 6);
    assert.equal((await get('usage?account=of-ben', key)).total.calls, 0);
    assert.equal((await get('requests', key)).requests.length, 6);
    assert.deepEqual((await get('keys', key)).keys.map((k) => k.id),
      [keys.ann.id]);
    assert.deepEqual((await get('budgets', key)).budgets.map((b) => b.name),
      [keys.ann.id]);
  });

  test('without a key, with a wrong or an expired one, is 401', async () => {
    for (const key of [null, 'nonsense', `${keys.ann.key}x`])
      for (const path of ['me', 'usage', 'requests', 'keys', 'models'])
        problem(await api('GET', path, { key }), 401);
  });
});

describe('an expired key', () => {
  test('reads nothing any more, and is told why', async () => {
    const made = (await api('POST', 'keys', { body: { name: 'short',
      expires_at: new Date(Date.now() + 700).toISOString() } })).json;
    await get('usage', made.key);
    const r = await until('it expires', async () => {
      const r = await api('GET', 'usage', { key: made.key });
      return r.status !== 200 && r;
    });
    problem(r, 401);
    assert.match(r.json.detail, /expired/);
    assert.equal((await get(`keys/${made.id}`)).state, 'expired');
  });
});

describe('questions that take long', () => {
  test('leave a worker for calls', async () => {
    const slow = Array.from({ length: 12 }, (_, i) =>
      api('GET', `usage?by=user,task&interval=hour&top=${i + 1}`));
    const calls = Array.from({ length: 12 }, () => chat(keys.ben.key));
    for (const r of await Promise.all(calls))
      assert.equal(r.status, 200);
    for (const r of await Promise.all(slow)) {
      if (r.status === 503)
        assert.equal(r.headers['retry-after'], '1');
      else
        assert.equal(r.status, 200);
    }
  });
});

describe('without auth.required, as plain CGI', () => {
  let open;
  before(async () => {
    open = await startSluice({ mode: 'cgi', conf: {
      auth: { required: false, admin_key: ADMIN } } });
    await open.request({ key: null, body: { model: 'echo/echo',
      messages: [{ role: 'user', content: 'x' }] } });
  });
  after(() => open.stop());
  const ask = (method, path, key, body) => open.request(
    { method, path: `/sluice/v1/${path}`, key, body });

  test('everybody reads, an admin writes', async () => {
    const me = (await ask('GET', 'me', null)).json;
    assert.deepEqual([me.admin, me.all, me.key], [false, true, null]);
    await until('the call is there', async () =>
      (await ask('GET', 'requests', null)).json.requests.length === 1);
    assert.equal((await ask('GET', 'usage', null)).json.total.calls, 1);
    problem(await ask('POST', 'keys', null, { name: 'x' }), 403);
    problem(await ask('GET', 'audit', null), 403);
    const made = await ask('POST', 'keys', ADMIN, { name: 'x' });
    assert.equal(made.status, 201);
    assert.equal((await ask('GET', 'usage', made.json.key)).json.total.calls,
      0);
    problem(await ask('GET', 'usage', 'sk-sl-wrong'), 401);
    assert.equal((await ask('GET', 'audit', ADMIN)).json.entries[0].action,
      'key.create');
  });
});

describe('writing', () => {
  const body = { name: 'csrf' };
  const write = (headers, more = {}) => api('POST', 'keys',
    { body, headers, ...more });

  test('from a page of another origin is refused', async () => {
    const own = `http://127.0.0.1:${sluice.port}`;
    for (const origin of ['https://evil.example', 'null', `${own}.evil`,
      `http://127.0.0.1:${sluice.port + 1}`])
      problem(await write({ origin }), 403);
    for (const origin of [own, PAGE])
      assert.equal((await write({ origin })).status, 201, origin);
    const r = await write({ origin: PAGE });
    assert.equal(r.headers['access-control-allow-origin'], PAGE);
    problem(await api('DELETE', `keys/${r.json.id}`,
      { headers: { origin: 'https://evil.example' } }), 403);
  });

  test('takes JSON alone, by the right method', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded',
      'multipart/form-data', 'application/jsonp'])
      problem(await write({ 'content-type': type }), 415);
    for (const [method, path, allow] of [['DELETE', 'keys', 'GET, HEAD, POST'],
      ['POST', 'usage', 'GET, HEAD'], ['GET', 'keys/x/rotate', 'POST'],
      ['PUT', 'me', 'GET, HEAD']]) {
      const r = await api(method, path);
      problem(r, 405);
      assert.equal(r.headers.allow, `${allow}, OPTIONS`);
    }
    for (const path of ['nothing', 'keys/a/b', 'accounts/a/b/c'])
      problem(await api('GET', path), 404);
    problem(await write({}, { body: JSON.stringify({ name: 'x',
      owner: 'y'.repeat(2 << 20) }) }), 413);
    const options = await api('OPTIONS', 'keys', { key: null,
      headers: { origin: PAGE } });
    assert.equal(options.status, 204);
    assert.equal(options.headers['access-control-allow-methods'],
      'GET, HEAD, POST, OPTIONS');
    const head = await api('HEAD', 'usage');
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.equal(head.headers['cache-control'], 'no-store');
  });

  test('is in the audit log, refusals too, secrets not', async () => {
    const seen = [];
    let next = '';
    do {
      const page = await get(`audit?limit=7${next && `&cursor=${next}`}`);
      seen.push(...page.entries);
      next = page.next;
    } while (next);
    const lines = fs.readFileSync(`${sluice.dir}/data/audit.log`, 'utf8')
      .trim().split('\n').map((l) => JSON.parse(l)).reverse();
    assert.deepEqual(seen, lines);
    const actions = new Set(seen.map((e) => e.action));
    for (const action of ['key.create', 'key.edit', 'key.rotate', 'key.revoke',
      'account.create', 'account.edit', 'credential.set', 'credential.remove',
      'budget.set', 'budget.remove'])
      assert.ok(actions.has(action), action);
    const made = seen.find((e) => e.target === keys.ann.id);
    assert.deepEqual([made.key, made.action, made.status, made.remote],
      ['admin', 'key.create', 201, '127.0.0.1']);
    assert.equal(made.change.name, 'ann');
    assert.ok(seen.some((e) => e.action === 'key.create' && e.status === 400));
    const text = JSON.stringify(seen);
    assert.ok(!text.includes(SECRET) && !text.includes(keys.ann.key));
    for (const cursor of ['x', '1-', '-1', 'ffff-0', '1-zz'])
      problem(await api('GET', `audit?cursor=${cursor}`), 400, 'cursor');
  });
});
