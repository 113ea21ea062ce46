// Uploads on the page of a volume: in pieces, so that a broken connection costs one of them; by button or by dropping files.

import { el, say, size, sizeOf } from './common.js';
import { t } from './words.js';

const PIECE = 8 * 1024 * 1024;
const TRIES = 6;
const token = document.querySelector('meta[name="csrf-token"]')?.content ?? '';
const area = document.querySelector('[data-upload]');
const list = document.querySelector('[data-uploads]');
const chooser = document.querySelector('[data-upload-choose]');

const encoded = (path) => path.split('/').map(encodeURIComponent).join('/');
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** One file on its way, with its line in the list. */
class Upload {
  constructor(file) {
    this.file = file;
    const folder = area.dataset.folder;
    this.to = area.dataset.upload + encoded(folder ? `${folder}/${file.name}` : file.name);
    this.bar = el('progress', { max: Math.max(file.size, 1), value: 0, 'aria-label': t('Upload of {name}', { name: file.name }) });
    this.text = el('span', { class: 'soft' });
    this.stop = el('button', { type: 'button', class: 'small' }, t('Pause'));
    this.cancel = el('button', { type: 'button', class: 'small' }, t('Cancel'));
    this.stop.addEventListener('click', () => this.toggle());
    this.cancel.addEventListener('click', () => this.giveUp());
    this.line = el('li', { 'data-testid': 'uploading' }, el('bdi', {}, file.name), ' ', this.text, this.bar, this.stop, ' ', this.cancel);
    list.append(this.line);
    this.at = 0;
  }

  show(words) {
    this.bar.value = this.at;
    say(this.text, words ?? sizeOf(this.at, this.file.size));
  }

  async put(range, body) {
    this.controller = new AbortController();
    const headers = { 'X-CSRF-Token': token, 'Content-Range': range, Accept: 'application/json' };
    const answer = await fetch(this.to, { method: 'PUT', headers, body, signal: this.controller.signal, credentials: 'same-origin' });
    const value = await answer.json().catch(() => null);
    return { status: answer.status, value };
  }

  /** Sends what is missing; asks how much is there after a break. */
  async run() {
    let tries = 0;
    this.paused = false;
    say(this.stop, t('Pause'));
    while (!this.paused && !this.ended) {
      const end = Math.min(this.at + PIECE, this.file.size);
      const last = Math.max(end - 1, this.at);
      const range = this.file.size === 0 ? null : `bytes ${this.at}-${last}/${this.file.size}`;
      try {
        const answer = range === null ? await this.whole() : await this.put(range, this.file.slice(this.at, end));
        if (answer.status === 201) return this.done();
        if (answer.status === 202) { this.at = answer.value.written_bytes; tries = 0; this.show(); continue; }
        if (answer.status !== 409) return this.fail(answer.value?.detail ?? t('the service answered {status}', { status: answer.status }));
        await this.ask();
      } catch (error) {
        if (this.paused || this.ended) return undefined;
        tries += 1;
        if (tries > TRIES) return this.fail(t('the connection breaks off again and again'));
        this.show(t('the connection broke off; trying again ({tries} of {limit})', { tries, limit: TRIES }));
        await pause(300 * 2 ** tries);
        await this.ask().catch(() => {});
      }
    }
    return undefined;
  }

  async whole() {
    const answer = await fetch(this.to, { method: 'PUT', headers: { 'X-CSRF-Token': token }, body: '', credentials: 'same-origin' });
    return { status: answer.status, value: await answer.json().catch(() => null) };
  }

  async ask() {
    const answer = await this.put(`bytes */${this.file.size}`);
    if (answer.status === 202) this.at = Math.min(answer.value.written_bytes, this.file.size);
    this.show();
  }

  toggle() {
    if (this.paused) { this.run(); return; }
    this.paused = true;
    this.controller?.abort();
    say(this.stop, t('Go on'));
    this.show(t('paused at {size}', { size: sizeOf(this.at, this.file.size) }));
  }

  giveUp() {
    this.ended = true;
    this.controller?.abort();
    this.line.remove();
  }

  done() {
    this.ended = true;
    this.at = this.file.size;
    this.show(t('{size}, there', { size: size(this.file.size) }));
    this.stop.remove();
    this.cancel.remove();
    this.line.append(el('a', { href: location.href, 'data-testid': 'reload' }, t('Show it in the list')));
  }

  fail(why) {
    this.paused = true;
    say(this.stop, t('Try again'));
    this.line.classList.add('bad');
    this.show(why);
  }
}

async function take(files) {
  for (const file of files) {
    const upload = new Upload(file);
    upload.show();
    await upload.run();
  }
}

if (area && list && chooser) {
  chooser.hidden = false;
  const input = chooser.querySelector('input');
  input.addEventListener('change', () => { take([...input.files]); input.value = ''; });
  area.addEventListener('dragover', (event) => { event.preventDefault(); area.classList.add('drop'); });
  area.addEventListener('dragleave', () => area.classList.remove('drop'));
  area.addEventListener('drop', (event) => {
    event.preventDefault();
    area.classList.remove('drop');
    take([...event.dataTransfer.files]);
  });
}
