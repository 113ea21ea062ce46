// From a search to an open notebook, as a scientist does it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertNoTrouble, logIn, numberIn, openPage, picture, startBrowser } from './browser.mjs';
import { startDemo } from './demo.mjs';
import { LAB_WITHIN_MS, NOTEBOOK_WITHIN_MS, runAllCells } from './way.mjs';

const STOPPED_WITHIN_MS = 30_000;

let demo;
let browser;
let page;

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), startBrowser()]);
  page = await openPage(browser, { stays: true });
}, { timeout: 450_000 });

after(async () => {
  await browser?.close();
  await demo?.stop();
});

test('the demo says where it is and what it harvested', () => {
  assert.match(demo.url, /^http:\/\/localhost:\d+\/?$/);
  assert.match(demo.token, /^gnt_/);
  assert.ok(demo.took_s >= 0 && demo.took_s < 420, `took ${demo.took_s} s`);
  assert.ok(Array.isArray(demo.archives) && demo.archives.length > 0, JSON.stringify(demo.archives));
});

test('a search becomes a notebook that runs', { timeout: LAB_WITHIN_MS + 2 * NOTEBOOK_WITHIN_MS + 60_000 }, async (t) => {
  let failed = false;
  /** One step of the way; after a failed one the others fail at once. */
  const step = (name, options, run = options) => t.test(name, run === options ? {} : options, async () => {
    if (failed) throw new Error('an earlier step failed');
    try { await run(); } catch (error) {
      failed = true;
      const shown = await page.locator('body').innerText({ timeout: 1000 }).catch(() => 'nothing');
      throw new Error(`${error.message}\nThe page ${page.url()} shows:\n${shown.slice(0, 3000)}\n${page.trouble.join('\n')}\nThe service wrote:\n${demo.log()}`, { cause: error });
    }
  });

  await step('the login address logs in, once', async () => {
    await logIn(page, demo.login_url);
    const other = await openPage(browser);
    await other.goto(demo.login_url);
    assert.equal(await other.getByTestId('user').count(), 0, 'the address worked a second time');
    await other.context().close();
  });

  await step('words find products, a facet narrows them', async () => {
    await page.goto(demo.url);
    await page.getByTestId('search-box').fill('100 GHz');
    await page.getByTestId('search-box').press('Enter');
    await page.waitForURL(/[?&]q=100/);
    const all = numberIn(await page.getByTestId('total').innerText());
    assert.ok(all > 0, 'no product of 100 GHz');
    await page.getByTestId('facet-instrument-HFI').click();
    await page.getByTestId('chip').filter({ hasText: 'HFI' }).waitFor();
    const narrowed = numberIn(await page.getByTestId('total').innerText());
    assert.ok(narrowed > 1 && narrowed <= all, `${narrowed} of ${all}`);
    await picture(page, 'search');
  });

  await step('marking two shows what taking them means', async () => {
    const marks = page.getByTestId('mark');
    await marks.nth(0).check();
    await marks.nth(1).check();
    await page.getByTestId('marked').filter({ hasText: '2 selected' }).waitFor();
    await page.getByTestId('plan').waitFor();
    await picture(page, 'marked');
  });

  await step('Open in Notebook leads to the page of the datalab', async () => {
    await page.getByTestId('open-in-notebook').click();
    await page.waitForURL(/\/datalabs\/[^/]+$/);
    assert.ok(await page.getByTestId('datalab-page').isVisible());
    assertNoTrouble(page, 'search and datalab');
    await picture(page, 'datalab-starting');
  });

  await step('its products are staged and its lab comes up', { timeout: LAB_WITHIN_MS + 10_000 }, async () => {
    await page.locator('[data-testid=open-notebook][href]').waitFor({ timeout: LAB_WITHIN_MS });
    await page.getByTestId('counts').filter({ hasText: '2 of 2 files there' }).waitFor({ timeout: 30_000 });
    await picture(page, 'datalab-ready');
    assertNoTrouble(page, 'the datalab');
  });

  await step('the notebook opens in the lab, beside Gantry and not in it', { timeout: NOTEBOOK_WITHIN_MS + 10_000 }, async () => {
    await page.getByTestId('open-notebook').click();
    await page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\//, { timeout: NOTEBOOK_WITHIN_MS });
    await page.locator('.jp-Notebook .jp-Cell').first().waitFor({ timeout: NOTEBOOK_WITHIN_MS });
    assert.doesNotMatch(page.url(), /[?&]token=/, 'the token stays in the address');
    await picture(page, 'notebook');
  });

  await step('every cell of the notebook runs', { timeout: NOTEBOOK_WITHIN_MS + 10_000 }, async () => {
    await runAllCells(page);
    await picture(page, 'notebook-run');
  });

  await step('the datalab can be stopped, and its files stay', async () => {
    await page.goto(new URL('/datalabs', demo.url).href);
    await picture(page, 'datalabs');
    await page.getByTestId('destroy-disclosure').first().click();
    await Promise.all([page.waitForResponse((answer) => answer.request().method() === 'POST'), page.getByTestId('destroy').first().click()]);
    for (const until = Date.now() + STOPPED_WITHIN_MS; ;) {
      await page.goto(new URL('/datalabs', demo.url).href);
      if (await page.getByTestId('open').count() === 0) break;
      assert.ok(Date.now() < until, 'the datalab still runs');
    }
    await page.goto(new URL('/volumes/workspace', demo.url).href);
    assert.match(await page.getByTestId('files').innerText(), /\.ipynb/);
    assertNoTrouble(page, 'datalabs and volume');
  });
});

test('a lab launched by itself opens when it is ready', { timeout: LAB_WITHIN_MS + NOTEBOOK_WITHIN_MS }, async () => {
  const own = await openPage(browser, { storageState: await page.context().storageState() });
  try {
    await own.goto(new URL('/labs', demo.url).href);
    await picture(own, 'labs');
    await own.getByTestId('launch-sepp/jupyterlab:v1').click();
    await own.getByTestId('datalab-name').fill('By itself');
    await own.getByTestId('launch').click();
    await own.waitForURL(/\/datalabs\/[^/]+$|^http:\/\/127\.0\.0\.1:/);
    const auto = own.getByTestId('open-when-ready');
    if (await auto.isVisible()) await auto.check();
    await own.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\//, { timeout: LAB_WITHIN_MS });
    await own.locator('#jp-main-dock-panel').waitFor({ timeout: NOTEBOOK_WITHIN_MS });
  } finally {
    await own.context().close();
  }
});
