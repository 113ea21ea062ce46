// Live progress of a datalab or a staging job over one event stream.
// The page arrives complete from the server; this only keeps it up to date.

import { at, count, duration, el, say, size, sizeOf } from './common.js';
import { t, tn } from './words.js';

const MOST_ROWS = 200;
const ENDED = ['COMPLETED', 'ERROR', 'ABORTED'];
const PHASES = {
  PENDING: t('accepted'), QUEUED: t('waiting its turn'), EXECUTING: t('under way'), HELD: t('held'),
  COMPLETED: t('complete'), ERROR: t('could not go on'), ABORTED: t('aborted'),
};
const VERIFIED = {
  'archive-checksum': t('checked against the archive\'s checksum'),
  'embedded-checksum': t('checked by the checksum inside'),
  'previous-copy': t('same as the copy known before'),
  size: t('checked by size'),
  unverified: t('not verified'),
};
const STAGED = { link: t('linked to the mounted archive'), clone: t('cloned from the shared cache') };

const page = document.querySelector('main[data-events]');
const part = (id) => document.getElementById(id);
let job = null;

// ── products ─────────────────────────────────────────────────────────

function showJob(now) {
  job = now;
  const there = now.files.staged + now.files.present;
  const total = now.bytes.total;
  if (total) {
    say(part('summary'), sizeOf(now.bytes.done, total));
    if (part('overall')) part('overall').value = (100 * now.bytes.done) / total;
  }
  const { skipped, failed } = now.files;
  const trouble = [skipped && tn('{n} skipped', '{n} skipped', skipped), failed && tn('{n} failed', '{n} failed', failed)].filter(Boolean);
  const arrived = tn('{there} of {n} file there', '{there} of {n} files there', now.files.total, { there: count(there) });
  const counts = [arrived, ...trouble].join(', ');
  say(part('counts'), counts);
  say(part('rate'), rate(now));
  part('waiting')?.replaceChildren(...now.waiting_for.map((w) => el('li', {}, w.text)));
  for (const name of ['total', 'staged', 'present', 'skipped', 'failed', 'waiting']) say(part(`n-${name}`), count(now.files[name]));
  const phase = part('phase');
  if (phase) {
    say(phase, PHASES[now.phase] ?? now.phase);
    phase.className = `phase p-${now.phase}`;
  }
  announce(ENDED.includes(now.phase) ? t('Staging {phase}: {counts}.', { phase: PHASES[now.phase], counts }) : `${counts}.`);
}

function rate(now) {
  if (now.phase !== 'EXECUTING' || !now.bytes_per_second) return '';
  const speed = `${size(now.bytes_per_second)}/s`;
  const left = now.seconds_left ?? null;
  return left === null ? speed : t('{speed} · {time} left', { speed, time: duration(left) });
}

function wordsOf(file) {
  switch (file.outcome) {
    case 'staged': return STAGED[file.method] ?? (file.size_bytes === null ? t('copied, whole') : t('copied, {size}', { size: size(file.size_bytes) }));
    case 'present': return t('already there');
    case 'skipped': return t('skipped: {reason}', file);
    case 'failed': return file.retry_may_help ? t('failed: {reason}; a retry may help', file) : t('failed: {reason}', file);
    default:
      if (file.bytes_done > 0) return file.size_bytes ? sizeOf(file.bytes_done, file.size_bytes) : size(file.bytes_done);
      return job?.waiting_for?.[0]?.text ?? t('waiting');
  }
}

function showFile(file) {
  const list = part('files');
  if (!list) return;
  const key = `${file.asset} ${file.name}`;
  let row = rowOf(list, key);
  if (!row) {
    if (list.children.length >= MOST_ROWS) return;
    row = el('li', { 'data-key': key, 'data-testid': 'file' },
      el('code', {}, file.name), el('span', { class: 'text' }),
      el('progress', { max: '100', value: '0', 'aria-label': file.name }), el('span', { class: 'detail' }));
    list.append(row);
  }
  const there = file.outcome === 'staged' || file.outcome === 'present';
  row.className = `o-${file.outcome ?? (file.bytes_done > 0 ? 'moving' : 'waiting')}`;
  row.querySelector('progress').value = there ? 100 : file.size_bytes ? (100 * (file.bytes_done ?? 0)) / file.size_bytes : 0;
  say(row.querySelector('.text'), wordsOf(file));
  say(row.querySelector('.detail'), VERIFIED[file.verified_by] ?? '');
  for (const old of row.querySelectorAll('.detail.warn')) old.remove();
  for (const text of file.warnings ?? []) row.append(el('span', { class: 'detail warn' }, text));
}

const rowOf = (list, key) => [...list.children].find((row) => row.dataset.key === key);

// ── datalab ──────────────────────────────────────────────────────────

const STEPS = {
  volumes: { now: t('attaching'), done: t('attached'), failed: t('not attached') },
  lab: { now: t('starting'), done: t('running'), failed: t('did not start') },
  notebook: { now: t('being written'), done: t('ready'), failed: t('not written') },
};
const STATES = { done: t('done'), now: t('now'), later: t('later'), failed: t('failed') };

/** How far the three steps are, from phase and readiness alone. */
function states({ phase, ready }) {
  if (ready) return ['done', 'done', 'done'];
  switch (phase) {
    case 'PENDING': return ['now', 'later', 'later'];
    case 'EXECUTING': return ['done', 'done', 'now'];
    case 'ERROR': return ['done', 'failed', 'later'];
    case 'COMPLETED': case 'ABORTED': return ['done', 'done', 'done'];
    default: return ['done', 'now', 'later'];
  }
}

function showDatalab(datalab) {
  const now = states(datalab);
  const cause = datalab.waiting_for.map((w) => w.text).join('; ');
  Object.entries(STEPS).forEach(([key, words], i) => {
    const step = page.querySelector(`[data-step="${key}"]`);
    if (!step) return;
    step.className = now[i];
    say(step.querySelector('.state'), `${STATES[now[i]]}: `);
    say(step.querySelector('small'), (now[i] === 'now' && cause) || words[now[i]] || '');
  });
  if (datalab.ready) offer(at(datalab.url));
  else if (ENDED.includes(datalab.phase)) ended();
}

/** The notebook can be opened: enable the link and, if wished and not done before, follow it. */
function offer(url) {
  const open = part('open');
  if (!open || open.hasAttribute('href')) return;
  open.href = url;
  open.removeAttribute('aria-disabled');
  open.removeAttribute('role');
  part('leave')?.remove();
  document.title = `${t('Ready')} · ${document.title}`;
  announce(t('The datalab can be opened.'), true);
  if (part('auto')?.checked && remember(`gantry.opened.${page.dataset.id}`)) location.assign(url);
  else if (document.activeElement === document.body) open.focus();
}

/** True the first time in this tab, so that going back does not lead forth again. */
function remember(key) {
  try {
    if (sessionStorage.getItem(key)) return false;
    sessionStorage.setItem(key, '1');
  } catch { /* without storage it opens each time */ }
  return true;
}

// ── the rest ─────────────────────────────────────────────────────────

function addLog({ line }) {
  const log = part('log');
  if (!log) return;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  log.append(`${line}\n`);
  if (log.childNodes.length > 2000) log.firstChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

let saidAt = 0;

/** Tells screen readers, at most every ten seconds unless it is urgent. */
function announce(text, urgent = false) {
  if (!urgent && Date.now() - saidAt < 10_000) return;
  saidAt = Date.now();
  say(part('said'), text);
}

/** The server says the end better: outcome, report and what can be done next. */
function ended() {
  stream.close();
  if (!ENDED.includes(page.dataset.phase)) location.reload();
}

let stream;

/** Opens the one stream of this page. The browser retries a broken one; a refused one is asked for again here. */
function listen() {
  stream = new EventSource(page.dataset.events);
  const on = (name, show) => stream.addEventListener(name, (event) => show(JSON.parse(event.data)));
  on('job', showJob);
  on('file', showFile);
  on('datalab', showDatalab);
  on('log', addLog);
  stream.addEventListener('open', () => { part('lost').hidden = true; });
  stream.addEventListener('error', () => {
    part('lost').hidden = false;
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
  });
  stream.addEventListener('end', () => {
    stream.close();
    if (part('phase')) ended();
  });
}

addEventListener('pagehide', () => stream.close());
addEventListener('pageshow', ({ persisted }) => { if (persisted) location.reload(); });

if (part('auto-row')) part('auto-row').hidden = false;
listen();
