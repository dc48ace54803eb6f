// SPDX-License-Identifier: MIT
// `sluice check --url`: what a web server does wrong is recognised through
// it, and the advice is for that server.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { starting } from './lib/sluice.mjs';

const start = starting();

// All findings of a check: { about: { severity, problem, fix } }.
async function check(s, url, env = {}) {
  Object.assign(process.env, env);
  const out = await s.cli(['check', '--json', '--url', url])
    .catch((e) => e.stdout);
  for (const name of Object.keys(env))
    delete process.env[name];
  const said = JSON.parse(out);
  const found = Object.fromEntries(said.findings.map((f) => [f.about, f]));
  assert.equal(said.ok, said.findings.length === 0);
  return found;
}

// A web server that passes everything on to sluice, but for what `spoil` does:
//	strip: header   removed from requests
//	hold: true      an answer leaves when it is complete
//	limit: bytes    larger bodies get an HTML page
//	serve: path     answered with a file
//	redirect: url   everything goes there
async function spoiledServer(port, name, spoil) {
  const server = http.createServer((req, res) => {
    const headers = { ...req.headers };
    delete headers[spoil.strip];
    res.setHeader('server', name);
    if (spoil.redirect)
      return res.writeHead(301, { location: spoil.redirect }).end();
    if (req.url === spoil.serve?.[0])
      return res.end(fs.readFileSync(spoil.serve[1]));
    if (Number(headers['content-length']) > spoil.limit) {
      req.resume();
      return res.writeHead(413).end('<html>too large</html>');
    }
    const up = http.request({ port, path: req.url, method: req.method,
      headers }, (from) => {
      const head = { ...from.headers, server: name };
      delete head['transfer-encoding'];
      if (!spoil.hold)
        return from.pipe(res.writeHead(from.statusCode, head));
      const parts = [];
      from.on('data', (d) => parts.push(d));
      from.on('end', () => res.writeHead(from.statusCode, head)
        .end(Buffer.concat(parts)));
    });
    req.pipe(up);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

for (const mode of ['fastcgi', 'cgi'])
  test(`${mode}: a server that is set up right has no findings`, async () => {
    const s = await start({ mode });
    assert.deepEqual(await check(s, `${s.url}/`), {});
    const text = await s.cli(['check', '--url', s.url]);
    assert.ok(text.includes(`url            ${s.url}: works as it should\n`));
    const keys = JSON.parse(await s.cli(['key', 'list', '--json']));
    const made = keys.filter((k) => /check/.test(k.name));
    assert.equal(made.length, 2);
    assert.ok(made.every((k) => k.revoked_at));
    assert.ok(!text.includes('sk-sl-'));
  });

test('lighttpd that buffers: which line is missing', async () => {
  const s = await start({ streamBody: 0 });
  const found = await check(s, s.url);
  assert.deepEqual(Object.keys(found), ['stream']);
  assert.match(found.stream.fix, /server\.stream-response-body = 1/);
});

describe('in front of it', () => {
  let s;
  before(async () => { s = await start({ conf: { server: { max_body_mb: 4 } } }); });

  for (const [what, name, spoil, about, problem, fix] of [
    ['Apache drops Authorization', 'Apache/2.4.67 (Debian)',
      { strip: 'authorization' }, 'authorization', /does not arrive.*401/,
      /CGIPassAuth On.*SetEnvIf Authorization/],
    ['an unknown server drops Authorization', 'x',
      { strip: 'authorization' }, 'authorization', /does not arrive/,
      /x-api-key/],
    ['nginx buffers', 'nginx/1.22.1', { hold: true }, 'stream',
      /held back.*in 1 pieces/, /fastcgi_buffering off;/],
    ['nginx limits bodies', 'nginx', { limit: 1 << 20 }, 'body',
      /4194304 bytes.*status 413 from nginx/, /client_max_body_size/],
    ['Apache limits bodies', 'Apache', { limit: 1 << 17 }, 'body',
      /4194304 bytes/, /FcgidMaxRequestLen/],
  ])
    test(what, async () => {
      const url = await spoiledServer(s.port, name, spoil);
      const found = await check(s, url);
      assert.deepEqual(Object.keys(found), [about]);
      assert.equal(found[about].severity, 'error');
      assert.match(found[about].problem, problem);
      assert.match(found[about].fix, fix);
      await assert.rejects(s.cli(['check', '--url', url]),
        (e) => e.code === 1 && /^WRONG  /m.test(e.stdout));
    });

  test('the configuration and the data can be fetched', async () => {
    const conf = await spoiledServer(s.port, 'x',
      { serve: ['/sluice.json', `${s.dir}/sluice.json`] });
    assert.match((await check(s, conf)).configuration.problem,
      /everybody can fetch/);
    const data = await spoiledServer(s.port, 'x',
      { serve: ['/data/hdr', `${s.dir}/data/hdr`] });
    assert.match((await check(s, data)).data_dir.problem,
      /everybody can fetch/);
  });

  test('another sluice, a redirect, no sluice, nobody', async () => {
    const other = await start({});
    assert.match((await check(s, other.url)).url.problem,
      /does not know the keys in/);
    assert.deepEqual(await check(s, other.url, { SLUICE_KEY: other.key }), {});
    const moved = await spoiledServer(s.port, 'x',
      { redirect: 'https://elsewhere.example/' });
    assert.match((await check(s, moved)).url.problem,
      /redirected to https:\/\/elsewhere\.example/);
    const wrong = await spoiledServer(s.port, 'x',
      { serve: ['/healthz', '/etc/hostname'] });
    assert.match((await check(s, wrong)).url.problem,
      /not answered by sluice: status 200 from x/);
    assert.match((await check(s, 'http://127.0.0.1:1')).url.problem,
      /no answer: /);
  });
});

test('a sluice that is not well says why', async () => {
  const s = await start({ key: false, raw: { data_dir: '/etc/hostname/x' } });
  const out = await s.cli(['check', '--json', '--url', s.url])
    .catch((e) => e.stdout);
  assert.match(JSON.parse(out).findings.find((f) => f.about === 'url').problem,
    /not well.*\/etc\/hostname\/x/);
});
