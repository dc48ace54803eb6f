// SPDX-License-Identifier: MIT
// Real programs as their makers publish them, from npm into a folder of their
// own (tests/e2e/programs), and a run of one: a home directory that is thrown
// away, nothing reachable but loopback, and an end in any case.

import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const FOLDER = path.resolve(import.meta.dirname, '../programs');
const INSTALL_MS = 120_000;
const RUN_MS = 40_000;

// Why they cannot be run, or undefined.
export function install() {
  const lock = fs.readFileSync(`${FOLDER}/package-lock.json`);
  const mark = `${FOLDER}/node_modules/.installed`;
  try {
    if (fs.existsSync(mark) && fs.readFileSync(mark).equals(lock))
      return undefined;
    execFileSync('npm', ['ci', '--no-progress', '--loglevel=error',
      '--fetch-retries=1', '--fetch-timeout=20000'],
    { cwd: FOLDER, timeout: INSTALL_MS, stdio: 'pipe' });
    fs.writeFileSync(mark, lock);
    return undefined;
  } catch (e) {
    return `npm cannot install them: ${String(e.stderr ?? e.message)
      .split('\n')[0]}`;
  }
}

// Import an installed library.
export const library = (name) => import(pathToFileURL(
  createRequire(`${FOLDER}/package.json`).resolve(name)));

// A home with `files`, to work in.
export function home(files = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-home-'));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(`${dir}/${name}`), { recursive: true });
    fs.writeFileSync(`${dir}/${name}`, text);
  }
  process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

// Everybody who honours a proxy gets nowhere with it.
const OFFLINE = { HTTP_PROXY: 'http://127.0.0.1:1',
  HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '127.0.0.1,localhost' };

// Run one in `dir`; resolves with { code, out, err }.
export async function run(program, args, dir, env) {
  const child = spawn(`${FOLDER}/node_modules/.bin/${program}`, args, {
    cwd: dir, stdio: ['ignore', 'pipe', 'pipe'], detached: true,
    env: { PATH: process.env.PATH, HOME: dir, LANG: 'C.UTF-8', TERM: 'dumb',
      TMPDIR: dir, ...OFFLINE, ...env } });
  const said = { out: '', err: '' };
  const late = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), RUN_MS);
  child.stdout.on('data', (d) => { said.out += d; });
  child.stderr.on('data', (d) => { said.err += d; });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(late);
      resolve({ code, ...said });
    });
  });
}
