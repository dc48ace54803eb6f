// SPDX-License-Identifier: MIT
// A bare Debian in a directory of its own, from debootstrap, to install
// packages in.  The first run makes one in the user's cache (a minute or two,
// anew each month); each test gets a copy.

import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

// Unpacked for later, not installed: what the tests serve with.
const SERVERS = ['lighttpd', 'spawn-fcgi', 'apache2', 'apache2-suexec-custom'];
const LIBRARIES = ['libcurl4', 'libdb5.3', 'libfcgi0ldbl', 'libjson-c5',
  'libssl3', 'ca-certificates'];
const RELEASE = 'bookworm';
const CACHE = path.join(process.env.XDG_CACHE_HOME ??
  path.join(os.homedir(), '.cache'), 'sluice-tests');

const QUIET = { ...process.env, DEBIAN_FRONTEND: 'noninteractive',
  LC_ALL: 'C.UTF-8' };

const run = async (cmd, args, opts = {}) => (await promisify(execFile)(cmd,
  args, { maxBuffer: 64 << 20, env: QUIET, ...opts })).stdout;

// The mirror that apt is set up with.
async function mirror() {
  const out = await run('apt-get', ['indextargets', '--format',
    '$(CODENAME) $(REPO_URI)', 'Created-By: Packages']);
  const line = out.split('\n').find((l) => l.startsWith(`${RELEASE} `));
  return line?.split(' ')[1];
}

// Commands see a /proc of their own, and die with us.
const inside = (root, args) => ['unshare', ['--mount', '--pid', '--fork',
  '--kill-child', `--mount-proc=${root}/proc`, 'chroot', root, ...args]];

const apt = (root, ...args) => run(...inside(root, ['apt-get', '-qq', '-o',
  'Dpkg::Options::=--force-unsafe-io', '-o', 'Dpkg::Use-Pty=0', ...args]));

async function makeBase(base) {
  const tmp = `${base}.${process.pid}`;
  console.log(`making a bare Debian in ${base}, this takes a minute or two`);
  try {
    await run('debootstrap', ['--variant=minbase', RELEASE, tmp,
      ...[await mirror()].filter(Boolean)]);
    // No service starts in there.
    fs.writeFileSync(`${tmp}/usr/sbin/policy-rc.d`, '#!/bin/sh\nexit 101\n',
      { mode: 0o755 });
    fs.rmSync(`${tmp}/etc/apt/apt.conf.d/docker-clean`, { force: true });
    await apt(tmp, 'update');
    await apt(tmp, 'install', '--download-only', '--no-install-recommends',
      ...SERVERS, ...LIBRARIES);
    fs.renameSync(tmp, base);
  } finally {
    fs.rmSync(tmp, { recursive: true, force: true });
  }
}

// The path of the bare Debian, or { skip: why }.
export async function bareDebian() {
  if (process.getuid() !== 0)
    return { skip: 'only root can make a bare Debian' };
  const what = createHash('sha256').update(JSON.stringify([RELEASE, SERVERS,
    LIBRARIES])).digest('hex').slice(0, 8);
  const month = new Date().toISOString().slice(0, 7);
  const base = path.join(CACHE, `${RELEASE}-${month}-${what}`);
  if (fs.existsSync(base))
    return { base };
  try {
    fs.rmSync(CACHE, { recursive: true, force: true });
    fs.mkdirSync(CACHE, { recursive: true });
    await makeBase(base);
  } catch (e) {
    return { skip: `no bare Debian: ${e.stderr || e.message}` };
  }
  return { base };
}

export class Root {
  constructor(base) {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-root-'));
    this.servers = [];
    process.on('exit', () => {
      for (const s of this.servers)
        s.kill('SIGKILL');
      if (!process.env.SLUICE_E2E_KEEP)
        execFileSync('rm', ['-rf', this.dir]);
    });
    execFileSync('cp', ['-a', '--reflink=auto', `${base}/.`, this.dir]);
    fs.chmodSync(this.dir, 0o755);
  }

  path(p) { return path.join(this.dir, p); }
  write(p, text) { fs.writeFileSync(this.path(p), text); }
  put(file) {
    fs.copyFileSync(file, this.path(`root/${path.basename(file)}`));
    return `/root/${path.basename(file)}`;
  }

  // Run a shell command in there; what it prints.
  sh(command) { return run(...inside(this.dir, ['sh', '-ec', command])); }
  as(user, command) {
    return run(...inside(this.dir, ['runuser', '-l', user, '-c', command]));
  }
  apt(...args) { return apt(this.dir, '-y', ...args); }

  // Start a server that stays in the foreground.
  serve(command) {
    const log = fs.openSync(this.path('root/serve.log'), 'a');
    const [cmd, args] = inside(this.dir, ['sh', '-c', `exec ${command}`]);
    const child = spawn(cmd, args, { stdio: ['ignore', log, log], env: QUIET });
    this.servers.push(child);
    return child;
  }
  log() { return fs.readFileSync(this.path('root/serve.log'), 'utf8'); }
  async stop() {
    const all = this.servers.splice(0);
    for (const s of all)
      s.kill('SIGKILL');
    await Promise.all(all.map((s) => s.exitCode === null &&
      s.signalCode === null && once(s, 'exit')));
  }
}
