// The lab catalogue: labs that fit while one types, and the launch form in a dialog.
// Without it the filter is a form and Launch leads to a page with the same form.

import { say } from './common.js';
import { tn } from './words.js';

const filter = document.querySelector('form.filter');
const cards = [...document.querySelectorAll('[data-words]')];

function narrow() {
  const words = filter.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
  let n = 0;
  for (const card of cards) {
    card.hidden = !words.every((word) => card.dataset.words.includes(word));
    if (!card.hidden) n += 1;
  }
  document.getElementById('labs-empty').hidden = n > 0;
  say(document.getElementById('labs-said'), tn('{n} lab found', '{n} labs found', n));
}

filter?.elements.q.addEventListener('input', narrow);
filter?.addEventListener('change', (event) => { if (event.target.matches('select')) filter.requestSubmit(); });

const dialog = document.getElementById('launch');

/** Shows the form of a lab's page; when that cannot be had, the page itself. */
async function show(href) {
  try {
    const answer = await fetch(href, { headers: { Accept: 'text/html' }, credentials: 'same-origin' });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const form = page.getElementById('launch-form');
    if (!answer.ok || !form) throw new Error('no form');
    const title = page.querySelector('.lab-head');
    const hint = page.querySelector('[data-testid=login-hint]');
    title.querySelector('h1').outerHTML = `<h2 id="launch-title">${title.querySelector('h1').innerHTML}</h2>`;
    form.querySelector('h2').remove();
    form.classList.remove('card');
    dialog.replaceChildren(...[title, hint, form].filter(Boolean));
    dialog.showModal();
    form.querySelector('[name=name]').focus();
  } catch {
    location.assign(href);
  }
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-launch], [data-close]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.hasAttribute('data-close') && !dialog.open) return;
  event.preventDefault();
  if (link.hasAttribute('data-close')) dialog.close();
  else show(link.href);
});
