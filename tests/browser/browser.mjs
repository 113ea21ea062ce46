// Chromium for the tests: pages that remember what went wrong on them, accessibility, overflow, pictures.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];
const SCREENSHOTS = process.env.GANTRY_SCREENSHOTS;

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };
export const NARROW = { width: 320, height: 640 };

/** A Chromium with an empty profile that asks nothing of the outside. */
export const startBrowser = () => chromium.launch({
  executablePath: process.env.GANTRY_CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});

/**
 * A page in a context of its own. `page.trouble` lists what its console, scripts and policy complained about.
 *
 * With `stays`, the page of a datalab does not lead on to the notebook by itself, so that it can be looked at.
 */
export async function openPage(browser, { stays = false, ...options } = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, colorScheme: 'light', reducedMotion: 'reduce', ...options });
  if (stays) {
    await context.addInitScript(() => {
      const get = Storage.prototype.getItem;
      Storage.prototype.getItem = function (key) { return key.startsWith('gantry.opened.') ? '1' : get.call(this, key); };
    });
  }
  context.setDefaultTimeout(15_000);
  if (options.javaScriptEnabled !== false) {
    await context.addInitScript({ content: AXE });
    await context.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`content security policy: ${event.violatedDirective} blocked ${event.blockedURI || 'inline'} ${event.sample}`);
    }));
  }
  const page = await context.newPage();
  page.trouble = [];
  page.on('pageerror', (error) => page.trouble.push(`${page.url()}: script: ${error.stack ?? error}`));
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    const from = message.location().url;
    // The page itself may be an error page; that is not an error on the page.
    if (from === page.url() && message.text().startsWith('Failed to load resource')) return;
    page.trouble.push(`${page.url()}: console: ${message.text()} (${from})`);
  });
  return page;
}

/** Logs a page's context in with an address that works once. */
export async function logIn(page, loginUrl) {
  const answer = await page.goto(loginUrl);
  assert.ok(answer.ok(), `the login address answered ${answer.status()}`);
  await page.getByTestId('user').waitFor();
}

/** The cookies of a logged-in page, for a further context. */
export const storageState = (page) => page.context().storageState();

/** Fails with every complaint of the page's console, scripts and policy. */
export function assertNoTrouble(page, what) {
  assert.deepEqual(page.trouble, [], `${what}: the console is not silent`);
}

/** Fails with every violation axe-core finds: rule, element, advice. */
export async function assertAccessible(page, what) {
  const found = await page.evaluate(async (tags) => {
    const { violations } = await globalThis.axe.run(document, { runOnly: tags, resultTypes: ['violations'] });
    return violations.flatMap((v) => v.nodes.map((node) => `${v.id} (${v.impact}): ${node.html.slice(0, 200)}\n    ${node.failureSummary.replaceAll('\n', '\n    ')}`));
  }, AXE_TAGS);
  assert.equal(found.length, 0, `${what}: axe-core found\n${found.join('\n')}`);
}

/** Fails when the page is wider than the window, naming what sticks out. */
export async function assertFits(page, what) {
  const sticking = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const scrolls = (e) => e && e !== document.body && (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
    const wide = [...document.body.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > width + 0.5 && !scrolls(e.parentElement));
    return [`page ${document.documentElement.scrollWidth} px in a window of ${width} px`, ...wide.slice(0, 8).map((e) => `${e.outerHTML.slice(0, 160)} reaches ${Math.round(e.getBoundingClientRect().right)} px`)];
  });
  assert.deepEqual(sticking, [], `${what}: is wider than the window`);
}

/** Saves the page as phone and desktop, light and dark, in `$GANTRY_SCREENSHOTS`; without that, nothing. */
export async function picture(page, name) {
  if (!SCREENSHOTS) return;
  await mkdir(SCREENSHOTS, { recursive: true });
  const before = page.viewportSize();
  for (const [size, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(SCREENSHOTS, `${name}-${size}-${colorScheme}.png`), fullPage: false });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(before);
}

/** The number a heading such as `1,204 products` begins with. */
export const numberIn = (text) => Number(text.match(/[\d,]+/)?.[0].replaceAll(',', ''));
