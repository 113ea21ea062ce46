// The same way through the other archives: what is marked there opens in a notebook that runs.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible, assertNoTrouble, logIn, numberIn, openPage, picture, startBrowser } from './browser.mjs';
import { startDemo } from './demo.mjs';
import { LAB_WITHIN_MS, NOTEBOOK_WITHIN_MS, markFound, openNotebook, runAllCells } from './way.mjs';

const WAY_WITHIN_MS = LAB_WITHIN_MS + 2 * NOTEBOOK_WITHIN_MS;

let demo;
let browser;
let page;

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), startBrowser()]);
  page = await openPage(browser, { stays: true });
  await logIn(page, demo.login_url);
}, { timeout: 450_000 });

after(async () => {
  await browser?.close();
  await demo?.stop();
});

test('one search covers all archives', async () => {
  assert.deepEqual(demo.archives, ['gaia', 'gssc', 'planck']);
  await page.goto(demo.url);
  for (const archive of ['Gaia', 'GNSS Science Support Centre', 'Planck Legacy Archive']) await page.getByTestId(`facet-archive-${archive}`).waitFor();
  await picture(page, 'three-archives');
  assertNoTrouble(page, 'the search page');
});

test('two files of a GNSS station become a notebook that runs', { timeout: WAY_WITHIN_MS }, async () => {
  await markFound(page, demo, { words: 'BRUX00BEL 2023 002', facet: 'facet-archive-GNSS Science Support Centre', chip: 'GNSS', n: 2 });
  assert.match(await page.getByTestId('hit').first().innerText(), /BRUX00BEL, observations, 2023-002, daily 30 s/);
  await openNotebook(page, 'gssc');
  await runAllCells(page);
  await picture(page, 'gssc-notebook');
});

test('a series offers a range of days, which is what its selection holds', async () => {
  await page.goto(new URL('/assets/gssc:~BRUX00BEL-OBS-01D-30S', demo.url).href);
  assert.match(await page.getByTestId('series').innerText(), /39 of 40 days/);
  await picture(page, 'series');
  await page.getByTestId('days-from').fill('2023-015');
  await page.getByTestId('days-to').fill('2023-020');
  await page.getByTestId('view-selection').click();
  await page.waitForURL(/\/selections\/sel_/);
  // The archive has no day 017.
  assert.match(await page.locator('main').innerText(), /\b5 (products|assets|files)\b/);
  assertNoTrouble(page, 'series and selection');
});

test('two parts of a Gaia table become a notebook that runs', { timeout: WAY_WITHIN_MS }, async () => {
  await page.goto(new URL('/?collapse=none&facet=series%2Fgaia%3A~gdr3-gaia_source', demo.url).href);
  assert.ok(numberIn(await page.getByTestId('total').innerText()) > 1);
  await page.getByTestId('mark').nth(0).check();
  await page.getByTestId('mark').nth(1).check();
  await openNotebook(page, 'gaia');
  await runAllCells(page);
  await picture(page, 'gaia-notebook');
});

test('a table shows its columns', async () => {
  await page.goto(new URL('/assets/gaia:gaiadr3.gaia_source', demo.url).href);
  assert.match(await page.getByTestId('columns').innerText(), /parallax/);
  await picture(page, 'table');
  assertNoTrouble(page, 'the table');
});

/** Presses Add to Data Volume on a page and waits for the end of the job. */
async function addAndWait() {
  await page.getByTestId('add-to-volume').click();
  await page.waitForURL(/\/staging-jobs\//);
  await page.getByTestId('phase').filter({ hasText: 'complete' }).waitFor({ timeout: LAB_WITHIN_MS });
  assert.equal(await page.getByTestId('n-staged').innerText(), '1');
}

test('a table is asked on its page by a query that may be changed', { timeout: WAY_WITHIN_MS }, async () => {
  await page.goto(new URL('/assets/gaia:gaiadr3.gaia_source', demo.url).href);
  assert.equal(await page.getByTestId('adql').inputValue(), 'SELECT TOP 1000 *\nFROM gaiadr3.gaia_source');
  await assertAccessible(page, 'the table');
  await page.getByTestId('adql').fill('SELECT TOP 5 source_id, ra, dec FROM gaiadr3.gaia_source');
  await addAndWait();
  assertNoTrouble(page, 'the query');
});

test('a kind of product is asked on its page for a list of sources', { timeout: WAY_WITHIN_MS }, async () => {
  await page.goto(new URL('/assets/gaia:dr3-XP_SAMPLED', demo.url).href);
  await page.getByTestId('sources').fill('4583627001381815936, 5937083312263887616\n');
  await picture(page, 'sources');
  await addAndWait();
  assertNoTrouble(page, 'the sources');
});
