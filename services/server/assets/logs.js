// The log of a datalab, as it grows, until the datalab has ended.

import { call, say } from './common.js';
import { t } from './words.js';

const EVERY_MS = 1500;
const log = document.getElementById('log');
const datalab = log.dataset.href.replace(/\/logs\?.*/, '');

async function look() {
  if (!document.hidden) {
    const { phase } = await call('GET', datalab);
    const answer = await fetch(log.dataset.href, { credentials: 'same-origin' });
    if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
    show(await answer.text());
    if (['COMPLETED', 'ERROR', 'ABORTED'].includes(phase)) {
      say(document.getElementById('state'), t('The datalab has ended; its log is kept.'));
      return;
    }
  }
  setTimeout(again, EVERY_MS);
}

/** The end stays in sight where it was. */
function show(text) {
  if (!text || log.textContent === text) return;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  log.textContent = text;
  if (atEnd) log.scrollTop = log.scrollHeight;
}

const again = () => look().catch(() => setTimeout(again, 3 * EVERY_MS));

log.scrollTop = log.scrollHeight;
again();
