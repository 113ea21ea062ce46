// Tries every element of the portal kit on this page, and says what was found.

import { el } from './common.js';
import { t } from './words.js';

const until = async (what, ms = 5000) => {
  for (const end = performance.now() + ms; performance.now() < end;) {
    const found = what();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return undefined;
};
const part = (element, selector) => document.querySelector(element)?.shadowRoot?.querySelector(selector);
const press = (target, key) => target?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true }));
const box = (value) => document.querySelector(`#results input[value="${CSS.escape(value)}"]`);
const mark = (input, checked) => { input.checked = checked; input.dispatchEvent(new Event('change', { bubbles: true })); };

const first = document.querySelector('#results input')?.value ?? '';
const errors = [];
addEventListener('error', (event) => errors.push(event.message));

const CHECKS = {
  [t('The script is here, and its hash is right')]: () => until(() => globalThis.gantry?.version),
  [t('Gantry answers')]: () => fetch(`${gantry.service}status.json`).then((answer) => answer.ok),
  [t('A plain link stays a plain link')]: () => document.querySelector('gantry-button a[href]')?.href.includes('/open-in-notebook?asset='),
  [t('A button without a link has one of its own')]: () => part('gantry-button[assets]', 'a')?.href.includes('/add-to-volume?asset='),
  [t('The row menu is a menu button')]: () => part('gantry-menu', 'button')?.getAttribute('aria-haspopup') === 'menu',
  [t('Down opens it at its first entry')]: async () => {
    press(part('gantry-menu', 'button'), 'ArrowDown');
    const root = document.querySelector('gantry-menu').shadowRoot;
    return root.querySelector('button').getAttribute('aria-expanded') === 'true' && root.activeElement?.getAttribute('role') === 'menuitem';
  },
  [t('Escape closes it and leads back')]: async () => {
    const root = document.querySelector('gantry-menu').shadowRoot;
    press(root.activeElement, 'Escape');
    return root.querySelector('button').getAttribute('aria-expanded') === 'false' && root.activeElement === root.querySelector('button');
  },
  [t('Marked rows are counted and sized')]: async () => {
    mark(box(first), true);
    return until(() => /^1 .*B/i.test(part('gantry-actions', '[part=status]').textContent));
  },
  [t('What Gantry does not know is said')]: async () => {
    mark(box('planck:no-such-product'), true);
    const said = await until(() => part('gantry-actions', '[part=status]').textContent.includes(gantry.words.en.unknown.replace('{n}', '1')));
    mark(box(first), false);
    mark(box('planck:no-such-product'), false);
    return said;
  },
  [t('Nothing marked is nothing done')]: async () => {
    await until(() => part('gantry-actions', 'button').getAttribute('aria-disabled') === 'true');
    return gantry.hand('open-in-notebook', []) === false;
  },
  [t('Nothing was thrown')]: () => errors.length === 0,
};

const list = document.getElementById('found');
list.replaceChildren();
const before = document.activeElement;
for (const [name, check] of Object.entries(CHECKS)) {
  let passed = false;
  try { passed = Boolean(await check()); } catch (error) { errors.push(String(error)); }
  list.append(el('li', { 'data-testid': 'check', 'data-passed': passed },
    el('i', { class: `dot ${passed ? 'ok' : 'down'}`, 'aria-hidden': 'true' }), ' ', passed ? t('Passed: {what}', { what: name }) : t('Failed: {what}', { what: name })));
}
before?.focus?.();
list.dataset.done = 'true';
