// SPDX-License-Identifier: MIT
// A copy of the bare Debian of tests/debian.sh, to install packages in and to
// run servers in.  Its network is ours.

import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const TESTS = path.resolve(import.meta.dirname, '../..');
const QUIET = { ...process.env, DEBIAN_FRONTEND: 'noninteractive',
  LC_ALL: 'C.UTF-8' };

const run = async (cmd, args, opts = {}) => (await promisify(execFile)(cmd,
  args, { maxBuffer: 64 << 20, env: QUIET, ...opts })).stdout;

// Commands see a /proc of their own, and die with us.
const inside = (root, args) => ['unshare', ['--mount', '--pid', '--fork',
  '--kill-child', `--mount-proc=${root}/proc`, 'chroot', root, ...args]];

// The first process in there takes all others with it.  --kill-child does not
// reach one that has become another user.
function end(child) {
  const kids = `/proc/${child.pid}/task/${child.pid}/children`;
  if (child.exitCode !== null || child.signalCode !== null)
    return;
  for (const pid of fs.readFileSync(kids, 'utf8').split(' ').filter(Boolean))
    process.kill(Number(pid), 'SIGKILL');
  child.kill('SIGKILL');
}

const apt = (root, ...args) => run(...inside(root, ['apt-get', '-qq', '-o',
  'Dpkg::Options::=--force-unsafe-io', '-o', 'Dpkg::Use-Pty=0', ...args]));

// { base: path of the bare Debian }, or { skip: why there is none }.
export async function bareDebian() {
  try {
    return { base: (await run(path.join(TESTS, 'debian.sh'), [])).trim() };
  } catch (e) {
    return { skip: e.stderr.trim() };
  }
}

export class Root {
  constructor(base) {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-root-'));
    this.servers = [];
    process.on('exit', () => {
      this.servers.forEach(end);
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
    all.forEach(end);
    await Promise.all(all.map((s) => s.exitCode === null &&
      s.signalCode === null && once(s, 'exit')));
  }
}
