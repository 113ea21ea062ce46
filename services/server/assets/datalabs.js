// The list of datalabs, kept up to date by asking. When one comes, goes or ends, the list is shown anew unless somebody
// is in the middle of something on it.

import { at, call, say } from './common.js';
import { t } from './words.js';

const EVERY_MS = 2000;
const ENDED = ['COMPLETED', 'ERROR', 'ABORTED'];
/** The part of the list that is shown. */
const after = new URLSearchParams(location.search).get('after');
const page = `?limit=100${after ? `&after=${encodeURIComponent(after)}` : ''}`;
const rows = [...document.querySelectorAll('[data-id]')];

const word = ({ phase, ready }) => ({ QUEUED: t('starting'), EXECUTING: ready ? t('serving') : t('serving, products not there yet') })[phase];

/** False when the row itself no longer fits. */
function update(row, datalab) {
  if (!datalab || ENDED.includes(datalab.phase)) return !row.hasAttribute('data-live');
  const phase = row.querySelector('.phase');
  if (phase.textContent !== t('stopping')) {
    say(phase, word(datalab) ?? phase.textContent);
    phase.className = `phase p-${datalab.phase}`;
  }
  const causes = datalab.waiting_for.map((wait) => wait.text).join('; ');
  say(row.querySelector('[data-cause]'), causes && `: ${causes}`);
  const open = row.querySelector('[data-open]');
  if (open.hidden && datalab.ready) {
    open.hidden = false;
    open.setAttribute('data-testid', 'open');
    say(document.getElementById('said'), t('{name} can be opened.', { name: datalab.name }));
  }
  const warned = row.querySelector('[data-testid=stops-soon]') !== null;
  return (datalab.stops?.soon ?? false) === warned;
}

function showAnew() {
  const busy = document.querySelector('details[open]') || document.activeElement?.closest('[data-id]');
  if (busy) document.getElementById('changed').hidden = false;
  else location.reload();
}

async function look() {
  if (!document.hidden) {
    const { datalabs } = await call('GET', at(`/api/v1/datalabs${page}`));
    const known = new Set(rows.map((row) => row.dataset.id));
    const fits = rows.map((row) => update(row, datalabs.find(({ id }) => id === row.dataset.id)));
    if (fits.includes(false) || datalabs.some(({ id }) => !known.has(id))) return showAnew();
  }
  setTimeout(again, EVERY_MS);
  return undefined;
}

const again = () => look().catch(() => setTimeout(again, 5 * EVERY_MS));

if (rows.length > 0) setTimeout(again, EVERY_MS);
