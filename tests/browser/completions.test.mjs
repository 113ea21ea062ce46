// The search box completes what is typed: by keyboard alone, by pointer, and told to those who do not see it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertAccessible, assertNoTrouble, openPage, startBrowser } from './browser.mjs';
import { startDemo } from './demo.mjs';

let demo;
let browser;
let page;

const box = () => page.getByTestId('search-box');
const options = () => page.getByTestId('completion');
const attribute = (name) => box().getAttribute(name);

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), startBrowser()]);
  page = await openPage(browser);
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  await demo?.stop();
});

describe('completions', () => {
  test('the box is a combobox that says when its list is open', async () => {
    await page.goto(new URL('/', demo.url).href);
    assert.equal(await attribute('role'), 'combobox');
    assert.equal(await attribute('aria-expanded'), 'false');
    await box().pressSequentially('smi');
    await options().first().waitFor();
    assert.equal(await attribute('aria-expanded'), 'true');
    assert.equal(await page.getByRole('listbox').getAttribute('id'), await attribute('aria-controls'));
    await assertAccessible(page, 'completions');
  });

  test('arrows choose, Escape leaves what was typed, Enter takes and searches', async () => {
    await page.keyboard.press('ArrowDown');
    const first = options().first();
    assert.equal(await first.getAttribute('aria-selected'), 'true');
    assert.equal(await attribute('aria-activedescendant'), await first.getAttribute('id'));
    const text = await first.getAttribute('data-text');
    assert.equal(await box().inputValue(), text);
    await page.keyboard.press('ArrowUp');
    assert.equal(await box().inputValue(), 'smi');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Escape');
    assert.equal(await box().inputValue(), 'smi');
    assert.equal(await attribute('aria-expanded'), 'false');
    await page.keyboard.press('ArrowDown');
    await first.waitFor();
    await page.keyboard.press('ArrowDown');
    await Promise.all([page.waitForURL((url) => url.searchParams.get('q') === text), page.keyboard.press('Enter')]);
  });

  test('a completion that is clicked is searched for', async () => {
    await box().fill('');
    await box().pressSequentially('HFI 14');
    const band = options().filter({ hasText: 'HFI 143 GHz' }).first();
    await Promise.all([page.waitForURL((url) => url.searchParams.get('q') === 'HFI 143 GHz'), band.click()]);
    assertNoTrouble(page);
  });

  test('a slip of the pen has a link to what may have been meant', async () => {
    await page.goto(new URL('/?q=smcia', demo.url).href);
    await page.getByTestId('did-you-mean').click();
    await page.waitForURL((url) => url.searchParams.get('q') === 'smica');
    assert.ok(await page.getByTestId('hit').count() > 0);
  });
});
