// The search answers while one types: the parts of the page that depend on the words are fetched and put in place.
// The search before stays one step back; without this script the button searches.

import { say } from './common.js';

const PARTS = ['.facets', '.results', '.side', '.act'];
const PAUSE_MS = 300;

const input = document.getElementById('q');
const form = input?.form;
let status;
let timer;
let asking;
let shown = input?.value.trim();
// Whether the words shown are still being typed, so that they take the place of those before.
let typing = false;

function address() {
  const fields = [...new FormData(form)].filter(([, value]) => value !== '');
  const query = new URLSearchParams(fields).toString();
  return form.getAttribute('action') + (query === '' ? '' : `?${query}`);
}

/** Puts the parts of another page in place of those shown; the form with its box stays as it is. */
function place(page) {
  const main = document.getElementById('main');
  for (const open of main.querySelectorAll('.facets details[open]')) {
    const fresh = page.querySelector(`.facets details[data-testid="${CSS.escape(open.dataset.testid)}"]`);
    if (fresh) fresh.open = true;
  }
  for (const part of PARTS) {
    const [old, fresh] = [main.querySelector(`:scope > ${part}`), page.querySelector(`#main > ${part}`)];
    if (old && fresh) old.replaceWith(fresh);
    else if (old) old.remove();
    else if (fresh) main.append(fresh);
  }
  // The way to other languages leads to what is shown now.
  const ways = [document.querySelectorAll('.language'), page.querySelectorAll('.language')];
  ways[0].forEach((way, i) => { way.href = ways[1][i]?.href ?? way.href; });
  document.title = page.title;
  document.dispatchEvent(new Event('gantry-found'));
  say(status, document.getElementById('n-results')?.textContent.trim() ?? '');
}

async function find(url) {
  clearTimeout(timer);
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  try {
    const answer = await fetch(url, { signal, credentials: 'same-origin', headers: { Accept: 'text/html' } });
    if (!answer.ok) return false;
    const text = await answer.text();
    if (signal.aborted) return false;
    place(new DOMParser().parseFromString(text, 'text/html'));
    return true;
  } catch {
    // What is shown stays; the button still searches.
    return false;
  }
}

async function typed() {
  if (input.value.trim() === shown) return;
  const url = address();
  const words = input.value.trim();
  if (!await find(url)) return;
  shown = words;
  history[typing ? 'replaceState' : 'pushState']({}, '', url);
  typing = true;
}

if (form) {
  status = document.createElement('p');
  status.className = 'vh';
  status.setAttribute('role', 'status');
  form.append(status);
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(typed, PAUSE_MS);
  });
  input.addEventListener('change', () => { typing = false; });
  form.addEventListener('submit', () => {
    clearTimeout(timer);
    asking?.abort();
  });
  addEventListener('popstate', async () => {
    typing = false;
    const url = new URL(location.href);
    input.value = url.searchParams.get('q') ?? '';
    shown = input.value.trim();
    if (!await find(url.href)) location.reload();
  });
  addEventListener('keydown', (event) => {
    const { target } = event;
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest('input:not([type="checkbox"]), textarea, select, [contenteditable]')) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
}
