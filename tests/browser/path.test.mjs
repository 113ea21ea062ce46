// Gantry below a path of its host, as behind a proxy that gives it no more: nothing on its pages leads out of it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertNoTrouble, logIn, openPage, startBrowser } from './browser.mjs';
import { startDemo } from './demo.mjs';
import { LAB_WITHIN_MS, NOTEBOOK_WITHIN_MS, markFound, openNotebook } from './way.mjs';

const PATH = '/tools/gantry/';
const ENDED_WITHIN_MS = 60_000;
const MOST_PAGES = 120;

let demo;
let browser;
let page;
/** What was asked of the host without the path. */
const astray = [];

before(async () => {
  [demo, browser] = await Promise.all([startDemo({ path: PATH }), startBrowser()]);
  page = await openPage(browser, { stays: true });
  const { host } = new URL(demo.url);
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.host === host && !url.pathname.startsWith(PATH)) astray.push(`${request.method()} ${url.pathname} from ${page.url()}`);
  });
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  await demo?.stop();
});

const at = (path) => new URL(path, demo.url).href;
const assertBelow = (what) => assert.deepEqual(astray, [], `${what}: leaves ${PATH}`);

test('somebody who is not logged in is sent to log in, and comes back', async () => {
  assert.equal(new URL(demo.url).pathname, PATH);
  await page.goto(at('volumes'));
  await page.waitForURL((url) => url.pathname === `${PATH}login`);
  await page.getByTestId('login-code').fill(new URL(demo.login_url).searchParams.get('code'));
  await page.getByTestId('login').click();
  await page.waitForURL(at('volumes'));
  await page.getByTestId('user').waitFor();
  assertBelow('the login');
});

test('a search answers while one types, completes, plans, and stages', { timeout: 120_000 }, async () => {
  await page.goto(at(''));
  await page.getByTestId('search-box').pressSequentially('100 GHz');
  await page.getByTestId('completion').first().waitFor();
  await page.waitForURL((url) => url.pathname === PATH && url.searchParams.get('q') === '100 GHz');
  await page.keyboard.press('Escape');
  for (const n of [0, 1]) await page.getByTestId('mark').nth(n).check();
  await page.getByTestId('plan').filter({ hasText: /\d/ }).waitFor();
  await page.getByTestId('add-to-volume').click();
  await page.waitForURL(new RegExp(`${PATH}staging-jobs/[^/]+$`));
  await page.getByTestId('job-ended').waitFor({ timeout: ENDED_WITHIN_MS });
  assertNoTrouble(page, 'staging');
  assertBelow('staging');
});

test('a notebook opens as soon as its page says so', { timeout: LAB_WITHIN_MS + 2 * NOTEBOOK_WITHIN_MS }, async () => {
  await page.evaluate(() => sessionStorage.clear());
  await markFound(page, demo, { words: '143 GHz', facet: 'facet-instrument-HFI', chip: 'HFI', n: 1 });
  await openNotebook(page, 'path');
  await page.goto(at('datalabs'));
  await page.getByTestId('open').waitFor();
  assertBelow('a datalab');
});

test('another language is spoken at the same place', async () => {
  await page.goto(at('labs'));
  await page.getByTestId('language-de').click();
  await page.waitForURL((url) => url.pathname === `${PATH}labs`);
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
  await page.goto(at('labs?language=en'));
  assertNoTrouble(page, 'languages');
  assertBelow('languages');
});

test('every link of every page leads to something below the path', { timeout: 240_000 }, async () => {
  const seen = new Set();
  const open = [at('')];
  const lost = [];
  while (open.length > 0 && seen.size < MOST_PAGES) {
    const url = open.shift();
    // One page of each kind is looked at: an asset, a facet, a search.
    const kind = new URL(url).pathname.replace(/(assets|selections|staging-jobs|datalabs|harvests|facets|problems|labs|volumes)\/.*/, '$1/*') + [...new URL(url).searchParams.keys()].sort();
    if (seen.has(kind)) continue;
    seen.add(kind);
    const answer = await page.request.get(url, { headers: { Accept: 'text/html' } });
    if (answer.status() >= 400) { lost.push(`${answer.status()} ${url}`); continue; }
    if (!(answer.headers()['content-type'] ?? '').startsWith('text/html')) continue;
    const html = await answer.text();
    const found = [...html.matchAll(/<(?!html)[^>]*?\s(href|src|action|data-href|data-events|data-upload)="([^"]*)"/g)];
    assert.ok(found.length > 5, `${url}: has no links`);
    for (const [tag, name, value] of found) {
      const to = new URL(value.replaceAll('&#38;', '&').replaceAll('&amp;', '&'), url);
      if (to.host !== new URL(demo.url).host) continue;
      // What is downloaded is no page.
      const isPage = name === 'href' && !to.pathname.startsWith(`${PATH}api/`);
      if (!to.pathname.startsWith(PATH)) lost.push(`${url}: ${tag}`);
      else if (isPage) open.push(to.href.replace(/#.*/, ''));
    }
  }
  assert.deepEqual(lost, []);
  assert.ok(seen.size > 30, `only ${seen.size} kinds of pages: ${[...seen].join(' ')}`);
});

test('pages with scripts of their own are silent', { timeout: 120_000 }, async () => {
  for (const path of ['docs', 'volumes/workspace', 'datalabs', 'labs', 'portal/conformance', 'status', 'operator']) {
    await page.goto(at(path));
    if (path === 'docs') await page.locator('.route').first().waitFor();
    assertNoTrouble(page, path);
    assertBelow(path);
  }
});

test('a button on a portal of another site leads to the confirmation and to the job', { timeout: 120_000 }, async () => {
  await page.goto(demo.portal_url);
  await page.waitForFunction(() => document.getElementById('told').value.includes('ready'));
  await page.locator('#results tbody input[type=checkbox]').first().check();
  await page.locator('gantry-actions button[value=add-to-volume]').click();
  await page.waitForURL(new RegExp(`${PATH}portal/intents/[^/]+$`));
  await page.getByTestId('add-to-volume').click();
  await page.waitForURL(new RegExp(`${PATH}staging-jobs/[^/]+$`));
  await page.getByTestId('job-ended').waitFor({ timeout: ENDED_WITHIN_MS });
  assertNoTrouble(page, 'a portal');
  assertBelow('a portal');
});

test('programs are led on below the path', async () => {
  const ask = (path, init = {}) => fetch(new URL(path, demo.url), { ...init, redirect: 'manual', headers: { Authorization: `Bearer ${demo.token}`, ...init.headers } });
  const first = await (await ask('api/v1/assets?q=GHz&limit=1')).json();
  assert.ok(first.next.startsWith(`${PATH}api/v1/assets?`), first.next);
  const second = await (await ask(first.next)).json();
  assert.notEqual(second.assets[0].id, first.assets[0].id);
  const made = await ask('api/v1/selections', { method: 'POST', body: JSON.stringify({ assets: [first.assets[0].id] }), headers: { 'Content-Type': 'application/json' } });
  assert.equal(made.status, 201);
  assert.ok(made.headers.get('location').startsWith(`${PATH}api/v1/selections/`));
  assert.equal((await ask(made.headers.get('location'))).status, 200);
  const problem = await ask('api/v1/assets/planck:none', { headers: { 'Accept-Encoding': 'gzip' } });
  const { type } = await problem.json();
  assert.equal(type, `${PATH}problems/asset-not-found`);
  assert.equal((await ask(type)).status, 200);
  assert.equal((await (await ask('openapi.json')).json()).servers[0].url, PATH.replace(/\/$/, ''));
  assert.equal((await ask(PATH.replace(/\/$/, ''))).headers.get('location'), PATH);
  // As what watches the machine asks.
  assert.equal((await ask('/healthz')).status, 200);
});
