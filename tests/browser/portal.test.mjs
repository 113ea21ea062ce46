// Gantry's buttons on an archive's portal: another site than Gantry, with the content security policy that the help recommends.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { NARROW, assertAccessible, assertFits, assertNoTrouble, numberIn, openPage, picture, startBrowser, storageState } from './browser.mjs';
import { startDemo } from './demo.mjs';

const KIT_BYTES = 6000;
const INTENT = /\/portal\/intents\/[^/]+$/;

let demo;
let browser;
/** The cookies of somebody who is logged in at Gantry. */
let ada;

before(async () => {
  [demo, browser] = await Promise.all([startDemo(), startBrowser()]);
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** A page of the portal in a context of its own, when the kit knows how Gantry is; `work` gets it. */
async function onPortal(work, { path = '/', loggedIn = true, until = 'ready', prepare, ...options } = {}) {
  const page = await openPage(browser, { ...(loggedIn ? { storageState: ada } : {}), ...options });
  try {
    await prepare?.(page);
    await page.goto(new URL(path, demo.portal_url).href);
    if (until) await told(page, until);
    return await work(page);
  } finally {
    await page.context().close();
  }
}

/** Waits until the kit has told the page something. */
const told = (page, what) => page.waitForFunction((text) => document.getElementById('told').value.includes(text), what);
const allTold = (page) => page.locator('#told').evaluate((output) => output.value.trim().split('\n'));
const status = (page) => page.locator('gantry-actions [part=status]');
const marks = (page) => page.locator('#results tbody input[type=checkbox]');
const openAll = (page) => page.locator('gantry-actions button[value=open-in-notebook]');
const addAll = (page) => page.locator('gantry-actions button[value=add-to-volume]');
/** The one product's plain link. */
const one = (page) => page.locator('gantry-button > a').first();
const jobs = async () => (await demo.api('/api/v1/staging-jobs?limit=1000')).staging_jobs;

/** Marks the first rows and waits until their number is said. */
async function mark(page, n) {
  for (let at = 0; at < n; at += 1) await marks(page).nth(at).check();
  await status(page).filter({ hasText: new RegExp(`^${n} selected · [\\d.]+ .?B`) }).waitFor();
}

/** Where things are that must not move. */
const places = (page) => page.evaluate(() => JSON.stringify([...document.querySelectorAll('h1, gantry-button, gantry-actions, gantry-menu, tr')].map((element) => {
  const { x, y, width, height } = element.getBoundingClientRect();
  return [x, y, width, height];
})));

/** Confirms on Gantry's page and waits for the page of what that started. */
async function confirm(page, button, leadsTo) {
  await page.waitForURL(INTENT);
  await page.getByTestId('confirm').waitFor();
  await page.getByTestId(button).click();
  await page.waitForURL(leadsTo);
}

// The demo's login address works once, so this comes first and what it leaves is everybody's login.
describe('before the login', () => {
  test('a click survives it', { timeout: 60_000 }, async () => {
    await onPortal(async (page) => {
      await mark(page, 40);
      await addAll(page).click();
      await page.waitForURL(/\/login\?next=/);
      await page.getByTestId('login-code').fill(new URL(demo.login_url).searchParams.get('code'));
      await page.getByTestId('login').click();
      await page.waitForURL(INTENT);
      ada = await storageState(page);
      assert.equal(numberIn(await page.locator('h1').innerText()), 40);
      assertNoTrouble(page, 'the login on the way');
    }, { path: '/gnss', loggedIn: false });
  });
});

describe('the kit', () => {
  test('has an address that stays and one that never changes, with the hash that is published', { timeout: 30_000 }, async () => {
    const kit = await (await fetch(new URL('/portal/kit.json', demo.url))).json();
    const [release] = kit.releases;
    const lasting = await fetch(release.url);
    const bytes = Buffer.from(await lasting.arrayBuffer());
    assert.equal(`sha384-${createHash('sha384').update(bytes).digest('base64')}`, release.integrity);
    assert.match(lasting.headers.get('cache-control'), /immutable/);
    const newest = await fetch(kit.compatible);
    assert.deepEqual(Buffer.from(await newest.arrayBuffer()), bytes);
    assert.match(newest.headers.get('cache-control'), /max-age=600/);
    for (const { headers } of [lasting, newest]) {
      assert.equal(headers.get('access-control-allow-origin'), '*');
      assert.equal(headers.get('cross-origin-resource-policy'), 'cross-origin');
      assert.match(headers.get('content-type'), /^text\/javascript/);
    }
    const again = await fetch(kit.compatible, { headers: { 'If-None-Match': newest.headers.get('etag') } });
    assert.equal(again.status, 304);
    assert.ok(gzipSync(bytes, { level: 9 }).length < KIT_BYTES, `${gzipSync(bytes, { level: 9 }).length} bytes gzipped`);
    assert.equal((await fetch(new URL('/portal/gantry-0.0.1.js', demo.url))).status, 404);
  });

  test('passes its own conformance page', { timeout: 60_000 }, async () => {
    const page = await openPage(browser);
    try {
      await page.goto(new URL('/portal/conformance', demo.url).href);
      await page.locator('#found[data-done]').waitFor();
      const failed = page.locator('[data-testid=check]:not([data-passed=true])');
      assert.deepEqual(await failed.allInnerTexts(), []);
      assert.ok(await page.getByTestId('check').count() > 8);
      await assertAccessible(page, 'conformance');
      await picture(page, 'portal-conformance');
      assertNoTrouble(page, 'conformance');
    } finally {
      await page.context().close();
    }
  });

  test('asks nobody but Gantry, and keeps nothing', { timeout: 30_000 }, async () => {
    const asked = new Set();
    await onPortal(async (page) => {
      await mark(page, 2);
      assert.deepEqual([...asked].sort(), [new URL(demo.portal_url).origin, new URL(demo.url).origin].sort());
      const kept = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]);
      assert.deepEqual(kept, ['', 0, 0]);
      assert.deepEqual(await page.context().cookies(), []);
    }, { loggedIn: false, prepare: (page) => page.on('request', (request) => asked.add(new URL(request.url()).origin)) });
  });
});

describe('on the portal', () => {
  for (const path of ['/', '/gnss']) {
    test(`${path} is accessible, silent, and fits 400 % zoom, in both themes`, { timeout: 60_000 }, async () => {
      await onPortal(async (page) => {
        await assertAccessible(page, `${path}, light`);
        await mark(page, 3);
        await page.locator('gantry-menu button').first().click();
        await page.emulateMedia({ colorScheme: 'dark' });
        await assertAccessible(page, `${path}, dark, with a menu`);
        await page.keyboard.press('Escape');
        await page.setViewportSize(NARROW);
        await assertFits(page, path);
        await assertAccessible(page, `${path}, narrow`);
        await picture(page, `portal${path.replace('/', '-')}`);
        assertNoTrouble(page, path);
      }, { path });
    });
  }

  test('forced colours leave borders and focus to be seen', { timeout: 30_000 }, async () => {
    await onPortal(async (page) => {
      const toggle = page.locator('gantry-menu button').first();
      await toggle.focus();
      await page.keyboard.press('ArrowDown');
      const seen = await page.evaluate(() => {
        const of = (element) => { const style = getComputedStyle(element); return [style.borderTopStyle, style.outlineStyle, style.color, style.backgroundColor]; };
        return [of(document.querySelector('gantry-menu').shadowRoot.querySelector('button')), of(document.activeElement)];
      });
      assert.equal(seen[0][0], 'solid');
      assert.notEqual(seen[1][1], 'none');
      for (const [, , color, background] of seen) assert.notEqual(color, background);
      await picture(page, 'portal-forced-colours');
    }, { forcedColors: 'active' });
  });

  test('nothing moves by itself', { timeout: 30_000 }, async () => {
    await onPortal(async (page) => {
      await mark(page, 1);
      assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
    });
  });

  test('number and size of what is marked are those of the catalogue', { timeout: 30_000 }, async () => {
    await onPortal(async (page) => {
      assert.equal(await status(page).innerText(), 'Nothing selected');
      await mark(page, 3);
      const ids = await marks(page).evaluateAll((boxes) => boxes.filter((box) => box.checked).map((box) => box.value));
      const { assets } = await demo.api('/api/v1/assets/resolve', { method: 'POST', body: JSON.stringify({ archive: 'planck', names: ids.map((id) => id.slice('planck:'.length)) }), headers: { 'Content-Type': 'application/json' } });
      const total = assets.reduce((sum, asset) => sum + asset.size_bytes, 0);
      const said = (await status(page).innerText()).match(/· ([\d.]+) (.?B)/i);
      const unit = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[said[2]];
      assert.ok(Math.abs(said[1] * unit - total) <= 0.06 * total, `${said[0]} for ${total} bytes`);
      await page.locator('#all').check();
      await status(page).filter({ hasText: `${await marks(page).count()} selected` }).waitFor();
    });
  });

  test('what Gantry does not know is said', { timeout: 30_000 }, async () => {
    await onPortal(async (page) => {
      await marks(page).first().evaluate((box) => { box.value = 'planck:no-such-map.fits'; });
      await marks(page).first().check();
      await status(page).filter({ hasText: '1 selected · 1 not known to Gantry' }).waitFor();
    });
  });

  test('a row\'s menu is a menu button, by keyboard and by mouse', { timeout: 30_000 }, async () => {
    await onPortal(async (page) => {
      const menu = page.locator('gantry-menu').nth(1);
      const toggle = menu.getByRole('button');
      assert.match(await toggle.getAttribute('aria-label'), /^Actions for .+\.(fits|txt|gz)$/);
      const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
      const isOpen = (open) => page.waitForFunction((wanted) => document.querySelectorAll('gantry-menu')[1].shadowRoot.querySelector('button').getAttribute('aria-expanded') === wanted, String(open));
      await toggle.focus();
      for (const [key, at] of [['Enter', 'Open in Notebook'], ['ArrowDown', 'Add to Data Volume'], ['ArrowDown', 'Open in Notebook'], ['ArrowUp', 'Add to Data Volume'], ['Home', 'Open in Notebook'], ['End', 'Add to Data Volume'], ['o', 'Open in Notebook']]) {
        await page.keyboard.press(key);
        assert.equal(await focused(), at, key);
      }
      await isOpen(true);
      await page.keyboard.press('Escape');
      await isOpen(false);
      assert.ok(await toggle.evaluate((button) => button.getRootNode().activeElement === button), 'the focus is not back');
      await page.keyboard.press('ArrowUp');
      assert.equal(await focused(), 'Add to Data Volume');
      await page.keyboard.press('Tab');
      await isOpen(false);
      await toggle.click();
      await isOpen(true);
      await toggle.click();
      await isOpen(false);
      await toggle.click();
      await page.locator('h1').click();
      await isOpen(false);
      await toggle.click();
      await menu.getByRole('menuitem', { name: 'Add to Data Volume' }).click();
      await page.waitForURL(INTENT);
    });
  });

  test('nothing marked is nothing done, and said', { timeout: 30_000 }, async () => {
    await onPortal(async (page) => {
      assert.equal(await openAll(page).getAttribute('aria-disabled'), 'true');
      await openAll(page).click({ force: true });
      await status(page).filter({ hasText: 'Select at least one product first' }).waitFor();
      assert.deepEqual((await allTold(page)).at(-1), 'error open-in-notebook nothing-selected');
      assert.ok(page.url().startsWith(demo.portal_url));
    });
  });

  test('words are the page\'s own', { timeout: 30_000 }, async () => {
    await onPortal(async (page) => {
      await status(page).filter({ hasText: 'Aucune sélection' }).waitFor();
      await marks(page).first().check();
      await status(page).filter({ hasText: /^1 sélectionnés · [\d,]+\s.?o/u }).waitFor();
      await page.locator('gantry-button').nth(1).getByText('Ajouter au volume de données').waitFor();
    }, { path: '/?lang=fr' });
  });
});

describe('a click', () => {
  test('on one product leads over a question to its notebook', { timeout: 60_000 }, async () => {
    await onPortal(async (page) => {
      await one(page).click();
      await page.waitForURL(INTENT);
      assert.equal(await page.getByTestId('from').innerText(), 'Example archive');
      assert.ok((await page.locator('.lead').innerText()).includes(new URL(demo.portal_url).host), 'the portal is not named');
      assert.equal(await page.getByTestId('product').count(), 1);
      await assertAccessible(page, 'the question');
      await picture(page, 'portal-question');
      await confirm(page, 'open-in-notebook', /\/datalabs\/[^/]+$/);
      assertNoTrouble(page, 'the way to the notebook');
    }, { stays: true });
  });

  test('on forty marked files adds all of them to a volume', { timeout: 120_000 }, async () => {
    await onPortal(async (page) => {
      await mark(page, 40);
      await addAll(page).click();
      await page.waitForURL(INTENT);
      assert.equal(numberIn(await page.locator('h1').innerText()), 40);
      await confirm(page, 'add-to-volume', /\/staging-jobs\/[^/]+$/);
      await page.getByTestId('job-ended').waitFor({ timeout: 90_000 });
      const job = await demo.api(`/api/v1${new URL(page.url()).pathname}`);
      assert.deepEqual([job.phase, job.files.total, job.files.failed], ['COMPLETED', 40, 0]);
      assertNoTrouble(page, 'the way to the volume');
    }, { path: '/gnss' });
  });

  test('without scripts, by plain link and plain form', { timeout: 60_000 }, async () => {
    await onPortal(async (page) => {
      await page.locator('gantry-menu a').nth(1).click();
      await page.waitForURL(/\/add-to-volume\?asset=|\/portal\/intents\//);
      assert.equal(await page.getByTestId('product').count(), 1);
      await page.goto(new URL('/gnss', demo.portal_url).href);
      for (let at = 0; at < 40; at += 1) await marks(page).nth(at).check();
      await page.getByRole('button', { name: 'Add All the selected to Data Volume' }).click();
      await confirm(page, 'add-to-volume', /\/staging-jobs\/[^/]+$/);
    }, { javaScriptEnabled: false, until: null });
  });

  test('with the script blocked, the same', { timeout: 60_000 }, async () => {
    await onPortal(async (page) => {
      await page.waitForLoadState();
      await marks(page).first().check();
      await page.getByRole('button', { name: 'Open All the selected in a Notebook' }).click();
      await page.waitForURL(INTENT);
      assert.equal(await page.getByTestId('product').count(), 1);
      assert.deepEqual(page.trouble.filter((line) => !line.includes('/portal/gantry-')), []);
    }, { until: null, prepare: (page) => page.route('**/portal/gantry-*.js', (route) => route.abort()) });
  });

  test('where the policy forbids to ask, works without sizes', { timeout: 60_000 }, async () => {
    await onPortal(async (page) => {
      await page.waitForFunction(() => customElements.get('gantry-actions'));
      await marks(page).first().check();
      await status(page).filter({ hasText: /^1 selected$/ }).waitFor();
      await openAll(page).click();
      await page.waitForURL(INTENT);
    }, { path: '/?asks=nothing', until: null });
  });

  test('pressed twice starts one job', { timeout: 60_000 }, async () => {
    await onPortal(async (page) => {
      const n = (await jobs()).length;
      await mark(page, 2);
      await addAll(page).dblclick();
      await page.waitForURL(INTENT);
      await page.getByTestId('add-to-volume').dblclick();
      await page.waitForURL(/\/staging-jobs\/[^/]+$/);
      assert.equal((await jobs()).length, n + 1);
    });
  });

  test('and the back button: the portal is as it was, the question knows its answer', { timeout: 60_000 }, async () => {
    await onPortal(async (page) => {
      await mark(page, 2);
      await addAll(page).click();
      await page.waitForURL(INTENT);
      await page.goBack();
      await page.waitForURL((url) => url.href.startsWith(demo.portal_url));
      await status(page).filter({ hasText: '2 selected' }).waitFor();
      await addAll(page).click();
      await page.waitForURL(INTENT);
      const question = page.url();
      await confirm(page, 'add-to-volume', /\/staging-jobs\/[^/]+$/);
      const job = page.url();
      const n = (await jobs()).length;
      await page.goto(question);
      assert.equal(page.url(), job, 'the question is asked again');
      assert.equal((await jobs()).length, n);
    });
  });

  test('from a script, for rows that come and go, and for a query', { timeout: 60_000 }, async () => {
    await onPortal(async (page) => {
      const id = await marks(page).first().getAttribute('value');
      await page.evaluate((ids) => { document.querySelector('gantry-actions').assets = ids; }, [id]);
      await status(page).filter({ hasText: /^1 selected · / }).waitFor();
      assert.equal(await page.evaluate(() => globalThis.gantry.hand('delete', ['planck:x'])), false);
      assert.deepEqual((await allTold(page)).at(-1), 'error delete unknown-action');
      await page.evaluate(() => globalThis.gantry.hand('open-in-notebook', { archive: 'gaia', adql: 'SELECT TOP 5 source_id FROM gaiadr3.gaia_source' }));
      await page.waitForURL(INTENT);
      assert.match(await page.locator('main').innerText(), /SELECT TOP 5 source_id/);
    });
  });
});

describe('when Gantry is down', () => {
  const refuse = (page) => page.route(`${demo.url}status.json`, (route) => route.abort('connectionrefused'));
  const hang = (page) => page.route(`${demo.url}status.json`, () => {});

  for (const [name, prepare] of [['refuses', refuse], ['hangs', hang]]) {
    test(`that it ${name} is said within two seconds, and nothing moves or is thrown`, { timeout: 30_000 }, async () => {
      await onPortal(async (page) => {
        await page.waitForFunction(() => customElements.get('gantry-actions'));
        const before = await places(page);
        const started = Date.now();
        await told(page, 'unavailable');
        assert.ok(Date.now() - started < 2000, `after ${Date.now() - started} ms`);
        await status(page).filter({ hasText: 'Gantry is down' }).waitFor();
        await page.locator('gantry-button [part=note]').first().filter({ hasText: 'Gantry is down' }).waitFor();
        assert.equal(await places(page), before, 'something moved');
        await assertAccessible(page, 'down');
        await picture(page, `portal-down-${name}`);
        await one(page).click();
        await page.waitForFunction(() => document.getElementById('told').value.split('unavailable').length > 2);
        assert.ok(page.url().startsWith(demo.portal_url));
        assert.deepEqual(page.trouble.filter((line) => !line.includes('status.json')), []);

        await page.unroute(`${demo.url}status.json`);
        await one(page).click();
        await page.waitForURL(INTENT);
      }, { until: null, prepare });
    });
  }

  test('a restart between the click and its end loses nothing', { timeout: 420_000 }, async () => {
    await onPortal(async (page) => {
      await mark(page, 2);
      await addAll(page).click();
      await page.waitForURL(INTENT);
      await page.getByTestId('confirm').waitFor();
      await demo.stop({ keep: true });
      demo = await startDemo({ dir: demo.dir, port: Number(new URL(demo.url).port) });
      await page.reload();
      assert.equal(await page.getByTestId('product').count(), 2);
      await confirm(page, 'add-to-volume', /\/staging-jobs\/[^/]+$/);
      await page.getByTestId('job-ended').waitFor({ timeout: 90_000 });
    });
  });
});
