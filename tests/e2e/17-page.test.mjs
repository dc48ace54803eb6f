// SPDX-License-Identifier: MIT
// The cost page in a real browser, over a ledger of many generated calls.

import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ADMIN } from './lib/admin.mjs';
import { pusd } from './lib/ledger.mjs';
import { BIN, REPO } from './lib/sluice.mjs';
import { startBehind } from './lib/servers.mjs';
import { Browser, SCREENS } from './lib/browser.mjs';

const CALLS = 200_000;
const DAYS = 60;
const NAMES = ['intranet', 'ci', 'support', 'nightly',
  '<script>alert(1)</script>', '=cmd()|x'];
const TEAMS = ['research', 'support', 'platform'];
const VIEWS = ['spend', 'spend?by=key&range=90d', 'requests', 'targets',
  'budgets', 'keys', 'accounts', 'experiments'];

const BUILD = path.dirname(BIN);
execFileSync('make', ['-s', `BUILD=${BUILD}`, `${BUILD}/tests/page_ledger`],
  { cwd: REPO });

const sluice = await startBehind('lighttpd FastCGI pool', { conf: {
  auth: { admin_key: ADMIN } } });
const browser = await new Browser().start();
const keys = [];
after(async () => {
  await browser.stop();
  await sluice.stop();
});
before(async () => {
  for (const [i, name] of NAMES.entries())
    keys.push(JSON.parse(await sluice.cli(['key', 'create', '--name', name,
      '--account', TEAMS[i % TEAMS.length], '--json'])));
  await promisify(execFile)(`${BUILD}/tests/page_ledger`,
    [`${sluice.dir}/data`, CALLS, DAYS, ...keys.map((k) => `${k.id}=${k.account}`)],
    sluice.opts.as);
  await sluice.cli(['budget', 'set', 'user', 'ann@example.org', '--usd',
    '900', '--per', 'total', '--alert', '50']);
});

const open = (opts) => browser.open(sluice.url, { key: ADMIN, ...opts });
const json = async (...args) => JSON.parse(await sluice.cli([...args,
  '--json']));
const rows = (v, which = '.log tbody tr') => v.text(which);
const dateOf = (daysAgo) => new Date(Date.now() - daysAgo * 86400e3)
  .toISOString().slice(0, 10);
const api = async (key, to) => (await fetch(`${sluice.url}/sluice/v1/${to}`,
  { headers: { authorization: `Bearer ${key}` } }));

describe('every view', () => {
  for (const screen of Object.keys(SCREENS))
    test(`is clean, reachable and fits: ${screen}`, async (t) => {
      for (const view of VIEWS) {
        const v = await open({ screen });
        const ms = await v.show(`#/${view}`);
        await v.page.waitForNetworkIdle({ idleTime: 100 });
        assert.deepEqual(await v.axe(), [], view);
        assert.deepEqual(await v.text('[role=alert]'), [], view);
        assert.equal(await v.page.evaluate(() =>
          document.documentElement.scrollWidth <= innerWidth), true, view);
        v.fine();
        t.diagnostic(`${view}, ${CALLS} calls: ${Math.round(ms)} ms`);
        await v.page.close();
      }
    });

  test('draws its charts, and has each as a table', async () => {
    const v = await open();
    await v.show('#/spend');
    await v.page.waitForFunction(() => {
      const c = document.querySelector('canvas');
      return c?.width > 300 && c.getContext('2d').getImageData(0, 0, c.width,
        c.height).data.some(Boolean);
    });
    assert.match(await v.page.$eval('canvas', (c) => c.ariaLabel), /Spend per/);
    assert.equal(await v.page.$$eval('.as-table tbody tr', (r) => r.length), 30);
    v.fine();
  });
});

test('rows that are found late are shown, too', async () => {
  const v = await open();
  await v.show('#/spend');
  // a filter that few fit: pages without a row, and more to look through
  await v.page.evaluate(() => {
    const real = window.fetch;
    let empty = 4;
    window.fetch = (url, options) => {
      if (!String(url).includes('/requests?'))
        return real(url, options);
      url.searchParams.delete('cursor');
      return empty-- > 0
        ? Promise.resolve(Response.json({ requests: [], next: 'x' }))
        : real(url, options);
    };
  });
  await v.settle(() => v.page.evaluate(() => { location.hash = '#/requests'; }));
  assert.match((await v.text('.empty')).join(), /None so far/);
  await v.settle(() => v.press('Show more'));
  assert.equal((await rows(v)).length, 50);
  v.fine();
});

describe('numbers', () => {
  const from = dateOf(40);
  const to = dateOf(5);
  const ask = (by) => json('ledger', 'summary', '--by', by, '--since', from,
    '--until', dateOf(4));

  test('equal `sluice ledger summary`', async () => {
    const v = await open();
    await v.show(`#/spend?range=own&from=${from}&to=${to}`);
    const { total } = await ask('model');
    assert.equal((await v.exact('.small .money'))[0], total.cost_usd);
    const tops = await v.page.$$eval('.top table', (all) => all.map((t) =>
      [...t.querySelectorAll('tbody .money')].map((m) => m.dataset.exact
        .replaceAll(/[$,]/g, ''))));
    for (const [i, by] of ['key', 'user', 'model', 'tag'].entries()) {
      const groups = (await ask(by)).groups.map((g) => g.cost_usd);
      assert.ok(tops[i].length >= 5, by);
      assert.deepEqual(tops[i].slice(0, 5), groups.slice(0, 5), by);
    }
    v.fine();
  });

  test('of each day add up to the total', async () => {
    const v = await open();
    await v.show(`#/spend?range=own&from=${from}&to=${to}`);
    const cells = await v.exact('.as-table .money');
    assert.equal(cells.map(pusd).reduce((a, b) => a + b),
      pusd((await ask('model')).total.cost_usd));
    v.fine();
  });

  test('are short, and exact on demand', async () => {
    const v = await open();
    await v.show('#/spend');
    const total = '.small .money';
    assert.match((await v.text(total))[0], /^\$[\d,]+$/);
    await v.page.click('#exact');
    assert.equal((await v.text(total))[0].replaceAll(/[$,]/g, ''),
      (await v.exact(total))[0]);
    assert.match((await v.text(total))[0], /\.\d{3,}$/);
    v.fine();
  });
});

describe('the request log', () => {
  test('is filtered by what the form says', async () => {
    const v = await open();
    await v.show('#/requests');
    await v.settle(() => v.page.select('[name=outcome]', 'error'));
    assert.ok((await rows(v)).every((r) => r.includes('error')));
    await v.page.type('[name=model]', 'openai/gpt-5-mini');
    await v.settle(() => v.press('Filter'));
    const all = await rows(v);
    assert.ok(all.length > 5);
    const { requests } = await (await api(ADMIN, 'requests?outcome=error&' +
      `model=openai/gpt-5-mini&limit=${all.length}`)).json();
    assert.deepEqual(await v.page.$$eval('.log time', (ts) =>
      ts.map((t) => t.dateTime)), requests.map((r) => r.started_at));
    await v.settle(() => v.press('Clear'));
    assert.equal((await rows(v)).length, 50);
    await v.settle(() => v.press('Show more'));
    assert.equal((await rows(v)).length, 100);
    v.fine();
  });

  test('says what it does not understand', async () => {
    const v = await open();
    await v.show(`#/requests?status=${'4'.repeat(3000)}`);
    assert.match((await v.text('[role=alert]'))[0], /status/);
    // the browser itself notes the 400
    assert.ok(v.complaints.every((c) => c.includes('400')));
  });

  test('opens a drawer with each attempt and its dollars', async () => {
    const { requests } = await (await api(ADMIN, 'requests?limit=200')).json();
    const row = requests.find((r) => r.attempts.length === 2);
    const v = await open();
    await v.show(`#/requests?call=${row.id}`);
    await v.page.waitForSelector('.drawer .timeline');
    assert.deepEqual(await v.exact('.timeline .dollars .money'),
      row.attempts.map((a) => a.cost_usd));
    const text = (await v.text('.drawer'))[0];
    for (const a of row.attempts)
      assert.ok(text.includes(a.role) && text.includes(a.outcome));
    assert.ok(text.includes(row.id));
    assert.deepEqual(await v.axe(), []);
    await v.page.keyboard.press('Escape');
    await v.page.waitForSelector('.drawer', { hidden: true });
    await v.page.waitForFunction(() => !location.hash.includes('call'));
    v.fine();
  });

  test('shows in the drawer what another model took of it', async () => {
    const { requests } = await (await api(ADMIN, 'requests?limit=200')).json();
    const row = requests.find((r) => r.attempts[0]?.usage.others);
    const [other] = row.attempts[0].usage.others;
    const v = await open();
    await v.show(`#/requests?call=${row.id}`);
    await v.page.waitForSelector('.drawer .timeline');
    const text = (await v.text('.timeline'))[0];
    assert.match(text, new RegExp('Of these\\s+an-advisor\\s*: ' +
      `${other.output} output, `));
    assert.ok((await v.exact('.timeline .note .money'))
      .includes(other.cost_usd));
    v.fine();
  });

  test('works by keyboard: into the drawer and back', async () => {
    const v = await open();
    await v.show('#/requests');
    await v.page.focus('.log tbody a');
    await v.page.keyboard.press('Enter');
    await v.page.waitForSelector('.drawer .facts');
    await v.page.keyboard.press('Escape');
    await v.page.waitForFunction(() => document.activeElement
      .matches('.log tbody tr:first-child a'));
    v.fine();
  });

  test('tells times in the viewer\'s zone', async () => {
    const v = await open({ zone: 'Asia/Tokyo' });
    await v.show('#/requests');
    const [at, shown] = await v.page.$eval('.log time', (t) => [t.dateTime,
      t.innerText]);
    assert.equal(shown, new Intl.DateTimeFormat('en-GB', { day: 'numeric',
      month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit',
      timeZone: 'Asia/Tokyo' }).format(new Date(at)));
    assert.match((await v.text('.panel .note'))[0], /Asia\/Tokyo/);
    v.fine();
  });
});

describe('keys and budgets', () => {
  test('a key is made, shown once, works, and is revoked', async () => {
    const v = await open();
    await v.show('#/keys');
    await v.press('New key');
    await v.fill('name', 'from the "page"');
    await v.fill('usd', '2.50');
    await v.fill('rpm', '30');
    await v.press('Create', 'dialog');
    await v.page.waitForSelector('.secret');
    const [secret] = await v.text('.secret');
    assert.match(secret, /^sk-sl-/);
    assert.equal((await api(secret, 'me')).status, 200);
    await v.press('Done', 'dialog');
    const made = (await json('key', 'list'))
      .find((k) => k.name === 'from the "page"');
    assert.equal(made.rpm, 30);
    await v.settle(() => v.page.reload());
    assert.ok(!(await v.page.content()).includes(secret));
    await v.page.click('[aria-label=\'Change from the "page"\']');
    await v.press('Revoke …', 'dialog');
    await v.settle(() => v.press('Revoke', 'dialog'));
    assert.equal((await api(secret, 'me')).status, 401);
    v.fine();
  });

  test('what cannot be is said in the dialog, which stays', async () => {
    const v = await open();
    await v.show('#/budgets');
    await v.press('New budget');
    await v.fill('name', 'no-such-thing');
    await v.page.select('dialog [name=scope]', 'tag');
    await v.fill('usd', '5');
    await v.press('Set', 'dialog');
    await v.page.waitForFunction(() =>
      document.querySelector('dialog [role=alert]').innerText.length > 5);
    assert.ok(v.complaints.every((c) => c.includes('400')));
  });

  test('a budget is set, changed and removed', async () => {
    const mine = async () => (await json('budget', 'list'))
      .filter((b) => b.name === 'team=<b>x');
    const v = await open();
    await v.show('#/budgets');
    assert.match((await v.text('.budgets'))[0], /ann@example.org/);
    await v.press('New budget');
    await v.page.select('dialog [name=scope]', 'tag');
    await v.fill('name', 'team=<b>x');
    await v.fill('usd', '12.5');
    await v.settle(() => v.press('Set', 'dialog'));
    assert.deepEqual((await mine()).map((b) => [b.limit_usd, b.per]),
      [['12.5', 'month']]);
    const last = '.budget:last-child';
    assert.match((await v.text(last))[0], /team=<b>x[^]*\$0 of \$12\.50/);
    await v.press('Change', last);
    await v.fill('usd', '20');
    await v.settle(() => v.press('Save', 'dialog'));
    assert.equal((await mine())[0].limit_usd, '20');
    await v.press('Remove', last);
    await v.settle(() => v.press('Remove', 'dialog'));
    assert.deepEqual(await mine(), []);
    v.fine();
  });
});

describe('what stands behind', () => {
  test('an account takes a credential, and never shows it', async () => {
    const v = await open();
    await v.show('#/accounts');
    await v.press('New account');
    await v.fill('name', 'night shift');
    await v.settle(() => v.press('Create', 'dialog'));
    await v.page.click('[aria-label="Change night shift"]');
    await v.press('Add a credential …', 'dialog');
    await v.fill('provider', 'echo');
    await v.fill('key', 'sk-secret-c0ffee');
    await v.settle(() => v.press('Store', 'dialog'));
    assert.match((await v.text('tbody'))[0], /night shift\s+echo since/);
    assert.ok(!(await v.page.content()).includes('c0ffee'));
    await v.page.click('[aria-label="Remove the credential for echo"]');
    await v.settle(() => v.press('Remove', 'dialog'));
    assert.match((await v.text('tbody'))[0], /night shift\s+none/);
    v.fine();
  });

  test('a target has its breaker beside its latency', async () => {
    await sluice.request({ body: { model: 'echo/echo',
      messages: [{ role: 'user', content: 'x' }] } });
    const v = await open();
    await v.show('#/targets');
    const all = await rows(v, '.scroll tbody tr');
    assert.ok(all.some((r) => /echo\/echo\s+closed/.test(r)), all.join('\n'));
    assert.ok(all.some((r) => /claude-sonnet-4-5\s+not tried/.test(r)));
    v.fine();
  });
});

describe('what strangers write', () => {
  test('is text and nothing else', async () => {
    const v = await open();
    for (const view of ['spend?by=user', 'spend?by=task', 'requests',
      'targets', 'keys']) {
      await v.show(`#/${view}`);
      assert.equal(await v.page.$$eval('main script, main img, main b',
        (all) => all.length), 0, view);
    }
    v.fine();
  });

  test('turns no other text, and takes no more room than there is',
    async () => {
      const v = await open({ screen: 'phone' });
      await v.show('#/requests?range=90d&key=&user=' + 'W'.repeat(20));
      await v.show('#/spend?by=user');
      const text = await v.page.$eval('main', (m) => m.textContent);
      assert.ok(text.includes('⟨202E⟩gro'));
      assert.ok(!/[\u202a-\u202e]/.test(text));
      assert.equal(await v.page.evaluate(() =>
        document.documentElement.scrollWidth <= innerWidth), true);
      v.fine();
    });

  test('runs in no spreadsheet', async () => {
    const v = await open();
    await v.page.evaluateOnNewDocument(() => {
      URL.createObjectURL = (blob) => {
        blob.text().then((t) => { window.saved = t; });
        return '#';
      };
    });
    await v.show('#/keys');
    await v.page.click('[aria-label="Save keys.csv"]');
    const saved = await (await v.page.waitForFunction(() => window.saved))
      .jsonValue();
    assert.match(saved, /\r\n'=cmd\(\)\|x,/);
    assert.match(saved, /^\uFEFF?name,state,id/i);
    v.fine();
  });
});

describe('the door', () => {
  test('lets a key in, keeps it in this tab only, and forgets it', async () => {
    const v = await open({ key: null });
    await v.show('');
    assert.deepEqual(await v.axe(), []);
    await v.page.type('#key', 'sk-sl-wrong');
    await v.page.keyboard.press('Enter');
    await v.page.waitForFunction(() =>
      document.querySelector('[role=alert]').innerText !== '');
    assert.ok(v.complaints.splice(0).every((c) => c.includes('401')));
    await v.page.$eval('#key', (e) => { e.value = ''; });
    await v.page.type('#key', ADMIN);
    await v.settle(() => v.page.keyboard.press('Enter'));
    assert.deepEqual(await v.text('h1'), ['Spend']);
    assert.deepEqual(await v.page.evaluate(() => [localStorage.length,
      document.cookie, Object.keys(sessionStorage)]),
    [0, '', ['sluice.key']]);
    await v.press('Sign out');
    await v.page.waitForSelector('#key');
    assert.equal(await v.page.evaluate(() => sessionStorage.length), 0);
    v.fine();
  });

  test('a key that is no admin\'s sees its own and changes nothing',
    async () => {
      const v = await open({ key: keys[1].key });
      await v.show('#/spend');
      const own = (await json('ledger', 'summary', '--by', 'key', '--since',
        dateOf(29))).groups.find((g) => g.key === keys[1].id);
      assert.equal((await v.exact('.small .money'))[0], own.cost_usd);
      for (const view of VIEWS) {
        await v.show(`#/${view}`);
        assert.equal(await v.page.$$eval('.title .primary, .acts', (b) =>
          b.length), 0, view);
      }
      await v.show('#/keys');
      assert.equal(await v.page.$$eval('tbody tr', (r) => r.length), 1);
      v.fine();
    });
});

test('lives in a folder of a web space as well', async (t) => {
  const hosted = await startBehind('.htaccess CGI', { conf: {
    auth: { admin_key: ADMIN } } });
  t.after(() => hosted.stop());
  const site = `${hosted.dir}/public_html`;
  fs.mkdirSync(`${site}/tools/ai`, { recursive: true });
  for (const name of fs.readdirSync(site).filter((n) => n !== 'tools'))
    fs.cpSync(`${site}/${name}`, `${site}/tools/ai/${name}`,
      { recursive: true, verbatimSymlinks: false });
  execFileSync('chmod', ['-R', 'a+rX', `${site}/tools`]);
  const v = await browser.open(`${hosted.url}/tools/ai`, { key: ADMIN });
  for (const view of VIEWS) {
    await v.show(`#/${view}`);
    assert.deepEqual(await v.text('[role=alert]'), [], view);
  }
  v.fine();
});
