// Every page: accessible, silent, within a narrow window; search also without scripts and by keyboard alone.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DESKTOP, NARROW, assertAccessible, assertFits, assertNoTrouble, logIn, numberIn, openPage, picture, startBrowser, storageState } from './browser.mjs';
import { startDemo } from './demo.mjs';

const VOLUME = 'pages';

let demo;
let browser;
/** Logged in. */
let page;
/** Where the pages are that belong to something: made in `before`, by the pages' own forms. */
const made = {};

const at = (path) => new URL(path, demo.url).href;
const whereNow = () => new URL(page.url()).pathname;

/** Marks the first `n` products of a search and presses a button of the search page. */
async function take(query, n, button) {
  await page.goto(at('/'));
  await page.evaluate(() => sessionStorage.clear());
  await page.goto(at(`/?q=${encodeURIComponent(query)}`));
  for (let i = 0; i < n; i += 1) await page.getByTestId('mark').nth(i).check();
  const volume = page.getByTestId('volume');
  if (button === 'add-to-volume') await volume.selectOption(VOLUME);
  await Promise.all([page.waitForURL((url) => url.pathname !== '/'), page.getByTestId(button).click()]);
  return whereNow();
}

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), startBrowser()]);
  page = await openPage(browser, { stays: true });
  await logIn(page, demo.login_url);

  await page.goto(at('/volumes'));
  await page.getByTestId('volume-name').fill(VOLUME);
  await page.getByTestId('volume-title').fill('Made by the pages');
  await page.getByTestId('volume-create').click();
  await page.goto(at('/volumes'));
  await page.getByTestId(`volume-${VOLUME}`).waitFor();

  made.asset = await page.goto(at('/')).then(() => page.getByTestId('hit-title').first().getAttribute('href'));
  made.assetId = await page.getByTestId('hit').first().getAttribute('data-id');
  made.selection = await take('100 GHz', 2, 'view-selection');
  made.job = await take('100 GHz', 2, 'add-to-volume');
  await page.getByTestId('job-ended').waitFor({ timeout: 60_000 });
  made.datalab = await take('143 GHz', 1, 'open-in-notebook');
  await page.goto(at('/?q=100%20GHz'));
  await page.getByTestId('save-search-button').click();
  await page.waitForURL(/\/searches$/);
  await page.goto(at('/archives'));
  made.harvest = await page.getByTestId('last-harvest').first().getAttribute('href');
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  await demo?.stop();
});

const PAGES = {
  'search': { path: () => '/', shows: 'search-box' },
  'search with results': { path: () => '/?q=100%20GHz&facet=instrument%2FHFI', shows: 'hit' },
  'search with everything asked': { path: () => '/?q=map&facet=mission%2FPlanck&time=2009-08-12%2F2010-12-01&sort=newest&collapse=none', shows: 'search-box' },
  'search without results': { path: () => '/?q=qqqqzzzz', shows: 'empty' },
  'saved searches': { path: () => '/searches', shows: 'searches' },
  'account': { path: () => '/tokens', shows: 'account-name' },
  'operator': { path: () => '/operator', shows: 'users' },
  'asset': { path: () => made.asset, shows: 'asset-id' },
  'selection': { path: () => made.selection, shows: 'selection-id' },
  'confirm Open in Notebook': { path: () => `/open-in-notebook?asset=${encodeURIComponent(made.assetId)}`, shows: 'confirm' },
  'confirm Add to Data Volume': { path: () => `/add-to-volume?asset=${encodeURIComponent(made.assetId)}`, shows: 'confirm' },
  'volumes': { path: () => '/volumes', shows: 'volumes' },
  'volume': { path: () => `/volumes/${VOLUME}`, shows: 'entry' },
  'folder of a volume': { path: () => `/volumes/${VOLUME}?path=planck`, shows: 'up' },
  'labs': { path: () => '/labs', shows: 'labs' },
  'datalabs': { path: () => '/datalabs', shows: 'datalab' },
  'datalab': { path: () => made.datalab, shows: 'datalab-page' },
  'staging jobs': { path: () => '/staging-jobs', shows: 'job' },
  'staging job': { path: () => made.job, shows: 'job-page' },
  'archives': { path: () => '/archives', shows: 'archives' },
  'harvest': { path: () => made.harvest, shows: 'phase' },
  'login': { path: () => '/login', shows: 'login-form', loggedOut: true },
  'search, logged out': { path: () => '/?q=100%20GHz', shows: 'log-in', loggedOut: true },
  'login refused': { path: () => '/login', shows: 'login-error', loggedOut: true, before: async (p) => {
    await p.getByTestId('login-code').fill('not-a-code');
    await p.getByTestId('login').click();
  } },
  'problem': { path: () => '/assets/planck:no-such-product', shows: 'problem', status: 404 },
  'problem of an unknown address': { path: () => '/no/such/page', shows: 'problem', status: 404 },
  'problem type': { path: () => '/problems/asset-not-found', shows: 'problem-type' },
  'docs': { path: () => '/docs', shows: 'route' },
  'help': { path: () => '/help', shows: 'help-page' },
  'help, buttons on a portal': { path: () => '/help/portals', shows: 'help-portals' },
  'help, REST by example': { path: () => '/help/rest', shows: 'help-rest' },
  'portal kit, conformance': { path: () => '/portal/conformance', shows: 'check' },
  'status': { path: () => '/status', shows: 'status-page' },
};

describe('each page is accessible, silent, and fits a narrow window', () => {
  for (const [name, { path, shows, status = 200, loggedOut = false, before: prepare }] of Object.entries(PAGES)) {
    test(name, { timeout: 60_000 }, async () => {
      const own = await openPage(browser, { stays: true, ...(loggedOut ? {} : { storageState: await storageState(page) }) });
      try {
        const answer = await own.goto(at(path()));
        assert.equal(answer.status(), status, `${path()} answered ${answer.status()}: ${(await own.locator('body').innerText()).slice(0, 400)}`);
        await prepare?.(own);
        await own.getByTestId(shows).first().waitFor();
        assert.match(answer.headers()['content-security-policy'] ?? '', /default-src|script-src/, 'has no content security policy');
        assert.equal(await own.locator('h1').count(), 1, 'has one first heading');
        await assertAccessible(own, `${name}, desktop, light`);
        await own.emulateMedia({ colorScheme: 'dark' });
        await own.setViewportSize(NARROW);
        await assertFits(own, name);
        await assertAccessible(own, `${name}, narrow, dark`);
        await own.emulateMedia({ colorScheme: 'light' });
        await own.setViewportSize(DESKTOP);
        await picture(own, `page-${name.replaceAll(/\W+/g, '-').toLowerCase()}`);
        // In German, in colours of the reader's own, as wide as a window at 400 %.
        await own.setExtraHTTPHeaders({ 'Accept-Language': 'de' });
        await own.emulateMedia({ forcedColors: 'active' });
        await own.setViewportSize(NARROW);
        await own.goto(at(path()));
        assert.equal(await own.locator('html').getAttribute('lang'), 'de');
        await assertFits(own, `${name}, German, magnified`);
        await assertAccessible(own, `${name}, German, magnified`);
        await picture(own, `page-${name.replaceAll(/\W+/g, '-').toLowerCase()}-de`);
        assertNoTrouble(own, name);
      } finally {
        await own.context().close();
      }
    });
  }
});

describe('without scripts', () => {
  test('search narrows, turns pages, and takes what is marked', { timeout: 60_000 }, async () => {
    const plain = await openPage(browser, { javaScriptEnabled: false, storageState: await storageState(page) });
    try {
      await plain.goto(at('/'));
      const all = numberIn(await plain.getByTestId('total').innerText());
      await plain.getByTestId('facet-instrument-HFI').click();
      await plain.getByTestId('chip').first().waitFor();
      const narrowed = numberIn(await plain.getByTestId('total').innerText());
      assert.ok(narrowed > 0 && narrowed < all, `${narrowed} of ${all}`);

      await plain.getByTestId('chip').first().click();
      const first = await plain.getByTestId('hit').first().getAttribute('data-id');
      await plain.getByTestId('next-page').click();
      await plain.getByTestId('first-page').waitFor();
      const later = await plain.getByTestId('hit').first().getAttribute('data-id');
      assert.notEqual(later, first, 'the next page begins with the same product');

      await plain.getByTestId('mark').first().check();
      await plain.getByTestId('view-selection').click();
      await plain.waitForURL(/\/selections\/[^/]+/);
      assert.equal(await plain.getByTestId('product').count(), 1);

      await plain.getByTestId('add-to-volume').click();
      await plain.waitForURL(/\/staging-jobs\/[^/]+$/);
    } finally {
      await plain.context().close();
    }
  });

  test('nothing marked is said, not silently taken', { timeout: 30_000 }, async () => {
    const plain = await openPage(browser, { javaScriptEnabled: false, storageState: await storageState(page) });
    try {
      await plain.goto(at('/?q=100%20GHz'));
      await plain.getByTestId('open-in-notebook').click();
      await plain.waitForLoadState();
      assert.doesNotMatch(plain.url(), /\/(datalabs|selections)\/./, `led to ${plain.url()}`);
      assert.ok(await plain.locator('[data-testid=notes], [data-testid=problem]').count() > 0, await plain.locator('main').innerText());
    } finally {
      await plain.context().close();
    }
  });
});

describe('by keyboard alone', () => {
  const focused = (p) => p.evaluate(() => {
    const e = document.activeElement;
    const style = getComputedStyle(e);
    return { id: e.id, testid: e.dataset.testid, tag: e.tagName, classes: e.className, visible: style.outlineStyle !== 'none' && style.outlineWidth !== '0px' || style.boxShadow !== 'none' };
  });

  /** Presses Tab until an element has the focus; what had it before is in the failure. */
  async function tabTo(p, testid, most = 400) {
    const passed = [];
    for (let i = 0; i < most; i += 1) {
      await p.keyboard.press('Tab');
      const now = await focused(p);
      if (now.testid === testid) return now;
      passed.push(now.testid ?? (now.id || now.tag));
    }
    throw new Error(`${testid} was not reached by ${most} × Tab, only ${[...new Set(passed)].join(' ')}`);
  }

  test('the skip link is first and leads to the content', { timeout: 30_000 }, async () => {
    const own = await openPage(browser, { storageState: await storageState(page) });
    try {
      await own.goto(at('/?q=100%20GHz'));
      await own.keyboard.press('Tab');
      const skip = await focused(own);
      assert.match(skip.classes, /skip/, `the first Tab reached ${JSON.stringify(skip)}`);
      const box = await own.locator('.skip').boundingBox();
      assert.ok(box.x >= 0 && box.y >= 0 && box.width > 20, 'it is not seen while it has the focus');
      await own.keyboard.press('Enter');
      assert.equal((await focused(own)).id, 'main');
      await own.keyboard.press('Tab');
      assert.equal((await focused(own)).testid, 'search-box', 'the next Tab is inside the content');
    } finally {
      await own.context().close();
    }
  });

  test('products are marked and both buttons reached, focus always seen', { timeout: 60_000 }, async () => {
    const own = await openPage(browser, { stays: true, storageState: await storageState(page) });
    try {
      await own.goto(at('/?q=100%20GHz'));
      assert.ok((await tabTo(own, 'mark')).visible, 'the focus on a mark is not seen');
      await own.keyboard.press('Space');
      await own.getByTestId('marked').filter({ hasText: '1 selected' }).waitFor();
      assert.ok((await tabTo(own, 'add-to-volume')).visible, 'the focus on Add to Data Volume is not seen');
      assert.ok((await tabTo(own, 'open-in-notebook')).visible, 'the focus on Open in Notebook is not seen');
      await own.keyboard.press('Enter');
      await own.waitForURL(/\/datalabs\/[^/]+$/);
    } finally {
      await own.context().close();
    }
  });

  test('a button pressed with nothing marked leads back to the marks', { timeout: 30_000 }, async () => {
    const own = await openPage(browser, { storageState: await storageState(page) });
    try {
      await own.goto(at('/?q=100%20GHz'));
      await own.getByTestId('open-in-notebook').focus();
      await own.keyboard.press('Enter');
      await own.getByTestId('marked').filter({ hasText: 'Mark at least one' }).waitFor();
      assert.equal((await focused(own)).testid, 'mark');
    } finally {
      await own.context().close();
    }
  });
});
