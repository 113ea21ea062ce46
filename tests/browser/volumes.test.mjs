// Volumes and their files: made in both ways, tested, browsed, written, uploaded to, looked at.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { NARROW, assertAccessible, assertFits, assertNoTrouble, logIn, openPage, picture, startBrowser } from './browser.mjs';
import { startDemo } from './demo.mjs';

const PASSWORD = 's3cret-word';
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

let demo;
let browser;
let page;
let folder;
let ftp;
let ftpPort;

const at = (path) => new URL(path, demo.url).href;
const entry = (name) => page.getByTestId('entry').filter({ has: page.getByText(name, { exact: true }) });

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

async function listens(port) {
  for (let tries = 0; tries < 200; tries += 1) {
    const open = await new Promise((resolve) => {
      const socket = createConnection(port, '127.0.0.1');
      socket.once('connect', () => { socket.destroy(); resolve(true); });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  throw new Error(`nothing listens on ${port}`);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gantry-volumes-'));
  await mkdir(join(folder, 'survey'));
  await mkdir(join(folder, 'ftp'));
  await writeFile(join(folder, 'survey/README'), 'shared with everybody\n');
  process.env.GANTRY_STAGING__VOLUME_CATALOGUE__SURVEY__TITLE = 'Gaia data release v7';
  process.env.GANTRY_STAGING__VOLUME_CATALOGUE__SURVEY__PATH = join(folder, 'survey');
  process.env.GANTRY_NET__ALLOW_PRIVATE = '["127.0.0.0/8"]';
  ftpPort = await freePort();
  ftp = spawn('/usr/bin/python3', ['-m', 'pyftpdlib', '-i', '127.0.0.1', '-p', String(ftpPort), '-w', '-u', 'ada', '-P', PASSWORD, '-d', join(folder, 'ftp')], { stdio: 'ignore' });
  [demo, browser] = await Promise.all([startDemo(), startBrowser(), listens(ftpPort)]);
  page = await openPage(browser, { stays: true });
  await logIn(page, demo.login_url);
});

after(async () => {
  ftp?.kill('SIGKILL');
  await browser?.close();
  await demo?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

test('a shared volume is added with one click and offers nothing that writes', async () => {
  await page.goto(at('/volumes'));
  await assertAccessible(page);
  await page.getByTestId('add-survey').click();
  await entry('README').waitFor();
  assert.equal(await page.getByTestId('tools').count(), 0);
  assert.equal(await page.getByTestId('change').count(), 0);
  await entry('README').getByRole('link', { name: 'README', exact: true }).click();
  assert.equal(await page.getByTestId('text').innerText(), 'shared with everybody\n');
  await assertAccessible(page);
});

test('storage elsewhere is added by its address, tested step by step, and its password is shown nowhere', async () => {
  await page.goto(at('/volumes?kind=ftp'));
  await picture(page, 'volumes add ftp');
  await page.getByTestId('volume-name').fill('far');
  await page.getByTestId('volume-title').fill('Far away');
  await page.getByTestId('field-address').fill(`ftp://ada:${PASSWORD}@127.0.0.1:${ftpPort}/`);
  await page.getByTestId('volume-create').click();
  const refused = await page.getByTestId('form-error').innerText();
  assert.match(refused, /in the clear/);
  assert.equal(await page.getByTestId('volume-name').inputValue(), 'far');
  await page.getByTestId('allow-plain').check();
  await page.getByTestId('field-address').fill(`ftp://127.0.0.1:${ftpPort}/`);
  await page.getByTestId('field-user').fill('ada');
  await page.getByTestId('field-password').fill(PASSWORD);
  await page.getByTestId('volume-create').click();
  await page.getByTestId('is-new').waitFor();
  await page.getByTestId('test').click();
  await page.getByTestId('tested').waitFor();
  assert.deepEqual(await page.getByTestId('step').allInnerTexts(), ['✓ connect', '✓ list', '✓ write', '✓ read back', '✓ delete']);
  assert.equal(await page.getByTestId('real-path').innerText(), `ftp://ada:*****@127.0.0.1:${ftpPort}/`);
  assert.ok(!(await page.content()).includes(PASSWORD));
  await picture(page, 'volume elsewhere');
  await assertAccessible(page);
});

test('files are made, written, found, sorted, moved and deleted, here and elsewhere', async () => {
  for (const volume of ['workspace', 'far']) {
    await page.goto(at(`/volumes/${volume}`));
    await page.getByTestId('folder-name').fill('notes');
    await page.getByTestId('new-folder').click();
    await page.getByTestId('empty').waitFor();
    for (const [name, text] of [['b.txt', 'a long text of several words'], ['a.txt', 'short'], ['.secret', 'dot']]) {
      await page.goto(at(`/volumes/${volume}?path=notes`));
      await page.getByTestId('new-file').click();
      await page.getByTestId('file-name').fill(name);
      await page.getByTestId('editor').fill(text);
      await page.getByTestId('save').click();
      assert.equal(await page.getByTestId('text').innerText(), text);
    }
    await page.goto(at(`/volumes/${volume}?path=notes`));
    const names = async () => (await page.getByTestId('entry').getByRole('rowheader').allInnerTexts()).map((text) => text.trim());
    assert.deepEqual(await names(), ['a.txt', 'b.txt']);
    await page.getByTestId('sort-Size').click();
    assert.deepEqual(await names(), ['b.txt', 'a.txt']);
    assert.equal(await page.locator('th[aria-sort="descending"]').innerText(), 'Size ↓');
    await page.getByTestId('hidden').check();
    await page.getByTestId('find-go').click();
    assert.deepEqual((await names()).sort(), ['.secret', 'a.txt', 'b.txt']);
    await page.getByTestId('find').fill('B.T');
    await page.getByTestId('find-go').click();
    assert.deepEqual(await names(), ['b.txt']);
    await entry('b.txt').getByTestId('change').locator('summary').click();
    await entry('b.txt').getByTestId('move-to').fill('moved/c.txt');
    await entry('b.txt').getByTestId('move').click();
    await entry('c.txt').waitFor();
    await entry('c.txt').getByTestId('change').locator('summary').click();
    await entry('c.txt').getByTestId('delete-file').click();
    await page.getByTestId('empty').waitFor();
    await assertAccessible(page);
  }
  assert.equal(await readFile(join(folder, 'ftp/notes/a.txt'), 'utf8'), 'short');
});

test('a text that somebody else changed meanwhile is not overwritten unseen', async () => {
  await page.goto(at('/volumes/workspace/edit?path=notes/a.txt'));
  await demo.api('/api/v1/volumes/workspace/files/notes/a.txt', { method: 'PUT', body: 'from elsewhere' });
  await page.getByTestId('editor').fill('mine');
  await page.getByTestId('save').click();
  assert.match(await page.getByTestId('form-error').innerText(), /changed by somebody else/);
  assert.equal(await page.getByTestId('editor').inputValue(), 'mine');
  await assertAccessible(page);
  await page.getByTestId('save').click();
  assert.equal(await page.getByTestId('text').innerText(), 'mine');
});

test('an upload whose connection breaks off goes on where it was', async () => {
  const bytes = Buffer.alloc(20 * 1024 * 1024, 'gantry upload ');
  const big = join(folder, 'big.bin');
  await writeFile(big, bytes);
  let broken = 0;
  const ranges = [];
  await page.route('**/files/big.bin', (route) => {
    const range = route.request().headers()['content-range'];
    ranges.push(range);
    if (range.startsWith('bytes 8388608-') && broken === 0) { broken += 1; return route.abort('connectionreset'); }
    return route.continue();
  });
  await page.goto(at('/volumes/workspace'));
  await page.getByTestId('upload').setInputFiles(big);
  await page.getByTestId('reload').waitFor({ timeout: 60_000 });
  await page.unroute('**/files/big.bin');
  assert.equal(broken, 1);
  assert.ok(ranges.includes(`bytes */${bytes.length}`), ranges.join());
  assert.equal(ranges.filter((range) => range.startsWith('bytes 0-')).length, 1, 'the first piece went once');
  const answer = await fetch(at('/api/v1/volumes/workspace/files/big.bin'), { headers: { Authorization: `Bearer ${demo.token}` } });
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes));
  // The browser itself complains of the connection that this test cut.
  assert.equal(page.trouble.splice(0).length, 1);
});

test('hostile names and files of every kind are shown harmlessly', async () => {
  const put = (name, body) => demo.api(`/api/v1/volumes/workspace/files/odd/${encodeURIComponent(name)}`, { method: 'PUT', body });
  const evil = '<img src=x onerror=document.title="taken">.html';
  await put(evil, '<script>document.title = "taken"</script>');
  await put(`${'long-'.repeat(45)}.txt`, 'x');
  await put('pixel.png', PNG);
  await put('bytes.bin', Buffer.from([0, 1, 2, 255, 254]));
  const fits = `${'SIMPLE  =                    T'.padEnd(80)}${'BITPIX  =                    8'.padEnd(80)}${'NAXIS   =                    0'.padEnd(80)}${"OBJECT  = 'M 31    '           / what is seen".padEnd(80)}${'END'.padEnd(80)}`.padEnd(2880);
  await put('map.fits', fits);
  await page.goto(at('/volumes/workspace?path=odd'));
  await assertFits(page);
  await entry(evil).getByRole('link', { name: evil, exact: true }).click();
  assert.match(await page.getByTestId('text').innerText(), /<script>/);
  assert.notEqual(await page.title(), 'taken');
  await page.goto(at('/volumes/workspace/preview?path=odd/map.fits'));
  assert.match(await page.getByTestId('cards').innerText(), /OBJECT {2}= 'M 31 {4}' {11}\/ what is seen/);
  await picture(page, 'preview fits');
  await assertAccessible(page);
  await page.goto(at('/volumes/workspace/preview?path=odd/pixel.png'));
  assert.equal(await page.getByTestId('picture').evaluate((image) => image.naturalWidth), 1);
  await page.goto(at('/volumes/workspace/preview?path=odd/bytes.bin'));
  assert.match(await page.getByTestId('hex').innerText(), /00 01 02 ff fe/);
  await page.setViewportSize(NARROW);
  await page.goto(at('/volumes/workspace?path=odd'));
  await assertFits(page);
  await picture(page, 'volume narrow');
});

test('the pages were silent', () => assertNoTrouble(page, 'volumes'));
