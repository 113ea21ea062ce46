// The way of a click, the same for every archive: search, mark, Open in Notebook, run every cell.

import assert from 'node:assert/strict';
import { assertNoTrouble, picture } from './browser.mjs';

export const LAB_WITHIN_MS = 120_000;
export const NOTEBOOK_WITHIN_MS = 120_000;

/** Searches, narrows by a facet, and marks so many of the first hits. */
export async function markFound(page, demo, { words, facet, chip, n }) {
  await page.goto(demo.url);
  await page.getByTestId('search-box').fill(words);
  await page.getByTestId('search-box').press('Enter');
  await page.waitForURL(/[?&]q=/);
  await page.getByTestId(facet).click();
  await page.getByTestId('chip').filter({ hasText: chip }).waitFor();
  for (let at = 0; at < n; at += 1) await page.getByTestId('mark').nth(at).check();
  await page.getByTestId('marked').filter({ hasText: `${n} selected` }).waitFor();
}

/** Opens what is marked, waits until all of it is there, and goes to the notebook. */
export async function openNotebook(page, name) {
  await page.getByTestId('open-in-notebook').click();
  await page.waitForURL(/\/datalabs\/[^/]+$/);
  await page.locator('[data-testid=open-notebook][href]').waitFor({ timeout: LAB_WITHIN_MS });
  assertNoTrouble(page, 'the datalab');
  await picture(page, `${name}-ready`);
  await page.getByTestId('open-notebook').click();
  await page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\//, { timeout: NOTEBOOK_WITHIN_MS });
  await page.locator('.jp-Notebook .jp-Cell').first().waitFor({ timeout: NOTEBOOK_WITHIN_MS });
}

const FRONT = '.jp-NotebookPanel:not(.lm-mod-hidden)';
const ERROR = '[data-mime-type="application/vnd.jupyter.error"], [data-mime-type="application/vnd.jupyter.stderr"]';

/** Waits for the notebook's own kernel; JupyterLab asks which one to take, or does nothing, when told to run before that. */
async function kernelConnected(page) {
  const notebook = decodeURIComponent(new URL(page.url()).pathname).split('/lab/tree/')[1];
  const sessions = new URL('/api/sessions', page.url()).href;
  const ready = ({ path, kernel }) => path === notebook && kernel.connections > 0 && kernel.execution_state === 'idle';
  const until = Date.now() + NOTEBOOK_WITHIN_MS;
  for (let seen = []; !seen.some(ready);) {
    assert.ok(Date.now() < until, `no kernel of ${notebook} is connected and idle: ${JSON.stringify(seen)}`);
    await page.waitForFunction(() => document.querySelector('.jp-Dialog') === null);
    seen = await (await page.request.get(sessions)).json();
  }
  await page.locator('#jp-main-statusbar').getByText('| Idle').waitFor({ timeout: NOTEBOOK_WITHIN_MS });
}

/** Runs every cell of the notebook that is open; none may end in an error. */
export async function runAllCells(page) {
  await kernelConnected(page);
  await page.getByRole('menuitem', { name: 'Run', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Run All Cells', exact: true }).click();
  try {
    await page.waitForFunction(([panel, error]) => {
      const cells = [...document.querySelectorAll(`${panel} .jp-CodeCell .jp-InputPrompt`)].map((e) => e.textContent);
      return cells.length > 0 && cells.every((text) => /\[\d+\]/.test(text)) || document.querySelector(`${panel} :is(${error})`);
    }, [FRONT, ERROR], { timeout: NOTEBOOK_WITHIN_MS });
  } catch (late) {
    throw new Error(`the cells stand at ${await page.locator(`${FRONT} .jp-CodeCell .jp-InputPrompt`).allInnerTexts()}; the page shows\n${await page.locator('body').innerText()}`, { cause: late });
  }
  const errors = await page.locator(FRONT).locator('[data-mime-type="application/vnd.jupyter.error"]').allInnerTexts();
  assert.deepEqual(errors, []);
}
