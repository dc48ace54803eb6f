// SPDX-License-Identifier: MIT
// What users install: the Debian package and the tarball for shared hosting,
// in a bare Debian, serving a request there and leaving nothing; the manual.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { said } from './lib/ask.mjs';
import { freePort, until } from './lib/sluice.mjs';
import { bareDebian, Root } from './lib/root.mjs';

const REPO = path.resolve(import.meta.dirname, '../..');
const run = async (cmd, args) => (await promisify(execFile)(cmd, args,
  { cwd: REPO, maxBuffer: 64 << 20 })).stdout;
const BUILD = process.env.BUILD ?? 'build';
const make = (...goals) => run('make', ['-s', `BUILD=${BUILD}`, ...goals]);
const made = async (goal) => path.resolve(REPO,
  (await make(goal)).trim().split('\n').at(-1));

const { base, skip } = await bareDebian();

// One answer of echo through `url`, streamed: its text.
async function ask(url, key, header = `Bearer ${key}`) {
  const res = await fetch(`${url}/v1/chat/completions`, { method: 'POST',
    headers: { authorization: header, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'echo/echo', stream: true,
      messages: [{ role: 'user', content: 'Hello there' }] }) });
  const text = await res.text();
  assert.equal(res.status, 200, text);
  return said(text);
}

const healthy = (url) => until(`${url}/healthz answers`, () =>
  fetch(`${url}/healthz`).then((r) => r.ok, () => false), 15_000, 100);

describe('Debian package', { skip }, () => {
  let root, users, url, port;

  before(async () => {
    root = new Root(base);
    users = await root.sh('cat /etc/passwd /etc/group');
    port = await freePort();
    url = `http://127.0.0.1:${port}`;
  });
  after(() => root?.stop());

  test('installs on a bare Debian and brings what it needs', async () => {
    await root.apt('install', '--no-install-recommends',
      root.put(await made('deb')));
    const stat = (p) => root.sh(`stat -c '%U:%G %a' ${p}`);
    assert.equal(await stat('/var/lib/sluice'), 'sluice:sluice 700\n');
    assert.equal(await stat('/etc/sluice/sluice.json'), 'root:sluice 640\n');
    assert.match(await root.sh('getent passwd sluice'),
      /^sluice:x:\d{3}:\d{3}::\/var\/lib\/sluice:\/usr\/sbin\/nologin\n$/);
    assert.match(await root.sh('sluice version'), /^sluice \d/);
    assert.match(await root.sh('sluice check'),
      /^data_dir +\/var\/lib\/sluice: writable$/m);
    assert.equal(await root.sh('dpkg --verify sluice'), '');
  });

  test('serves behind lighttpd, as a user of its own', async () => {
    await root.apt('install', '--no-install-recommends', 'lighttpd',
      'spawn-fcgi');
    root.write('root/lighttpd.conf', `
      server.modules = ("mod_fastcgi")
      server.bind = "127.0.0.1"
      server.port = ${port}
      server.username = "www-data"
      server.groupname = "www-data"
      server.document-root = "/usr/share/sluice/www"
      index-file.names = ("index.html")
      mimetype.assign = (".html" => "text/html", ".css" => "text/css")
      server.stream-response-body = 1
      $HTTP["url"] =~ "^/(v1|p|sluice|healthz|metrics)(/|$)" {
        fastcgi.server = ("" => (("socket" => "/run/sluice/sluice.sock",
          "check-local" => "disable", "tcp-fin-propagate" => "enable")))
      }`);
    fs.mkdirSync(root.path('run/sluice'));
    root.serve(`spawn-fcgi -n -s /run/sluice/sluice.sock -b 1024 -M 0660 \
      -u sluice -g sluice -U sluice -G www-data /usr/lib/sluice/sluice.fcgi`);
    root.serve('lighttpd -D -f /root/lighttpd.conf');
    await healthy(url);

    // Root makes the key, the responder must be able to use it.
    const { key } = JSON.parse(await root.sh(
      'sluice key create --name t --json'));
    assert.equal(await ask(url, key), 'echo: Hello there');
    assert.match(await (await fetch(url)).text(), /<title>sluice/);
    assert.match(await root.sh('sluice ledger tail'), / echo\/echo /);
    assert.match(await root.sh(`sluice check --url ${url}`),
      /works as it should/);
    assert.equal(await root.sh('find /var/lib/sluice ! -user sluice'), '');
    await root.stop();
  });

  test('an upgrade keeps configuration and data', async () => {
    await root.sh('echo "// mine" >>/etc/sluice/sluice.json');
    await root.sh('dpkg -i /root/sluice_*.deb');
    assert.match(await root.sh('tail -n 1 /etc/sluice/sluice.json'), /mine/);
    assert.equal(await root.sh(`stat -c '%U:%G %a' /etc/sluice/sluice.json`),
      'root:sluice 640\n');
    assert.match(await root.sh('sluice ledger tail'), / echo\/echo /);
  });

  test('removal keeps them, too; purging leaves nothing', async () => {
    await root.apt('remove', 'sluice');
    assert.ok(fs.existsSync(root.path('etc/sluice/sluice.json')));
    assert.ok(fs.existsSync(root.path('var/lib/sluice/hdr')));
    await root.apt('purge', 'sluice');
    assert.equal(await root.sh(`find / -xdev \\( -path /proc -o -path /tmp \
      -o -path /root -o -path /var/log \\) -prune -o \\( -name '*sluice*' \
      -o -nouser -o -nogroup \\) -print`), '');
    assert.equal(await root.sh('cat /etc/passwd /etc/group'), users);
  });
});

// Apache as a host with suEXEC has it: one customer, whose only power is
// .htaccess.
const APACHE = (port, more) => `
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile /run/apache2.pid
ErrorLog /root/apache.log
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
${['authz_core', 'alias', 'dir', 'mime', 'env', 'setenvif', 'rewrite',
    'cgid', 'suexec', 'auth_basic', 'authn_core'].map((m) =>
    `LoadModule ${m}_module /usr/lib/apache2/modules/mod_${m}.so`).join('\n')}
ScriptSock /run/cgisock
TypesConfig /etc/mime.types
User www-data
Group www-data
DocumentRoot /home/ann/public_html
DirectoryIndex index.html
<Directory />
  AllowOverride None
  Require all denied
</Directory>
<Directory /home/ann/public_html>
  ${more ?? 'AllowOverride FileInfo Options'}
  Options SymLinksIfOwnerMatch
  Require all granted
</Directory>
`;

describe('tarball for shared hosting', { skip }, () => {
  const ADMIN = 'made-up-by-ann-0123456789012345678901234567';
  let root, url, port, tarball;

  async function restart({ suexec = true, more } = {}) {
    await root.stop();
    await root.sh('rm -f /run/cgisock.*');      // it was killed
    root.write('root/apache.conf', APACHE(port, more) +
      (suexec ? 'SuexecUserGroup ann ann\n' : ''));
    root.serve('apache2 -d /etc/apache2 -f /root/apache.conf -DFOREGROUND');
    await until('Apache answers', () => fetch(url).then(() => true,
      () => false), 10_000, 50);
  }
  const status = async (p) => (await fetch(url + p)).status;
  const asAnn = (command) => root.as('ann', command);

  before(async () => {
    tarball = await made('dist-hosting');
    root = new Root(base);
    port = await freePort();
    url = `http://127.0.0.1:${port}`;
    // The host: Apache, and the two libraries that it has anyway.
    await root.apt('install', '--no-install-recommends', 'apache2',
      'apache2-suexec-custom', 'libcurl4', 'libssl3');
    await root.sh(`useradd -m ann; chmod 711 /home/ann
      echo /home >/etc/apache2/suexec/www-data
      echo public_html >>/etc/apache2/suexec/www-data
      chmod 755 /root; install -d -o ann -g ann /home/ann/public_html`);
    fs.copyFileSync(tarball, root.path('home/ann/sluice.tar.gz'));
  });
  after(() => root?.stop());

  test('links in what a host lacks, and no more', async () => {
    const needed = await run('objdump', ['-p',
      path.join(REPO, BUILD, 'hosting/sluice.fcgi')]);
    const libs = [...needed.matchAll(/NEEDED +(\S+)/g)].map((m) => m[1]);
    const libc = /^(ld-linux.*|libc\.so\.6|libm\.so\.6)$/;
    assert.deepEqual(libs.filter((l) => !libc.test(l)).sort(),
      ['libcrypto.so.3', 'libcurl.so.4']);
  });

  test('unpack, put in a key, done', async () => {
    await asAnn('cd public_html && tar xpzf ../sluice.tar.gz');
    await asAnn(`sed -i 's|// "admin_key": .*|"admin_key": "${ADMIN}",|' \
      public_html/sluice.json`);
    assert.equal(await root.sh(
      `stat -c '%U %a' /home/ann/public_html/sluice.json`), 'ann 600\n');
    await restart();
    await healthy(url);
    assert.equal(await ask(url, ADMIN), 'echo: Hello there');
    assert.match(await (await fetch(url)).text(), /<title>sluice/);
    // Data are outside the web space, and nobody else's.
    assert.equal(await root.sh(
      `stat -c '%U %a' /home/ann/.local/state/sluice`), 'ann 700\n');
    assert.match(await asAnn('public_html/sluice.fcgi ledger tail'),
      / echo\/echo /);
  });

  test('the check finds nothing', async () => {
    assert.match(await asAnn(`public_html/sluice.fcgi check --url ${url}`),
      /works as it should/);
  });

  test('nothing private is served', async () => {
    for (const p of ['/sluice.json', '/%73luice.json', '//sluice.json',
      '/./sluice.json', '/sluice.json/', '/.htaccess'])
      assert.ok([403, 404].includes(await status(p)), p);
    // The program is run, never sent.
    const body = await (await fetch(`${url}/sluice.fcgi`)).text();
    assert.ok(!body.includes('\x7fELF'));
  });

  test('a host that ignores .htaccess cannot serve the keys', async () => {
    await restart({ more: 'AllowOverride None' });
    for (const file of ['index.html', 'js/main.js', 'vendor/chart.min.js'])
      assert.equal(await status(`/${file}`), 200);
    assert.equal(await status('/sluice.json'), 403);
    await restart();
  });

  test('a line that is missing from .htaccess is named', async () => {
    const file = root.path('home/ann/public_html/.htaccess');
    const good = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, good.replace(/^SetEnvIf Authorization.*$/m, ''));
    await assert.rejects(
      asAnn(`public_html/sluice.fcgi check --url ${url}`), (e) =>
        /authorization: .*not arrive/.test(e.stdout) &&
        /SetEnvIf Authorization/.test(e.stdout));
    fs.writeFileSync(file, good);
  });

  test('in a folder of its own, beside another site', async () => {
    await asAnn(`mkdir site && mv public_html/* public_html/.htaccess site/ &&
      mv site public_html/llm && echo mine >public_html/index.html`);
    await healthy(`${url}/llm`);
    assert.equal(await ask(`${url}/llm`, ADMIN), 'echo: Hello there');
    assert.equal(await (await fetch(url)).text(), 'mine\n');
    assert.equal(await status('/llm/sluice.json'), 403);
    assert.match(await asAnn(
      `public_html/llm/sluice.fcgi check --url ${url}/llm`),
    /works as it should/);
  });

  test('data below the web space are refused by the check', async () => {
    await assert.rejects(asAnn(
      `SLUICE_DATA_DIR=/home/ann/public_html/llm/store \\
      public_html/llm/sluice.fcgi check`), (e) =>
      /data_dir: .*inside the web root \/home\/ann\/public_html$/m
        .test(e.stdout));
  });

  test('without suEXEC it says what the host must allow', async () => {
    await restart({ suexec: false });
    const health = await fetch(`${url}/llm/healthz`);
    assert.equal(health.status, 503);
    assert.match(await health.text(), /sluice\.json/);
    // As README.txt has it: a folder for the web server's group alone.
    await root.sh(`cd /home/ann; install -d -o www-data -g ann -m 770 store
      chgrp www-data public_html/llm/sluice.json
      chmod 640 public_html/llm/sluice.json
      sed -i 's|// "data_dir": .*|"data_dir": "/home/ann/store",|' \\
        public_html/llm/sluice.json`);
    await healthy(`${url}/llm`);
    assert.equal(await ask(`${url}/llm`, ADMIN), 'echo: Hello there');
    assert.equal(await status('/llm/sluice.json'), 403);
  });
});

describe('make install', () => {
  test('puts everything under PREFIX in DESTDIR', async () => {
    const to = path.join(REPO, BUILD, 'install-test');
    fs.rmSync(to, { recursive: true, force: true });
    await make('install', `DESTDIR=${to}`, 'PREFIX=/opt/sluice');
    const all = (await run('find', [to, '-printf', '%P\n'])).split('\n');
    for (const p of ['bin/sluice', 'lib/sluice/sluice.fcgi',
      'share/sluice/www/index.html', 'share/sluice/www/js/main.js',
      'share/sluice/www/vendor/chart.min.js', 'share/man/man1/sluice.1',
      'share/man/man5/sluice.json.5', 'share/doc/sluice/README.md',
      'share/doc/sluice/examples/sluice.json',
      'share/doc/sluice/examples/lighttpd.conf'])
      assert.ok(all.includes(`opt/sluice/${p}`), p);
    assert.deepEqual(all.filter((p) => p && !p.startsWith('opt')), []);
    assert.match(await run(`${to}/opt/sluice/lib/sluice/sluice.fcgi`,
      ['version']), /^sluice \d/);
    fs.rmSync(to, { recursive: true });
  });
});

// The manual as people read it, in lines without end.
async function page(name) {
  await make('man');
  const { stdout, stderr } = await promisify(execFile)('groff', ['-mdoc',
    '-Tascii', '-ww', '-P-cbou', '-rLL=2000n', `${BUILD}/man/${name}`],
  { cwd: REPO });
  assert.equal(stderr, '');
  return stdout.replace(/\s+/g, ' ');
}

describe('manual', () => {
  test('sluice.json(5) has every key with type, default and meaning',
    async () => {
      const manual = await page('sluice.json.5');
      const rows = fs.readFileSync(path.join(REPO, 'README.md'), 'utf8')
        .split('\n').map((l) => l.split(/ *\| */)).filter((c) =>
          c.length === 6 && /^`\S+`$/.test(c[1]));
      const plain = (s) => s.replaceAll('`', '');
      assert.ok(rows.length > 25);
      // One after the other, with nothing between.
      const want = rows.map(([, key, type, fallback, meaning]) =>
        plain(`${key}: ${type} ${meaning}`) +
        (fallback ? ` Default: ${plain(fallback)}` : '')).join(' ');
      assert.ok(manual.includes(`${want} EXAMPLES`),
        `README: ${want}\nmanual: ${manual}`);
    });

  test('sluice(1) has every verb', async () => {
    const manual = await page('sluice.1');
    const help = await run(process.env.SLUICE_BIN ?? `${BUILD}/sluice`,
      ['help']);
    for (const [, verb] of help.matchAll(/^ {2}(\w+)/gm))
      if (verb !== 'help')
        assert.ok(manual.includes(` sluice ${verb} `), verb);
  });
});

test('the configuration that is installed loads, keys put in or not',
  async () => {
    const dir = fs.mkdtempSync('/tmp/sluice-start-');
    const text = fs.readFileSync(path.join(REPO, 'conf/start.json'), 'utf8');
    const bin = process.env.SLUICE_BIN ?? path.join(REPO, BUILD, 'sluice');
    const check = async (conf) => {
      fs.writeFileSync(`${dir}/sluice.json`, conf, { mode: 0o600 });
      const { stdout } = await promisify(execFile)(bin, ['check', '--json'],
        { env: { SLUICE_CONFIG: `${dir}/sluice.json`,
          SLUICE_DATA_DIR: `${dir}/data` } });
      return JSON.parse(stdout);
    };
    const names = (c) => c.providers.map((p) => p.name).sort();
    assert.deepEqual(names(await check(text)), ['echo']);
    const all = text.replaceAll(/\/\/ (".*,)$/gm, '$1')
      .replace('/home/you', dir);
    const given = [...text.matchAll(/\/\/ "(\w+)": \{/g)].map((m) => m[1]);
    assert.ok(given.length > 4);
    assert.deepEqual(names(await check(all)), [...given, 'echo'].sort());
    fs.rmSync(dir, { recursive: true });
  });
