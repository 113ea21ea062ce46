// The search page: completions, answers while one types, the keyboard alone, cards, and regions dragged on the maps.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { DESKTOP, PHONE, assertAccessible, assertNoTrouble, logIn, numberIn, openPage, picture, startBrowser } from './browser.mjs';
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

const total = async () => numberIn(await page.getByTestId('total').innerText());
const found = (words) => page.waitForURL((url) => url.searchParams.get('q') === words);
const first = () => page.getByTestId('hit-title').first().innerText();

describe('as one types', () => {
  test('the hits follow the words, and the search before is one step back', async () => {
    await page.goto(new URL('/?q=BRUX', demo.url).href);
    const before = await first();
    await box().fill('');
    await box().pressSequentially('smica cmb');
    await found('smica cmb');
    await page.getByTestId('hit-title').first().filter({ hasText: /SMICA/i }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'q');
    const status = page.locator('.ask > [role="status"]');
    assert.match(await status.innerText(), /products/);
    await page.keyboard.press('Escape');
    await page.goBack();
    await found('BRUX');
    await page.getByTestId('hit-title').first().filter({ hasText: before }).waitFor();
    assert.equal(await box().inputValue(), 'BRUX');
    assertNoTrouble(page, 'typing');
  });

  test('what is marked stays marked when the hits change', async () => {
    await page.goto(new URL('/?q=smica', demo.url).href);
    await page.getByTestId('mark').first().check();
    await box().fill('commander');
    await found('commander');
    await page.getByTestId('marked').filter({ hasText: '1 selected' }).waitFor();
    await page.getByTestId('unmark-all').click();
  });
});

test('the keyboard alone finds, marks and adds to a volume', async () => {
  const own = await openPage(browser);
  await logIn(own, demo.login_url);
  await own.goto(new URL('/', demo.url).href);
  const focused = () => own.evaluate(() => document.activeElement.dataset.testid ?? document.activeElement.name ?? '');
  const tabTo = async (testid) => {
    for (let n = 0; n < 200; n += 1) {
      if ((await focused()) === testid) return;
      await own.keyboard.press('Tab');
    }
    throw new Error(`${testid} was not reached by Tab`);
  };
  await own.keyboard.press('/');
  assert.equal(await focused(), 'search-box');
  await own.keyboard.type('HFI sky map');
  await own.keyboard.press('Enter');
  await own.waitForURL((url) => url.searchParams.get('q') === 'HFI sky map');
  await tabTo('facet-band-143 GHz');
  await own.keyboard.press('Enter');
  await own.waitForURL((url) => url.searchParams.get('facet') === 'band/143 GHz');
  await tabTo('mark');
  await own.keyboard.press('Space');
  await own.keyboard.press('ArrowDown');
  await own.keyboard.press('Space');
  await own.getByTestId('marked').filter({ hasText: '2 selected' }).waitFor();
  await tabTo('add-to-volume');
  await own.keyboard.press('Enter');
  await own.waitForURL(/\/staging-jobs\//);
  assertNoTrouble(own, 'the keyboard alone');
  await own.context().close();
});

test('hits as cards stand in the address and are accessible', async () => {
  await page.goto(new URL('/?q=sky+map', demo.url).href);
  await page.getByTestId('view').click();
  await page.waitForURL((url) => url.searchParams.get('view') === 'cards');
  await page.locator('.hits.cards').waitFor();
  await assertAccessible(page, 'cards');
  await picture(page, 'search-cards');
  await page.getByTestId('view').click();
  await page.waitForURL((url) => !url.searchParams.has('view'));
});

describe('maps', () => {
  const drag = async (map, [fromX, fromY], [toX, toY]) => {
    const frame = await page.locator(`svg[data-map="${map}"]`).boundingBox();
    const to = (x, y) => [frame.x + x * frame.width, frame.y + y * frame.height];
    await page.mouse.move(...to(fromX, fromY));
    await page.mouse.down();
    await page.mouse.move(...to((fromX + toX) / 2, (fromY + toY) / 2), { steps: 4 });
    await page.mouse.move(...to(toX, toY), { steps: 4 });
    await page.mouse.up();
  };

  test('a box dragged over Europe leaves the stations there', async () => {
    await page.goto(new URL('/?facet=archive%2Fgssc', demo.url).href);
    await page.getByTestId('earth').waitFor();
    const all = await total();
    await picture(page, 'search-earth');
    await assertAccessible(page, 'maps');
    // From 30° W, 72° N to 42° E, 18° N.
    await drag('earth', [150 / 360, 18 / 180], [222 / 360, 72 / 180]);
    await page.waitForURL((url) => url.searchParams.has('bbox'));
    const [west, south, east, north] = new URL(page.url()).searchParams.get('bbox').split(',').map(Number);
    for (const [is, meant] of [[west, -30], [south, 18], [east, 42], [north, 72]]) assert.ok(Math.abs(is - meant) < 1.5, page.url());
    const there = await total();
    assert.ok(there > 0 && there < all, `${there} of ${all}`);
    await page.getByTestId('places').locator('summary').click();
    await page.getByTestId('place').filter({ hasText: 'BRUX00BEL, 50.80° N, 4.36° E' }).waitFor();
  });

  test('a circle dragged over the galactic centre finds what covers it', async () => {
    await page.goto(new URL('/?facet=archive%2Fgaia', demo.url).href);
    await page.getByTestId('sky').waitFor();
    await picture(page, 'search-sky');
    await drag('sky', [0.5, 0.5], [0.5, 0.6]);
    await page.waitForURL((url) => url.searchParams.has('pos'));
    const url = new URL(page.url());
    assert.equal(url.searchParams.get('frame'), 'galactic');
    const [, l, b, radius] = url.searchParams.get('pos').match(/^CIRCLE (\S+) (\S+) (\S+)$/).map(Number);
    assert.ok(Math.min(l, 360 - l) < 1.5 && Math.abs(b) < 1.5, url.search);
    // A tenth of the height is 15 of 73 units: sin θ = 0.2055, so 15.06° by Snyder’s equations.
    assert.ok(Math.abs(radius - 15.06) < 1.5, url.search);
    assertNoTrouble(page, 'maps');
  });

  test('on a phone nothing runs over the side', async () => {
    await page.setViewportSize(PHONE);
    await page.goto(new URL('/?facet=archive%2Fgssc', demo.url).href);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width);
    await page.setViewportSize(DESKTOP);
  });
});
