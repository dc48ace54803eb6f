// SPDX-License-Identifier: MIT
// Charts, by Chart.js as the distribution has it (vendor/chart.min.js).  Each
// is a picture with a name, and a table of the same figures below; without the
// library the table is all there is.

import { h } from './dom.js';

const COLOURS = 8;
const style = (property) => getComputedStyle(document.documentElement)
  .getPropertyValue(property).trim();
export const colour = (i) => style(i < COLOURS ? `--c${i}` : '--rest');
export const swatch = (i) => h('span', { class: 'swatch',
  css: { background: `var(${i < COLOURS ? `--c${i}` : '--rest'})` } });

const live = new Set();

// sweep(): forget charts that have left the page.
export function sweep() {
  for (const chart of live)
    if (!chart.canvas?.isConnected) {
      chart.destroy();
      live.delete(chart);
    }
}

const scale = (o) => ({ stacked: o.stacked, border: { display: false },
  beginAtZero: true, ticks: { color: style('--soft'), maxTicksLimit: o.ticks,
    maxRotation: 0, autoSkipPadding: 24,
    ...(o.callback && { callback: o.callback }) },
  title: { display: Boolean(o.title), text: o.title, color: style('--soft') },
  grid: { color: style('--line'), display: o.grid, drawBorder: false,
    drawTicks: false } });

function options(o) {
  const value = scale({ stacked: o.stacked, ticks: 5, grid: true,
    callback: (v) => o.format(v), title: o.unit });
  // without a number of them the library shows as many as there is room for
  const label = scale({ stacked: o.stacked, ticks: o.ticks, grid: false });
  return { responsive: true, maintainAspectRatio: false, animation: false,
    indexAxis: o.sideways ? 'y' : 'x', normalized: true,
    interaction: { mode: 'index', axis: o.sideways ? 'y' : 'x',
      intersect: false },
    scales: o.sideways ? { x: value, y: label } : { x: label, y: value },
    plugins: { legend: { display: false }, tooltip: {
      backgroundColor: style('--ink'), titleColor: style('--paper'),
      bodyColor: style('--paper'), footerColor: style('--paper'), padding: 10,
      cornerRadius: 6, boxPadding: 4, usePointStyle: true,
      filter: (item) => item.raw !== 0 && item.raw !== null,
      callbacks: { label: o.tooltip, footer: o.footer } } },
    onClick: o.onClick };
}

// figure({ type, name, labels, datasets, legend, table, height, ... }): the
// element; it is drawn once it is on the page.
export function figure(o) {
  const canvas = h('canvas', { role: 'img', 'aria-label': o.name });
  const text = h('details', { class: 'as-table' },
    h('summary', null, 'As a table'), o.table);
  const Chart = window.Chart;
  if (!Chart) {
    text.open = true;
    return h('figure', null, o.legend, text);
  }
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  queueMicrotask(() => requestAnimationFrame(() => {
    if (canvas.isConnected)
      live.add(new Chart(canvas, { type: o.type, options: options(o),
        data: { labels: o.labels, datasets: o.datasets } }));
  }));
  return h('figure', null, h('div', { class: 'plot',
    css: { height: o.height ?? '18rem' } }, canvas), o.legend, text);
}
