// SPDX-License-Identifier: MIT
// A disk that is full: calls have what their journals have reserved, then
// store.on_failure decides, and /healthz says why.  On a small tmpfs; skipped
// where none can be mounted.

import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startSluice, until } from './lib/sluice.mjs';

const BODY = { model: 'echo/echo', max_tokens: 5,
  messages: [{ role: 'user', content: 'x'.repeat(200) }] };

const disk = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-disk-'));
let mounted = true;
try {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'none', disk],
    { stdio: 'pipe' });
} catch {
  mounted = false;
}
const skip = mounted ? false : 'cannot mount a small disk here';
const running = [];
after(async () => {
  for (const s of running)
    await s.stop();
  if (mounted)
    execFileSync('umount', ['-l', disk]);
  fs.rmdirSync(disk);
});

const fill = () => {
  const fd = fs.openSync(`${disk}/fill`, 'w');
  const page = Buffer.alloc(1 << 12, 'x');
  try {
    for (;;)
      fs.writeSync(fd, page);
  } catch (e) {
    assert.equal(e.code, 'ENOSPC');
  }
  fs.closeSync(fd);
};
const health = async (s) => {
  const r = await s.request({ path: '/healthz', method: 'GET', key: '' });
  return { code: r.status, ...r.json };
};

for (const on_failure of ['refuse', 'serve'])
  test(`on_failure ${on_failure}: from ok over degraded, and back`,
    { skip, timeout: 120_000 }, async (t) => {
      const s = await startSluice({ procs: 1, conf: {
        data_dir: `${disk}/${on_failure}`, store: { on_failure } } });
      running.push(s);
      const ask = () => s.request({ body: BODY });
      assert.equal((await ask()).status, 200);
      assert.equal((await health(s)).status, 'ok');
      fill();
      const full = await health(s);
      assert.deepEqual([full.code, full.status], [200, 'degraded']);
      assert.match(full.reason, /the disk is full/);
      let served = 1;
      const last = await until('the reserve is used up', async () => {
        const r = await ask();
        served += r.status === 200;
        const h = await health(s);
        return /no room/.test(h.reason) && h;
      }, 60_000, 0);
      t.diagnostic(`${served} calls on a full disk`);
      assert.ok(served > 100);
      if (on_failure === 'refuse') {
        const r = await ask();
        assert.equal(r.status, 503);
        assert.match(r.json.error.message, /No space left|no room/);
        assert.deepEqual([last.code, last.status], [503, 'failed']);
      } else {
        assert.equal((await ask()).status, 200);
        assert.deepEqual([last.code, last.status], [200, 'degraded']);
      }
      fs.rmSync(`${disk}/fill`);
      await until('all is well again', async () =>
        (await ask()).status === 200 && (await health(s)).status === 'ok',
      20_000, 200);
      const rows = await until('all are there', async () => {
        const all = await s.ledger.rows();
        return all.filter((r) => r.outcome === 'ok').length > served && all;
      }, 20_000, 500);
      assert.equal(new Set(rows.map((r) => r.id)).size, rows.length);
    });
