// SPDX-License-Identifier: MIT
// Experiments: how well each arm fits each task, with the interval drawn, and
// what was judged, down to the two answers while they are kept.

import { h, button, name, notice, plain } from './dom.js';
import { get, path, post } from './api.js';
import { money } from './money.js';
import { count, ms, share, time } from './format.js';
import { badge } from './outcome.js';
import { csvButton, panel, table } from './table.js';
import { ask, tell } from './dialog.js';

const PAGE = 20;
const STATE = { running: 'good', waiting: 'idle', stopped: 'warn',
  ended: 'idle', out_of_budget: 'warn' };
const words = (s) => s.replaceAll('_', ' ');
const two = (n) => n.toFixed(2);
const percent = (n) => `${(100 * n).toFixed(1)}%`;

// The mean as a dot on its interval, from 0 to 1.
function interval(a) {
  return h('span', { class: 'interval', role: 'img', 'aria-label':
    `Fit ${two(a.fit)}, between ${two(a.fit_low)} and ${two(a.fit_high)}`,
  css: { '--low': percent(a.fit_low), '--mean': percent(a.fit),
    '--span': percent(a.fit_high - a.fit_low) } }, h('i'), h('b'));
}

function armCell(a) {
  const failed = a.failed > 0 && ` · ${count(a.failed)} failed`;
  if (a.n === 0)
    return h('span', { class: 'none' }, 'no verdict', failed);
  return h('div', { class: 'cell' }, interval(a),
    h('span', null, two(a.fit), h('span', { class: 'note' },
      ` ${two(a.fit_low)} to ${two(a.fit_high)} · n ${count(a.n)}`)),
    h('span', { class: 'note' }, `wins ${share(a.win_rate, 1)} · `,
      ms(a.latency_ms < 0 ? null : a.latency_ms), failed),
    h('span', { class: 'note' }, money(a.cost_usd), ' a call, ',
      money(a.accepted_usd), ' an accepted one'));
}

function verdict(t, e) {
  if (t.verdict === 'winner')
    return [badge('winner', 'good'), ' ', name(t.winner)];
  if (t.verdict === 'no_difference')
    return badge('no difference', 'idle', ` beyond ${e.epsilon}`);
  return [badge('keep going', 'idle'), h('span', { class: 'note' },
    ` about ${count(t.more)} more`)];
}

const matrix = (e) => [
  { label: 'Task', class: 'wraps', cell: (t) => name(t.task, 'no task') },
  ...e.arms.map((arm, i) => ({ label: plain(arm, 40),
    cell: (t) => armCell(t.arms[i]) })),
  { label: 'Verdict', cell: (t) => verdict(t, e) }];

// Of the file: a line for each task and arm.
const FILE = ['task', 'arm', 'n', 'failed', 'fit', 'fit_low', 'fit_high',
  'win_rate', 'accepted', 'cost_usd', 'accepted_usd', 'latency_ms']
  .map((f) => ({ label: f, csv: (r) => r[f] }));
const lines = (e) => e.tasks.flatMap((t) =>
  t.arms.map((a) => ({ task: t.task, ...a })));

/* --- what an admin does --- */

function promote(e, again) {
  ask({ title: 'Send all calls to one arm', action: 'Promote',
    text: ['Its trials rest until you go back.'],
    fields: [{ name: 'arm', label: 'Arm', type: 'select', wide: true,
      options: e.arms.map((a) => [a, plain(a, 60)]),
      value: e.tasks.find((t) => t.winner)?.winner ?? e.arms[0] }],
    run: async (v) => {
      await post(path('experiments', e.name, 'promote'), v);
      again();
    } });
}

function acts(e, again) {
  const to = (what, body) => async () => {
    await post(path('experiments', e.name, what), body);
    again();
  };
  const rests = e.state === 'stopped';
  return [button('Promote …', () => promote(e, again), { class: 'quiet' }),
    e.promoted !== null
      ? button('Back', to('promote', { arm: null }), { class: 'quiet' })
      : button(rests ? 'Start' : 'Stop', to(rests ? 'start' : 'stop'),
        { class: 'quiet' })];
}

const said = (text) => h('pre', { class: 'said', dir: 'auto' },
  text.split('\n').map((l) => `${plain(l, 10000)}\n`));

async function answers(e, v, again, admin) {
  const kept = await get(path('experiments', e.name, 'verdicts', v.call));
  if (!kept.answers)
    return notice('These answers are not kept.');
  const label = (who) => button(who === 'tie' ? 'Neither is better'
    : 'This one is better', async () => {
    await post(path('experiments', e.name, 'labels'),
      { call: v.call, label: who });
    dialog.close();
    again();
  }, { class: 'quiet' });
  const dialog = tell({ title: 'Two answers' },
    h('details', null, h('summary', null, 'Question'), said(kept.asked)),
    h('div', { class: 'pair' }, v.arms.map((arm, i) => h('section', null,
      h('h3', null, name(arm)), said(kept.answers[i]),
      h('p', { class: 'note' }, `score ${two(v.scores[i])}`),
      admin && label(arm)))), admin && label('tie'));
}

/* --- verdicts --- */

const scores = (v) => v.scores.map(two).join(' : ');
const columns = (e, ctx) => [
  { label: 'Judged', cell: (v) => h('a', { class: 'open', href: ctx.link(
    'experiments', { of: e.name, call: v.call }) }, time(v.judged_at)),
  csv: (v) => v.judged_at },
  { label: 'Task', wide: true, class: 'wraps', cell: (v) => name(v.task) },
  { label: 'Served, shadow', class: 'wraps', wide: true,
    cell: (v) => name(v.arms.join(', ')) },
  { label: 'Scores', num: true, cell: scores },
  { label: 'Better', class: 'wraps', cell: (v) => v.winner === null
    ? badge(v.inconsistent ? 'inconsistent' : 'tie') : name(v.winner) },
  { label: 'Label', wide: true, class: 'wraps', cell: (v) => name(v.label) },
  { label: 'Reason', wide: true, class: 'wraps',
    cell: (v) => name(v.reasons[0]) },
  ...(ctx.me.admin ? [{ label: '', class: 'acts', csv: null,
    cell: (v) => button('Answers', () => answers(e, v, ctx.again, true),
      { class: 'quiet' }) }] : [])];

async function pairs(e, ctx) {
  const all = [];
  const ask20 = async (cursor) => {
    const page = await get(path('experiments', e.name, 'verdicts'),
      { limit: PAGE, cursor }, cursor ? undefined : ctx.signal);
    all.push(...page.verdicts);
    box.replaceChildren(table({ caption: 'Judged pairs', rows: all,
      columns: columns(e, ctx), empty: 'Nothing has been judged yet.' }),
    page.next ? button('Show more', () => ask20(page.next),
      { class: 'wide-button' }) : '');
  };
  const box = h('div');
  await ask20();
  return panel(`Judged pairs of ${plain(e.name, 40)}`, { note:
    'The newest calls first.' }, box);
}

/* --- the view --- */

function about(e) {
  const g = e.agreement;
  return [badge(words(e.state), STATE[e.state]), ` ${e.mode}, `,
    `${count(e.judged)} judged, ${count(e.waiting)} waiting, spent `,
    money(e.spent_usd), e.budget_usd !== null && [' of ', money(e.budget_usd)],
    e.promoted !== null && [', all calls go to ', name(e.promoted)],
    g.labels > 0 && `, the judge agrees with ${count(g.same)} of ` +
      `${count(g.labels)} labels (kappa ${two(g.kappa)})`,
    g.self_preferred > 0 && `, ${count(g.self_preferred)} times for its ` +
      'own family'];
}

const card = (e, ctx) => h('section', { class: 'panel fit' },
  h('div', { class: 'head' }, h('h2', null, h('a', { class: 'dim',
    href: ctx.link('experiments', { of: e.name }) }, name(e.name))),
  h('p', { class: 'note' }, about(e)),
  h('div', { class: 'tools' }, ctx.me.admin && acts(e, ctx.again),
    csvButton('fit.csv', FILE, () => lines(e)))),
  table({ caption: `Fit of ${plain(e.name, 40)}`, columns: matrix(e),
    rows: e.tasks, empty: 'No verdict yet.' }));

export async function experiments(ctx) {
  const title = h('div', { class: 'title' }, h('h1', null, 'Experiments'));
  if (!ctx.me.all)
    return [title, h('p', { class: 'empty' },
      'They are about everybody\'s calls: that takes the key of an admin.')];
  const { experiments: all } = await get('experiments', {}, ctx.signal);
  const of = all.find((e) => e.name === ctx.params.get('of')) ?? all[0];
  return [title, ...all.map((e) => card(e, ctx)),
    of ? await pairs(of, ctx) : h('p', { class: 'empty' },
      'No experiment is configured.')];
}
