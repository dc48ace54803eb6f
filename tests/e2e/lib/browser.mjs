// SPDX-License-Identifier: MIT
// Debian's chromium, headless, and what it has to say about a page: messages,
// errors, requests to elsewhere, violations of accessibility.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import puppeteer from 'puppeteer-core';

const AXE = fs.readFileSync(createRequire(import.meta.url)
  .resolve('axe-core/axe.min.js'), 'utf8');
const CHROMIUM = '/usr/bin/chromium';

export const SCREENS = {
  light: { width: 1280, height: 800 },
  dark: { width: 1280, height: 800, dark: true },
  phone: { width: 390, height: 844, isMobile: true, hasTouch: true,
    deviceScaleFactor: 2 },
};

class View {
  constructor(page, url) {
    this.page = page;
    this.url = url;
    this.complaints = [];
    const note = (what) => this.complaints.push(what);
    page.on('console', (m) => note(`console: ${m.text()}`));
    page.on('pageerror', (e) => note(`error: ${e.message}`));
    page.on('dialog', (d) => {
      note(`dialog: ${d.message()}`);
      d.dismiss();
    });
    page.on('request', (r) => r.url().startsWith(url) ||
      /^(blob|data):/.test(r.url()) || note(`elsewhere: ${r.url()}`));
  }

  // Another address of the page, until it is all there.  How long it took.
  async show(hash) {
    const begun = performance.now();
    await this.page.goto(`${this.url}/${hash}`);
    await this.ready();
    return performance.now() - begun;
  }
  async ready() {
    await this.page.waitForSelector('main:not([aria-busy]) h1');
  }
  async settle(act) {
    await act();
    await this.page.waitForNetworkIdle({ idleTime: 150 });
    await this.ready();
  }

  text(selector) {
    return this.page.$$eval(selector, (all) => all.map((e) => e.innerText));
  }
  exact(selector) {
    return this.page.$$eval(selector, (all) => all.map((e) =>
      e.dataset.exact.replaceAll(/[$,]/g, '')));
  }
  async press(text, within = 'body') {
    const b = await this.page.waitForSelector(
      `${within} ::-p-xpath(.//button[normalize-space()="${text}"])`);
    await b.click();
  }
  async fill(name, value) {
    await this.page.$eval(`dialog [name="${name}"]`, (e, v) => {
      e.value = v;
    }, value);
  }

  async axe() {
    await this.page.evaluate(AXE);
    const { violations } = await this.page.evaluate(() =>
      window.axe.run(document, { resultTypes: ['violations'] }));
    return violations.filter((v) => v.impact === 'serious' ||
      v.impact === 'critical').map((v) => `${v.id}: ${v.nodes.map((n) =>
      n.target.join(' ')).join(', ')}`);
  }
  fine() { assert.deepEqual(this.complaints, []); }
}

export class Browser {
  async start() {
    this.chromium = await puppeteer.launch({ executablePath: CHROMIUM,
      args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
    return this;
  }

  // open(url, { key, screen, zone }): a tab without any history.
  async open(url, { key, screen = 'light', zone } = {}) {
    const context = await this.chromium.createBrowserContext();
    const page = await context.newPage();
    const { dark, ...viewport } = SCREENS[screen];
    await page.setViewport(viewport);
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme',
      value: dark ? 'dark' : 'light' }]);
    if (zone)
      await page.emulateTimezone(zone);
    if (key)
      await page.evaluateOnNewDocument((k) =>
        sessionStorage.setItem('sluice.key', k), key);
    return new View(page, url);
  }

  stop() { return this.chromium.close(); }
}
