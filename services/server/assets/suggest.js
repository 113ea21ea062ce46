// Completions below the search box: a combobox with a list, after the ARIA Authoring Practices.
// Arrows choose, Enter takes and searches, Escape closes and leaves what was typed. Without this script the box searches.

import { at, call, count, el } from './common.js';
import { t, tn } from './words.js';

const input = document.getElementById('q');
const box = input?.closest('.complete');
const PAUSE_MS = 120;

let list;
let status;
let options = [];
let chosen = -1;
let typed = '';
let timer;
let asking;

const KINDS = { word: () => t('word'), name: () => t('name') };
const label = (one) => (one.kind === 'facet' ? one.field.replaceAll('_', ' ') : KINDS[one.kind]?.() ?? one.kind);
const isOpen = () => !list.hidden;

function close() {
  clearTimeout(timer);
  asking?.abort();
  list.hidden = true;
  list.replaceChildren();
  options = [];
  chosen = -1;
  input.setAttribute('aria-expanded', 'false');
  input.removeAttribute('aria-activedescendant');
}

function show(suggestions) {
  options = suggestions.map((one, n) => {
    const option = el('li', { role: 'option', id: `q-option-${n}`, 'aria-selected': 'false', 'data-testid': 'completion' },
      el('span', {}, one.text), el('small', {}, `${label(one)}, ${count(one.count)}`));
    option.dataset.text = one.text;
    return option;
  });
  chosen = -1;
  input.removeAttribute('aria-activedescendant');
  list.replaceChildren(...options);
  list.hidden = options.length === 0;
  input.setAttribute('aria-expanded', String(isOpen()));
  status.textContent = options.length === 0
    ? t('No completions')
    : tn('{n} completion, arrows choose', '{n} completions, arrows choose', options.length);
}

/** Chooses a completion; −1 is what was typed. */
function choose(n) {
  options[chosen]?.setAttribute('aria-selected', 'false');
  chosen = n;
  const option = options[chosen];
  input.value = option ? option.dataset.text : typed;
  if (!option) {
    input.removeAttribute('aria-activedescendant');
    return;
  }
  option.setAttribute('aria-selected', 'true');
  option.scrollIntoView({ block: 'nearest' });
  input.setAttribute('aria-activedescendant', option.id);
}

async function ask() {
  typed = input.value;
  asking?.abort();
  if (typed.trim() === '') {
    close();
    return;
  }
  asking = new AbortController();
  const { signal } = asking;
  try {
    const answer = await call('GET', at(`/api/v1/assets/suggest?q=${encodeURIComponent(typed)}`), undefined, signal);
    if (!signal.aborted && document.activeElement === input) show(answer.suggestions ?? []);
  } catch {
    if (!signal.aborted) close();
  }
}

function pressed(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey) return;
  const n = options.length;
  if (event.key === 'Escape' && isOpen()) {
    event.preventDefault();
    choose(-1);
    close();
  } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && isOpen()) {
    event.preventDefault();
    const step = event.key === 'ArrowDown' ? 1 : -1;
    // What was typed stands between the last completion and the first.
    choose(((chosen + 1 + step + n + 1) % (n + 1)) - 1);
  } else if (event.key === 'ArrowDown') {
    event.preventDefault();
    ask();
  } else if (event.key === 'Tab') {
    close();
  }
}

if (box) {
  list = el('ul', { role: 'listbox', id: 'q-list', 'aria-label': t('Completions'), hidden: '', 'data-testid': 'completions' });
  status = el('span', { class: 'vh', role: 'status' });
  box.append(list, status);
  const attributes = { role: 'combobox', 'aria-autocomplete': 'list', 'aria-controls': 'q-list', 'aria-expanded': 'false' };
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  input.addEventListener('keydown', pressed);
  input.addEventListener('blur', close);
  // A press on the list must not take the focus away before the click arrives.
  list.addEventListener('mousedown', (event) => event.preventDefault());
  list.addEventListener('click', ({ target }) => {
    const option = target.closest('[role="option"]');
    if (!option) return;
    input.value = option.dataset.text;
    close();
    input.form.requestSubmit();
  });
}
