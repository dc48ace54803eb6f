// SPDX-License-Identifier: MIT
// sluice behind a real web server (lighttpd, unless servers.mjs brings another)
// in a directory of its own: configuration, pool (or plain CGI), a key, the
// SDK clients, and an end to all of it.
// Logs stay, and are shown, when the test file fails.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { Ledger } from './ledger.mjs';

export const REPO = path.resolve(import.meta.dirname, '../../..');
export const BIN = process.env.SLUICE_BIN ?? path.join(REPO, 'build/sluice');
export const LIGHTTPD = ['/usr/sbin/lighttpd', '/usr/bin/lighttpd']
  .find((p) => fs.existsSync(p)) ?? 'lighttpd';

// What providers know and nobody else may ever see.
export const SECRET = { openai: 'sk-upstream-openai-c0ffee0123456789',
  anthropic: 'sk-ant-upstream-c0ffee9876543210' };

export async function freePort() {
  const s = net.createServer().listen(0, '127.0.0.1');
  await once(s, 'listening');
  const { port } = s.address();
  s.close();
  await once(s, 'close');
  return port;
}

// wait for what cannot be awaited: other processes' doings.
export async function until(what, probe, deadlineMs = 5000, everyMs = 20) {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const v = await probe();
    if (v)
      return v;
    if (performance.now() > end)
      throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(everyMs);
  }
}

export async function alive(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

// All that run below one process: [{ pid, name }].
function descendants(root) {
  const below = new Map();
  for (const pid of fs.readdirSync('/proc').filter((d) => /^\d+$/.test(d))) {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
      const end = stat.lastIndexOf(')');
      const [state, ppid] = stat.slice(end + 2).split(' ');
      if (state !== 'Z')
        below.set(Number(ppid), [...below.get(Number(ppid)) ?? [],
          { pid: Number(pid), name: stat.slice(stat.indexOf('(') + 1, end) }]);
    } catch { /* gone meanwhile */ }
  }
  const all = (pid) => (below.get(pid) ?? []).flatMap(
    (p) => [p, ...all(p.pid)]);
  return all(root);
}

const common = (o) => `
server.document-root = "${o.dir}/www"
server.bind = "127.0.0.1"
server.port = ${o.port}
server.errorlog = "${o.dir}/lighttpd.log"
server.upload-dirs = ("${o.dir}")
server.stream-response-body = ${o.streamBody}
`;

// reference: lighttpd's mod_fastcgi with a pool that it spawns itself ...
const FASTCGI = (o) => `server.modules = ("mod_fastcgi")
${common(o)}
fastcgi.server = ("/" => ((
  "socket"            => "${o.dir}/fcgi.sock",
  "bin-path"          => "${BIN}",
  "max-procs"         => ${o.procs},
  "bin-environment"   => ("SLUICE_CONFIG" => "${o.dir}/sluice.json"),
  "check-local"       => "disable",
  "tcp-fin-propagate" => "enable"
)))
`;

// ... and mod_cgi, one process per request.
const CGI = (o) => `server.modules = ("mod_setenv", "mod_alias", "mod_cgi")
${common(o)}
setenv.set-environment = ("SLUICE_CONFIG" => "${o.dir}/sluice.json")
alias.url  = ("" => "${BIN}")
cgi.assign = ("" => "")
cgi.limits = ("tcp-fin-propagate" => "TERM")
`;

// How to start a web server: its configuration is written, argv starts it.
const lighttpd = (o) => {
  fs.mkdirSync(`${o.dir}/www`);
  fs.writeFileSync(`${o.dir}/lighttpd.conf`,
    (o.mode === 'cgi' ? CGI : FASTCGI)(o));
  return { argv: [LIGHTTPD, '-D', '-f', `${o.dir}/lighttpd.conf`] };
};

const configuration = (o) => ({
  data_dir: `${o.dir}/data`,
  log: { file: `${o.dir}/sluice.log`, level: 'info' },
  ...o.conf,
  server: { drain_s: 2, ...o.conf.server },
  providers: {
    ...(o.upstream && {
      openai: { base_url: `${o.upstream.url}/v1`, key: SECRET.openai },
      anthropic: { base_url: o.upstream.url, key: SECRET.anthropic } }),
    ...o.conf.providers,
  },
});

class Sluice {
  #server;
  #pool;                                // responders that it does not spawn

  constructor(opts) {
    this.opts = { mode: 'fastcgi', procs: 2, streamBody: 1, conf: {},
      front: lighttpd, ...opts };
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-e2e-'));
    this.opts.dir = this.dir;
    this.ledger = new Ledger((args) => this.cli(args));
    process.setMaxListeners(0);           // a file may start many
    process.on('exit', (code) => this.#leave(code));
  }

  async start() {
    const o = this.opts;
    o.port = await freePort();
    this.url = `http://127.0.0.1:${o.port}`;
    this.port = o.port;
    this.configure(o.raw ?? configuration(o));
    this.front = o.front(o);
    if (o.as)
      fs.chownSync(this.dir, o.as.uid, o.as.gid);
    if (o.key !== false)
      this.key = JSON.parse(await this.cli(['key', 'create', '--name', 't',
        '--json'])).key;
    if (this.front.pool)
      this.#pool = this.#spawn(this.front.pool, this.front.env);
    this.#server = this.#spawn(this.front.argv, this.front.env);
    await until(`${this.url}/healthz answers`, async () => {
      const r = await fetch(`${this.url}/healthz`).catch(() => null);
      return r && (o.key === false || r.status === 200);
    }, 10_000);
    return this;
  }

  #spawn([command, ...args], env) {
    const out = fs.openSync(`${this.dir}/stderr.log`, 'a');
    const child = spawn(command, args, { stdio: ['ignore', out, out],
      ...this.opts.as, cwd: this.dir, env: { ...process.env, ...env } });
    fs.closeSync(out);
    child.on('error', (e) => console.error(e));
    return child;
  }

  // Replace sluice.json, at once for every reader.
  configure(conf) {
    const file = `${this.dir}/sluice.json`;
    if (typeof conf !== 'string')
      this.conf = conf;
    fs.writeFileSync(`${file}.new`,
      typeof conf === 'string' ? conf : JSON.stringify(conf, null, 2));
    fs.renameSync(`${file}.new`, file);
  }

  async cli(args) {
    const { stdout } = await promisify(execFile)(BIN, args, {
      env: { ...process.env, SLUICE_CONFIG: `${this.dir}/sluice.json` },
      ...this.opts.as, cwd: this.dir,
      maxBuffer: 64 << 20 });
    return stdout;
  }

  // The responders, and how much memory one of them holds.
  pids() {
    return [this.#server, this.#pool].filter(Boolean)
      .flatMap((p) => descendants(p.pid))
      .filter((p) => p.name.startsWith('sluice')).map((p) => p.pid);
  }
  signal(name) { this.#server.kill(name); }
  rssKb(pid, name = 'VmRSS') {           // VmHWM: the most so far
    return Number(fs.readFileSync(`/proc/${pid}/status`, 'utf8')
      .match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))[1]);
  }
  // Sanitizers keep freed memory: no use weighing those.
  sanitized(pid) {
    return fs.readFileSync(`/proc/${pid}/maps`, 'utf8').includes('libasan');
  }

  log(files = ['sluice.log', 'stderr.log', 'lighttpd.log', 'server.log']) {
    return files
      .map((f) => path.join(this.dir, f)).filter((f) => fs.existsSync(f))
      .map((f) => fs.readFileSync(f, 'utf8')).join('');
  }

  // Unmodified SDKs; `headers` keeps those of the last answer.
  openai(opts = {}) {
    return this.#sdk(OpenAI, { apiKey: this.key, ...opts,
      baseURL: `${this.url}/v1` });
  }
  anthropic(opts = {}) {
    return this.#sdk(Anthropic, { apiKey: this.key, ...opts,
      baseURL: this.url });
  }
  #sdk(Sdk, opts) {
    const last = {};
    const sdk = new Sdk({ maxRetries: 0, timeout: 20_000, ...opts,
      fetch: async (...args) => {
        const answer = await fetch(...args);
        last.headers = answer.headers;
        return answer;
      } });
    return Object.defineProperty(sdk, 'lastHeaders',
      { get: () => last.headers });
  }

  // One HTTP exchange with nothing between: resolves with status, headers and
  // body once it is over.  onData sees each piece as it arrives; with a
  // promise `readAfter` nothing of the body is read before that resolves.
  async request({ method = 'POST', path: url = '/v1/chat/completions', body,
    headers = {}, key = this.key, onData = () => {}, signal, readAfter } = {}) {
    const bytes = body === undefined || Buffer.isBuffer(body) ||
      typeof body === 'string' ? body : JSON.stringify(body);
    const req = http.request({ host: '127.0.0.1', port: this.port, method,
      path: url, agent: false, signal, headers: {
        ...(key && { authorization: `Bearer ${key}` }),
        ...(bytes !== undefined && { 'content-type': 'application/json' }),
        ...headers } });
    req.end(bytes);
    const [res] = await once(req, 'response');
    const parts = [];
    const answer = { status: res.statusCode, headers: res.headers,
      complete: false };
    await readAfter;
    res.on('data', (d) => {
      parts.push(d);
      onData(d, answer);
    });
    await new Promise((r) => {
      res.on('error', () => {});          // cut: complete says so
      res.on('close', r);
    });
    answer.complete = res.complete;
    answer.raw = Buffer.concat(parts);
    answer.text = answer.raw.toString();
    try {
      answer.json = JSON.parse(answer.text);
    } catch { /* a stream, or nothing */ }
    return answer;
  }

  async stop() {
    const running = [this.#server, this.#pool].filter(
      (p) => p && p.exitCode === null && p.signalCode === null);
    const all = running.flatMap((p) => descendants(p.pid)).map((p) => p.pid);
    for (const p of running) {
      p.kill('SIGTERM');
      // Caddy would wait for its clients without end
      const late = setTimeout(() => p.kill('SIGKILL'), 3000);
      await once(p, 'exit');
      clearTimeout(late);
    }
    try {
      await until('responders exit', async () =>
        !(await Promise.all(all.map(alive))).some(Boolean), 4000);
    } finally {
      this.#kill(all);
    }
  }

  #kill(pids) {
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch { /* gone already */ }
    }
  }

  // The last act: whatever happened, nothing of ours goes on.
  #leave(code) {
    for (const p of [this.#server, this.#pool])
      if (p && p.exitCode === null && p.signalCode === null)
        this.#kill([...descendants(p.pid).map((d) => d.pid), p.pid]);
    const insane = /ERROR: \w+Sanitizer|runtime error:/
      .test(this.log());
    if (code === 0 && !insane && !process.env.SLUICE_E2E_KEEP)
      return fs.rmSync(this.dir, { recursive: true, force: true });
    if (insane)
      process.exitCode = 1;
    console.error(`logs stay in ${this.dir}; the last lines:\n` +
      this.log().split('\n').slice(-15).join('\n'));
  }
}

// startSluice({ upstream, mode, procs, streamBody, conf, raw, key, front, as }):
// mode is 'fastcgi' or 'cgi'; conf is merged into the configuration, raw
// replaces it; key: false makes no key and takes any answer of /healthz for
// life; front is one of servers.mjs, as the user to run it as.
export const startSluice = (opts) => new Sluice(opts).start();
// Start one after the other; all are stopped when the file is over.
export const starting = () => {
  const all = [];
  after(() => Promise.all(all.map((s) => s.stop())));
  return async (opts) => {
    all.push(await startSluice(opts));
    return all.at(-1);
  };
};
