// The search page: marks that last across pages, and what taking them would do, read before the click.
// Without this script the form still sends the rows marked on this page.

import { at, call, count, duration, el, say, size, sizeOf } from './common.js';
import { t, tn } from './words.js';

const KEY = 'gantry.marked';
const METHODS = {
  present: () => t('already in the volume'),
  link: () => t('linked from the mounted archive'),
  clone: () => t('cloned from the shared cache'),
  copy: () => t('copied from the shared cache'),
  download(line) {
    const archive = line.archive_title ?? line.archive;
    return archive ? t('to copy from {archive}', { archive }) : t('to copy from the archive');
  },
  skip: () => t('not taken'),
};

// What the page has now; a search while one types puts others in their place.
let form;
let panel;
let status;
let unmark;
let volume;
let everything;

const read = () => {
  try { return new Map(JSON.parse(sessionStorage.getItem(KEY) ?? '[]')); } catch { return new Map(); }
};
const write = () => {
  try { sessionStorage.setItem(KEY, JSON.stringify([...marked])); } catch { /* kept on this page only */ }
};

/** What is marked, on this page or another: id → {title, size}, size null where unknown. */
const marked = read();
const boxes = () => form.querySelectorAll('input[name="asset"]');
const entry = (box) => ({ title: box.dataset.title, size: box.dataset.size === '' ? null : Number(box.dataset.size) });

function restore() {
  for (const box of boxes()) {
    if (box.checked) marked.set(box.value, entry(box));
    box.checked = marked.has(box.value);
  }
}

function totals() {
  const sizes = [...marked.values()].map((m) => m.size);
  const known = sizes.filter((s) => s !== null);
  const sum = size(known.reduce((a, b) => a + b, 0));
  if (known.length === 0) return t('size unknown');
  return known.length === sizes.length ? sum : t('at least {size}', { size: sum });
}

function show() {
  const n = marked.size;
  unmark.hidden = n === 0;
  if (everything?.checked) {
    say(status, t('All matches of this search.'));
    panel.replaceChildren(el('p', {}, t('All matches of this search, on this page and further on. The plan says what that means before anything moves.')));
    return;
  }
  status.replaceChildren(...(n === 0
    ? [t('Mark products, then:')]
    : [el('b', {}, t('{n} selected', { n: count(n) })), ` · ${totals()}`]));
  if (n === 0) {
    panel.replaceChildren(el('p', {}, t('Nothing is marked yet. Marks are kept while you search on.')));
    return;
  }
  panel.replaceChildren(...[sums([[tn('{n} product', '{n} products', n), totals()]]), elsewhere()].filter(Boolean));
}

function elsewhere() {
  const here = new Set([...boxes()].map((box) => box.value));
  const n = [...marked.keys()].filter((id) => !here.has(id)).length;
  return n === 0 ? null : el('p', { class: 'soft' }, t('{n} of them not on this page.', { n: count(n) }));
}

function sums(rows) {
  return el('dl', { class: 'sums' }, ...rows.map(([text, value]) => el('div', {}, el('dt', {}, text), el('dd', {}, value))));
}

let asking;
let timer;

/** Asks the service, a moment after the last mark, what would be linked, copied or is there already. */
function plan() {
  clearTimeout(timer);
  asking?.abort();
  if (marked.size === 0 || everything?.checked) return;
  timer = setTimeout(ask, 500);
}

async function ask() {
  asking = new AbortController();
  const { signal } = asking;
  try {
    const selection = await call('POST', at('/api/v1/selections'), { assets: [...marked.keys()] }, signal);
    const answer = await call('POST', at(`/api/v1/selections/${encodeURIComponent(selection.id)}/plan`), { volume: volume?.value }, signal);
    if (!signal.aborted) showPlan(selection.id, answer);
  } catch (error) {
    if (signal.aborted) return;
    show();
    panel.append(el('p', { class: 'soft', 'data-testid': 'plan-unknown' }, t('No plan yet: {reason}', { reason: error.message })));
  }
}

function showPlan(id, answer) {
  const rows = [[tn('{n} product', '{n} products', marked.size), totals()]];
  for (const line of answer.methods ?? []) {
    const what = (METHODS[line.method] ?? (() => line.method))(line);
    const text = line.seconds > 0 ? t('{what}, about {time}', { what, time: duration(line.seconds) }) : what;
    rows.push([text, line.size_bytes === null ? tn('{n} file', '{n} files', line.n_files) : size(line.size_bytes)]);
  }
  if (answer.quota?.limit_bytes) {
    const left = Math.max(0, answer.quota.limit_bytes - answer.quota.used_bytes);
    const text = volume ? t('quota left in {volume}', { volume: volume.value }) : t('quota left in the volume');
    rows.push([text, sizeOf(left, answer.quota.limit_bytes)]);
  }
  const list = sums(rows);
  list.dataset.testid = 'plan';
  const link = el('a', { href: at(`/selections/${encodeURIComponent(id)}`), 'data-testid': 'cite-selection' }, t('Cite these products'));
  panel.replaceChildren(...[
    list,
    ...(answer.warnings ?? []).map((text) => el('p', { class: 'notice warn' }, text)),
    elsewhere(),
    el('p', {}, link),
  ].filter(Boolean));
}

function changed() {
  write();
  show();
  plan();
}

/** Marks of other pages travel with the form as hidden fields, those of this page as themselves. */
function carry() {
  for (const old of form.querySelectorAll('input[type="hidden"][name="asset"]')) old.remove();
  if (everything?.checked) return;
  const here = new Set([...boxes()].map((box) => box.value));
  for (const id of marked.keys()) {
    if (!here.has(id)) form.append(el('input', { type: 'hidden', name: 'asset', value: id }));
  }
}

function begin() {
  clearTimeout(timer);
  asking?.abort();
  form = document.getElementById('marks');
  panel = document.getElementById('selection');
  status = document.getElementById('marked');
  unmark = document.getElementById('unmark');
  volume = document.querySelector('.act select[name="volume"]');
  everything = form?.elements.all;
  if (!form) return;
  restore();
  show();
  plan();
  form.addEventListener('change', ({ target }) => {
    if (target.name === 'asset' && target.checked) marked.set(target.value, entry(target));
    else if (target.name === 'asset') marked.delete(target.value);
    changed();
  });
  form.addEventListener('keydown', walk);
  form.addEventListener('submit', (event) => {
    carry();
    if (marked.size === 0 && !everything?.checked) {
      event.preventDefault();
      say(status, t('Mark at least one product first.'));
      boxes()[0]?.focus();
    }
  });
  volume?.addEventListener('change', plan);
  unmark.addEventListener('click', () => {
    marked.clear();
    for (const box of boxes()) box.checked = false;
    changed();
    boxes()[0]?.focus();
  });
}

/** Up and down go from product to product, between their boxes. */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const from = event.target.closest('.hit')?.querySelector('input[name="asset"]');
  if (!step || !from) return;
  const all = [...boxes()];
  const next = all[all.indexOf(from) + step];
  event.preventDefault();
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

begin();
document.addEventListener('gantry-found', begin);
// A page shown again from the browser's memory may be older than the marks.
addEventListener('pageshow', ({ persisted }) => {
  if (!persisted || !form) return;
  marked.clear();
  for (const [id, mark] of read()) marked.set(id, mark);
  for (const box of boxes()) box.checked = marked.has(box.value);
  show();
  plan();
});
