// What the pages' scripts share: calls to the API, sizes for people, small pieces of DOM.

import { digits, t } from './words.js';

/** The address of something of this service, which may lie below a path of its host. */
export const at = (path) => `${document.documentElement.dataset.base ?? ''}${path}`;

const token = document.querySelector('meta[name="csrf-token"]')?.content ?? '';

/** Calls the API; answers the JSON, or throws an Error whose message is the problem's `detail`. */
export async function call(method, path, body, signal) {
  const headers = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-CSRF-Token'] = token;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const answer = await fetch(path, {
    method, headers, signal, credentials: 'same-origin',
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const value = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(value?.detail ?? value?.title ?? t('the service answered {status}', { status: answer.status }));
  return value;
}

const UNITS = [t('bytes'), 'kB', 'MB', 'GB', 'TB', 'PB'];

function unitOf(n) {
  let unit = 0;
  for (let value = n; value >= 999.5 && unit < UNITS.length - 1; value /= 1000) unit += 1;
  return unit;
}

const inUnit = (bytes, unit) => {
  const value = bytes / 1000 ** unit;
  const n = unit === 0 || value >= 9.95 || value === 0 ? 0 : 1;
  // Rounded as the service rounds; `digits` rounds what is written, 1.15 up.
  return digits(n === 0 ? Math.round(value) : Number(value.toFixed(1)), n);
};

/** Bytes in decimal units, one digit below ten: `2.0 GB`, `48 MB`. */
export const size = (n) => `${inUnit(n, unitOf(n))} ${UNITS[unitOf(n)]}`;

/** `1.2 of 2.0 GB`: both in the unit of the whole. */
export const sizeOf = (part, whole) => t('{done} of {total}', { done: inUnit(part, unitOf(whole)), total: size(whole) });

/** Thousands as the language of the page separates them: `80,818`. */
export const count = (n) => Number(n).toLocaleString(document.documentElement.lang);

/** Seconds as one would say them: `40 s`, `6 min`, `2 h 10 min`. */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** An element with attributes and children; text is always text, never markup. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets text only where it differs, so that screen readers are not disturbed. */
export function say(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
