// From the lab catalogue to a running datalab: find, launch with options, logs, more time, destroy; desktops in the browser.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertAccessible, assertFits, assertNoTrouble, logIn, NARROW, openPage, picture, startBrowser, storageState } from './browser.mjs';
import { startDemo } from './demo.mjs';
import { LAB_WITHIN_MS, NOTEBOOK_WITHIN_MS } from './way.mjs';

/** Packages of a lab are installed when it is first launched on a machine. */
const PACKAGES_WITHIN_MS = 300_000;
const ENDED_WITHIN_MS = 40_000;

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

const at = (path) => new URL(path, demo.url).href;

/** Whether a lab's programs are here; tests/setup installs all but those of the virtual machine, which are large. */
async function available(name) {
  const lab = await demo.api(`/api/v1/labs/sepp/${name}`);
  if (lab.available) return true;
  assert.ok(!process.env.GANTRY_REQUIRE_SERVERS || name === 'debian-vm', lab.why_not);
  console.log(`NOT RUN: ${lab.why_not}`);
  return false;
}

/** Launches a lab from the catalogue's dialog; answers the id of the datalab. */
async function launch(of, id, fill = async () => {}) {
  await of.goto(at('/labs'));
  await of.getByTestId(`launch-${id}`).click();
  await of.getByTestId('launch-form').waitFor();
  await fill(of);
  await of.getByTestId('launch').click();
  await of.waitForURL(/\/datalabs\/[^/]+$/);
  return of.url().split('/').at(-1);
}

/** Waits until a datalab is as wanted. */
async function until(id, wanted, withinMs) {
  for (const late = Date.now() + withinMs; ;) {
    const datalab = await demo.api(`/api/v1/datalabs/${id}`);
    if (wanted(datalab)) return datalab;
    assert.ok(Date.now() < late, `it is ${JSON.stringify(datalab)}\n${demo.log()}`);
    assert.ok(!['ERROR'].includes(datalab.phase), datalab.message);
    await new Promise((resolve) => { setTimeout(resolve, 200); });
  }
}

/** The share of a display's picture that is not of its most frequent colour, and how many colours it has. */
const seen = (of) => of.evaluate(() => {
  const canvas = document.querySelector('#noVNC_container canvas');
  if (!canvas || canvas.width === 0) return { share: 0, colours: 0 };
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const counts = new Map();
  for (let i = 0; i < data.length; i += 4) {
    const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  return { share: 1 - Math.max(...counts.values()) / (data.length / 4), colours: counts.size };
});

/** Opens a desktop and waits until its display shows a program. */
async function openDesktop(of, id, name) {
  await until(id, ({ ready }) => ready, LAB_WITHIN_MS);
  await of.goto(at(`/datalabs/${id}/open`));
  await of.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\/vnc\.html/);
  assert.doesNotMatch(of.url(), /token/, 'the token stays in the address');
  for (const late = Date.now() + LAB_WITHIN_MS; ;) {
    const { share, colours } = await seen(of);
    if (share > 0.02 && colours >= 4) break;
    assert.ok(Date.now() < late, `${name} shows nothing: ${share} of ${colours} colours`);
    await of.waitForTimeout(300);
  }
  await of.waitForTimeout(2_000);
  await picture(of, `lab-${name}`);
}

test('the catalogue is searched and filtered, and read by everybody', async () => {
  await page.goto(at('/labs'));
  const cards = page.getByTestId('labs').locator('> li:visible');
  const all = await cards.count();
  assert.ok(all >= 9, `${all} labs`);
  await page.getByTestId('labs-search').fill('gnss');
  await page.waitForFunction(() => document.querySelectorAll('[data-words]:not([hidden])').length === 1);
  assert.match(await cards.innerText(), /JupyterLab for GNSS/);
  await page.getByTestId('labs-search').fill('no such lab');
  await page.getByTestId('empty').waitFor();
  await page.getByTestId('labs-search').fill('');
  await page.getByTestId('labs-kind').selectOption('desktop');
  await page.waitForURL(/kind=desktop/);
  assert.ok(await cards.count() >= 3);
  await page.goto(at('/labs'));
  await assertAccessible(page, 'the catalogue');
  await picture(page, 'labs');
  for (const path of ['/labs', '/labs/sepp/topcat', '/labs/sepp/jupyterlab-cmb']) {
    const narrow = await openPage(browser, { storageState: await storageState(page), viewport: NARROW });
    await narrow.goto(at(path));
    await assertFits(narrow, path);
    await assertAccessible(narrow, path);
    assertNoTrouble(narrow, path);
    await narrow.context().close();
  }
  assertNoTrouble(page, 'the catalogue');
});

test('without scripts the same form is a page', async () => {
  const plain = await openPage(browser, { storageState: await storageState(page), javaScriptEnabled: false });
  await plain.goto(at('/labs?q=bash'));
  assert.equal(await plain.getByTestId('labs').locator('> li').count(), 1);
  await plain.getByTestId('launch-sepp/terminal:v1').click();
  await plain.waitForURL(/\/labs\/sepp\/terminal$/);
  await plain.getByTestId('datalab-name').fill('Without scripts');
  await plain.getByTestId('launch').click();
  await plain.waitForURL(/\/datalabs\/[^/]+$/);
  const id = plain.url().split('/').at(-1);
  await plain.goto(at('/datalabs'));
  const row = plain.locator(`[data-id="${id}"]`);
  await row.getByTestId('destroy-disclosure').click();
  await row.getByTestId('destroy').click();
  await plain.context().close();
  await until(id, ({ phase }) => phase === 'ABORTED', ENDED_WITHIN_MS);
});

test('a lab is launched with options, its log followed, its time extended, and it is destroyed', { timeout: PACKAGES_WITHIN_MS + 120_000 }, async () => {
  const id = await launch(page, 'sepp/jupyterlab-cmb:v1', async () => {
    const dialog = page.getByTestId('launch-dialog');
    await dialog.waitFor();
    await assertAccessible(page, 'the launch dialog');
    assert.equal(await page.evaluate(() => document.activeElement.name), 'name');
    await picture(page, 'launch-dialog');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await page.getByTestId('launch-sepp/jupyterlab-cmb:v1').press('Enter');
    await dialog.waitFor();
    await page.getByTestId('datalab-name').fill('CMB <b>spectra</b>');
    await page.getByTestId('auto-remove').uncheck();
    await page.getByTestId('time-limit').selectOption({ label: '4 hours' });
    await page.getByTestId('option-OMP_NUM_THREADS').selectOption({ label: '2' });
    await page.locator('summary', { hasText: 'Environment' }).click();
    await page.getByTestId('env').fill('MINE=1');
  });
  await picture(page, 'datalab-packages');
  const asked = await demo.api(`/api/v1/datalabs/${id}`);
  assert.deepEqual([asked.name, asked.auto_remove, asked.select_when_ready, asked.stops.cause], ['CMB <b>spectra</b>', false, true, 'time-limit']);

  await page.goto(at('/datalabs'));
  const row = page.locator(`[data-id="${id}"]`);
  await row.getByTestId('extend').click();
  await page.waitForURL(/\/datalabs$/);
  const extended = await demo.api(`/api/v1/datalabs/${id}`);
  assert.equal(Date.parse(extended.stops.at) - Date.parse(asked.stops.at), 3_600_000);
  await until(id, ({ ready }) => ready, PACKAGES_WITHIN_MS);
  await row.getByTestId('open').waitFor();
  assert.equal(await row.getByTestId('phase').innerText(), 'serving');
  await assertAccessible(page, 'the list of datalabs');
  await picture(page, 'datalabs-list');

  await row.getByTestId('logs').click();
  await page.getByTestId('log').filter({ hasText: 'Jupyter Server' }).waitFor();
  await assertAccessible(page, 'the log');
  await picture(page, 'logs');
  const logs = page.url();
  const other = await openPage(browser, { storageState: await storageState(page) });
  await other.goto(at('/datalabs'));
  const there = other.locator(`[data-id="${id}"]`);
  await there.getByTestId('destroy-disclosure').click();
  await there.getByTestId('destroy').click();
  await page.getByTestId('log-state').filter({ hasText: 'ended; its log is kept' }).waitFor({ timeout: ENDED_WITHIN_MS });
  await page.goto(logs);
  assert.match(await page.getByTestId('log').innerText(), /Jupyter Server/);
  assert.doesNotMatch(await page.getByTestId('log').innerText(), /token=[0-9a-f]{8}/);

  // It was not to remove itself; its owner does.
  await other.goto(at('/datalabs'));
  await there.getByTestId('remove').click();
  await other.waitForURL(/\/datalabs$/);
  assert.equal(await there.count(), 0);
  assertNoTrouble(page, 'launch and log');
  assertNoTrouble(other, 'the list');
  await other.context().close();
});

/** What a kernel of the lab that is open prints when it runs some code. */
const runs = (of, code) => of.evaluate(async (text) => {
  const xsrf = document.cookie.match(/_xsrf=([^;]+)/)?.[1] ?? '';
  const made = await fetch('/api/kernels', { method: 'POST', headers: { 'X-XSRFToken': xsrf }, body: '{}' });
  const { id } = await made.json();
  const socket = new WebSocket(`ws://${location.host}/api/kernels/${id}/channels`);
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = () => reject(new Error('no channel to the kernel')); });
  const header = { msg_id: 'ask', msg_type: 'execute_request', username: '', session: 'test', date: new Date().toISOString(), version: '5.3' };
  const content = { code: text, silent: false, store_history: false, user_expressions: {}, allow_stdin: false, stop_on_error: true };
  socket.send(JSON.stringify({ header, parent_header: {}, metadata: {}, content, channel: 'shell', buffers: [] }));
  return new Promise((resolve) => {
    let said = '';
    socket.onmessage = ({ data }) => {
      if (typeof data !== 'string') return;
      const { msg_type: type, content: told, parent_header: parent } = JSON.parse(data);
      if (parent.msg_id !== 'ask') return;
      if (type === 'stream' && told.name === 'stdout') said += told.text;
      if (type === 'error') said += `${told.ename}: ${told.evalue}`;
      if (type === 'execute_reply') resolve(said);
    };
  });
}, code);

for (const [name, code, said] of [
  ['cmb', 'import camb\np = camb.set_params(H0=67.5, ombh2=0.022, omch2=0.12, lmax=300)\nprint(camb.get_results(p).get_cmb_power_spectra(p)["total"].shape[1])', '4\n'],
  ['gaia', 'import pyvo, astroquery\nfrom zero_point import zpt\nzpt.load_tables()\nprint("ok")', 'ok\n'],
  ['gnss', 'import georinex, pymap3d, pyproj\nprint(round(pymap3d.geodetic2ecef(0, 0, 0)[0]))', '6378137\n'],
  ['ai', 'import jax, optax, sklearn\nprint(jax.grad(lambda x: x ** 2)(3.0))', '6.0\n'],
]) {
  test(`the ${name} lab has its packages`, { timeout: PACKAGES_WITHIN_MS + NOTEBOOK_WITHIN_MS }, async () => {
    const own = await openPage(browser, { storageState: await storageState(page), stays: true });
    const id = await launch(own, `sepp/jupyterlab-${name}:v1`);
    await until(id, ({ ready }) => ready, PACKAGES_WITHIN_MS);
    await own.goto(at(`/datalabs/${id}/open`));
    await own.locator('#jp-main-dock-panel').waitFor({ timeout: NOTEBOOK_WITHIN_MS });
    assert.equal(await runs(own, code), said);
    await picture(own, `lab-${name}`);
    await own.context().close();
    await demo.api(`/api/v1/datalabs/${id}`, { method: 'DELETE' });
    await until(id, ({ phase }) => phase === 'ABORTED', ENDED_WITHIN_MS);
  });
}

test('the terminal opens on a command line', { timeout: 2 * LAB_WITHIN_MS }, async () => {
  const own = await openPage(browser, { storageState: await storageState(page), stays: true });
  const id = await launch(own, 'sepp/terminal:v1');
  await until(id, ({ ready }) => ready, LAB_WITHIN_MS);
  await own.goto(at(`/datalabs/${id}/open`));
  const terminal = own.locator('.jp-Terminal:visible');
  await terminal.waitFor({ timeout: NOTEBOOK_WITHIN_MS });
  await terminal.click();
  await own.keyboard.type('python -c "import gantry, os; print(gantry.volume(\'workspace\') == __import__(\'pathlib\').Path.cwd(), os.environ[\'GANTRY_URL\'])" > told; mv told told.txt; ls\n');
  const read = async () => (await fetch(at('/api/v1/volumes/workspace/files/told.txt'), { headers: { Authorization: `Bearer ${demo.token}` } })).text();
  for (const late = Date.now() + 30_000; (await read()).includes('problems'); assert.ok(Date.now() < late, 'nothing was told')) await own.waitForTimeout(200);
  assert.equal(await read(), `True ${demo.url.replace(/\/?$/, '/')}\n`);
  await picture(own, 'lab-terminal');
  await own.context().close();
  await demo.api(`/api/v1/datalabs/${id}`, { method: 'DELETE' });
});

for (const [name, id] of [['octave', 'sepp/octave:v1'], ['files', 'sepp/files:v1'], ['debian-vm', 'sepp/debian-vm:v1']]) {
  test(`${name} is seen in the browser`, { timeout: 2 * LAB_WITHIN_MS }, async () => {
    if (!await available(name)) return;
    const own = await openPage(browser, { storageState: await storageState(page), stays: true });
    const datalab = await launch(own, id);
    await openDesktop(own, datalab, name);
    await own.context().close();
    await demo.api(`/api/v1/datalabs/${datalab}`, { method: 'DELETE' });
    await until(datalab, ({ phase }) => phase === 'ABORTED', ENDED_WITHIN_MS);
  });
}

test('a selection is opened in TOPCAT with its table in it', { timeout: 3 * LAB_WITHIN_MS }, async () => {
  if (!await available('topcat')) return;
  const own = await openPage(browser, { storageState: await storageState(page), stays: true });
  const { assets } = await demo.api('/api/v1/assets?q=source%20list&facet=archive/planck&limit=1');
  const selection = await demo.api('/api/v1/selections', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ assets: [assets[0].id] }) });
  await own.goto(at(`/selections/${selection.id}`));
  await own.getByTestId('labs-for').click();
  await own.waitForURL(/\/labs\?selection=/);
  assert.match(await own.getByTestId('lab-sepp/topcat:v1').getByTestId('opens').innerText(), /opens/);
  await assertAccessible(own, 'labs that open a selection');
  await picture(own, 'labs-for-selection');
  await own.getByTestId('launch-sepp/topcat:v1').click();
  await own.getByTestId('launch-form').waitFor();
  assert.match(await own.getByTestId('launch-form').getByTestId('for-selection').innerText(), /1 product/);
  await picture(own, 'launch-with-selection');
  await own.getByTestId('launch').click();
  await own.waitForURL(/\/datalabs\/[^/]+$/);
  const datalab = own.url().split('/').at(-1);
  await openDesktop(own, datalab, 'topcat');
  assertNoTrouble({ trouble: own.trouble.filter((text) => !text.includes('package.json')) }, 'TOPCAT');
  await own.context().close();
  await demo.api(`/api/v1/datalabs/${datalab}`, { method: 'DELETE' });
  await until(datalab, ({ phase }) => phase === 'ABORTED', ENDED_WITHIN_MS);
});
