// Gantry portal kit 1.0.0: hands products of an archive's page to Gantry. How: /help/portals of the service that serves it.

const base = document.querySelector('meta[name="gantry-service"]')?.content.replace(/\/*$/, '/') ?? import.meta.url.replace(/portal\/[^]*$/, '');
const before = globalThis.gantry;

// By language. A page may put its own into `gantry.words`, before this script, or after it with `gantry.refresh()`.
const words = {
  en: {
    'open-in-notebook': 'Open in Notebook',
    'add-to-volume': 'Add to Data Volume',
    'all-open-in-notebook': 'Open All the selected in a Notebook',
    'all-add-to-volume': 'Add All the selected to Data Volume',
    menu: 'Actions for {name}',
    row: 'this product',
    none: 'Nothing selected',
    first: 'Select at least one product first',
    chosen: '{n} selected',
    least: 'more than {size}',
    unknown: '{n} not known to Gantry',
    slow: '{name} does not answer now',
    down: 'Gantry is down',
  },
  ...before?.words,
};
const languageOf = (element) => element.closest('[lang]')?.lang || 'en';
const say = (element, key, values = {}) => {
  const language = languageOf(element);
  const text = (words[language] ?? words[language.split('-')[0]])?.[key] ?? words.en[key];
  return text.replace(/{(\w+)}/g, (all, name) => values[name] ?? all);
};
const number = (element, n, options) => new Intl.NumberFormat(languageOf(element), options).format(n);
const bytes = (element, n) => {
  const at = n < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(n) / 3));
  return number(element, n / 1000 ** at, { style: 'unit', unit: `${['', 'kilo', 'mega', 'giga', 'tera'][at]}byte`, maximumSignificantDigits: 2 });
};

const el = (name, attributes, ...children) => {
  const element = document.createElement(name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.append(...children);
  return element;
};
const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const tell = (target, type, detail = {}) => target.dispatchEvent(new CustomEvent(`gantry:${type}`, { bubbles: true, composed: true, detail }));

let up; // undefined: not known
const archives = {};
let asking;
const shown = new Set();
const refresh = () => shown.forEach((element) => element.refresh());

const ask = async (path, body) => {
  const answer = await fetch(base + path, {
    credentials: 'omit', referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(body ? 20_000 : 1800),
    ...body && { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) },
  });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
};

const check = () => asking ??= ask('status.json').then(() => known(true), () => known(false)).then(() => { asking = undefined; });

const known = (now) => {
  if (up !== now) tell(document, now ? 'ready' : 'unavailable');
  up = now;
  refresh();
  if (!up) setTimeout(check, 30_000);
};

// A policy that forbids to ask says nothing about Gantry.
document.addEventListener('securitypolicyviolation', (event) => {
  if (event.effectiveDirective === 'connect-src' && event.blockedURI.startsWith(new URL(base).origin)) setTimeout(() => { up = undefined; refresh(); });
});

const ACTIONS = ['open-in-notebook', 'add-to-volume'];

/** A form's fields of ids, `{archive, names}`, `{archive, adql}` or `{archive, job}`. */
const fields = (what) => (what instanceof URLSearchParams ? [...what] : Object.entries(Array.isArray(what) ? { assets: what } : what ?? {}))
  .flatMap(([key, value]) => Array.isArray(value) ? value.map((one) => [key.replace(/s$/, ''), one]) : [[key, value]])
  .filter(([key, value], at, all) => value && (key !== 'archive' || all.some(([other]) => /^(name|adql|job)$/.test(other))));

let last;
/** Leads to Gantry, and answers whether it does; what is wrong is an event at `from`. */
const hand = (action, what, { target = '', from = document } = {}) => {
  const pairs = fields(what);
  if (!ACTIONS.includes(action) || !pairs.some(([key]) => /^(asset|name|adql|job)$/.test(key))) {
    tell(from, 'error', { action, reason: ACTIONS.includes(action) ? 'nothing-selected' : 'unknown-action' });
    return false;
  }
  if (up === false) {
    check().then(() => up ? hand(action, what, { target, from }) : tell(from, 'unavailable', { action }));
    return false;
  }
  const click = action + pairs;
  if (last?.click === click && Date.now() - last.at < 2000) return false;
  last = { click, at: Date.now() };
  const form = el('form', { method: 'post', action: `${base}portal/selections`, target, rel: 'noopener', hidden: '' },
    ...[['action', action], ...pairs].map(([name, value]) => el('input', { type: 'hidden', name, value })));
  document.body.append(form);
  form.submit();
  form.remove();
  tell(from, 'accepted', { action, count: pairs.filter(([key]) => /^(asset|name)$/.test(key)).length });
  return true;
};
addEventListener('pageshow', () => { last = undefined; });

const ofLink = (link) => {
  const action = link.pathname?.split('/').pop();
  return link.href?.startsWith(base) && ACTIONS.includes(action) ? [action, new URLSearchParams(link.search)] : [];
};
const toLink = (action, what) => `${base}${action}?${new URLSearchParams(fields(what))}`;

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { display: inline-block; position: relative; }
:host(gantry-actions) { display: flex; flex-wrap: wrap; gap: .5em .8em; align-items: center; }
:host([hidden]), [hidden] { display: none; }
a, button, ::slotted(:is(a, button)) { box-sizing: border-box; display: inline-block; font: inherit; padding: .4em .8em; border: 1px solid var(--gantry-line, currentColor); border-radius: var(--gantry-radius, .35em); background: var(--gantry-paper, Canvas); color: var(--gantry-ink, CanvasText); text-decoration: none; cursor: pointer; }
[data-action^=open] { background: var(--gantry-accent, #0b6b50); color: var(--gantry-on-accent, #fff); }
[aria-disabled=true], ::slotted([aria-disabled=true]) { opacity: .6; cursor: default; }
[part=note] { position: absolute; inset: 0; padding: .4em .3em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; text-align: center; pointer-events: none; border: 1px dashed; background: Canvas; color: CanvasText; }
.vh { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[part=toggle] { padding: .4em .6em; line-height: 1; }
[part=menu] { position: absolute; inset: auto; margin: 0; padding: .3em; border: 1px solid var(--gantry-line, currentColor); background: var(--gantry-paper, Canvas); color: var(--gantry-ink, CanvasText); }
[role=menu] a, [role=menu] ::slotted(:is(a, button)) { display: block; width: 100%; border-color: transparent; text-align: start; }
[role=menu] :is(:hover, :focus), [role=menu] ::slotted(:is(:hover, :focus)) { text-decoration: underline; }
[part=status] { flex: 1 1 12em; min-height: 1lh; }
`);

class Element extends HTMLElement {
  static observedAttributes = ['assets', 'archive', 'names', 'label', 'action'];

  #assets;

  connectedCallback() {
    if (!this.shadowRoot) {
      this.attachShadow({ mode: 'open' }).adoptedStyleSheets = [sheet];
      this.build(this.shadowRoot);
      this.addEventListener('click', this);
    }
    shown.add(this);
    this.refresh();
    if (up === undefined) check();
  }

  disconnectedCallback() { shown.delete(this); }

  attributeChangedCallback() { if (shown.has(this)) this.refresh(); }

  /** Ids to act on, where rows come and go. */
  set assets(ids) { this.#assets = ids; if (shown.has(this)) this.refresh(); }

  get items() {
    const given = [...this.querySelectorAll('a[href], button')];
    return given.length ? given : this.own;
  }

  list(name) { return this.getAttribute(name)?.split(/\s+/).filter(Boolean); }

  what() {
    return { assets: this.#assets ?? this.list('assets'), names: this.list('names'), archive: this.getAttribute('archive'), handover: this.getAttribute('handover') };
  }

  handleEvent(event) {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const pressed = event.composedPath().find((one) => /^(a|button)$/.test(one.localName));
    if (!pressed) return;
    const [said, linked] = ofLink(pressed);
    const action = said ?? pressed.dataset.action ?? (pressed.name === 'action' && pressed.value);
    if (!action) return;
    event.preventDefault();
    const own = this.what();
    hand(action, own.assets || own.names ? own : linked, { target: this.getAttribute('target') ?? '', from: this });
    this.pressed?.();
  }
}

class Button extends Element {
  build(root) {
    this.link = el('a', { part: 'button' });
    this.note = el('span', { part: 'note', 'aria-hidden': 'true', hidden: '' });
    this.status = el('span', { class: 'vh', role: 'status' });
    root.append(el('slot', {}, this.link), this.note, this.status);
  }

  refresh() {
    const action = this.getAttribute('action') ?? ACTIONS[0];
    this.link.dataset.action = action;
    this.link.href = toLink(action, this.what());
    put(this.link, this.getAttribute('label') ?? say(this, action));
    this.title = up === false ? say(this, 'down') : '';
    put(this.note, this.title);
    put(this.status, this.title);
    this.note.hidden = !this.title;
  }
}

/** A row's menu: its plain links, or both actions. */
class Menu extends Element {
  build(root) {
    this.toggle = el('button', { part: 'toggle', type: 'button', 'aria-haspopup': 'menu', 'aria-expanded': 'false' }, '⋮');
    this.own = ACTIONS.map(() => el('a', {}));
    this.list_ = el('div', { role: 'menu' }, el('slot', {}, ...this.own));
    this.note = el('p', { role: 'status' });
    this.popup = el('div', { part: 'menu', popover: 'manual' }, this.list_, this.note);
    root.append(this.toggle, this.popup);
    this.toggle.addEventListener('click', () => this.open(0));
    this.toggle.addEventListener('keydown', (event) => {
      const at = { ArrowDown: 0, ArrowUp: -1 }[event.key];
      if (at !== undefined) { event.preventDefault(); this.open(at); }
    });
    this.popup.addEventListener('keydown', (event) => this.key(event));
    this.popup.addEventListener('click', () => this.close());
    this.addEventListener('focusout', () => setTimeout(() => this.contains(this.getRootNode().activeElement) || this.toggle.matches(':active') || this.close(true)));
  }

  refresh() {
    const name = this.getAttribute('label') ?? say(this, 'row');
    for (const part of [this.toggle, this.list_]) part.setAttribute('aria-label', say(this, 'menu', { name }));
    ACTIONS.forEach((action, at) => {
      this.own[at].href = toLink(action, this.what());
      put(this.own[at], say(this, action));
    });
    for (const item of this.items) { item.setAttribute('role', 'menuitem'); item.tabIndex = -1; }
    put(this.note, up === false ? say(this, 'down') : '');
    this.note.hidden = up !== false;
  }

  open(at) {
    if (this.isOpen) { this.close(); return; }
    this.refresh();
    this.popup.showPopover();
    this.toggle.setAttribute('aria-expanded', true);
    const [button, menu] = [this.toggle, this.popup].map((part) => part.getBoundingClientRect());
    const { clientWidth: width, clientHeight: height } = document.documentElement;
    this.popup.style.left = `${scrollX + Math.max(8, Math.min(button.right - menu.width, width - menu.width - 8))}px`;
    this.popup.style.top = `${scrollY + (button.bottom + menu.height > height ? Math.max(8, button.top - menu.height) : button.bottom)}px`;
    this.items.at(at)?.focus({ preventScroll: true });
  }

  get isOpen() { return this.popup.matches(':popover-open'); }

  close(elsewhere) {
    if (!this.isOpen) return;
    this.popup.hidePopover();
    this.toggle.setAttribute('aria-expanded', false);
    if (!elsewhere) this.toggle.focus({ preventScroll: true });
  }

  key(event) {
    const { items } = this;
    const at = items.indexOf(event.target);
    const letter = event.key.length === 1 && event.key !== ' ' && [...items.slice(at + 1), ...items].find((item) => item.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase()));
    const next = letter || { ArrowDown: items[(at + 1) % items.length], ArrowUp: items.at(at - 1), Home: items[0], End: items.at(-1) }[event.key];
    if (event.key === 'Tab' || event.key === 'Escape') this.close();
    else if (event.key === ' ') items[at]?.click();
    next?.focus({ preventScroll: true });
    if (next || /^( |Escape)$/.test(event.key)) event.preventDefault();
  }
}

const sizes = new Map();

/** Both buttons for the check boxes named `asset` or `name` of a table. */
class Actions extends Element {
  build(root) {
    this.status = el('span', { part: 'status', role: 'status' });
    this.own = ACTIONS.map((action) => el('button', { part: 'button', type: 'button', 'data-action': action }));
    root.append(el('slot', {}, ...this.own), this.status);
    for (const type of ['change', 'click', 'reset']) document.addEventListener(type, ({ target }) => {
      if (this.isConnected && (this.table?.contains(target) || target.contains?.(this.table) && type === 'reset')) setTimeout(() => this.refresh());
    });
  }

  get table() { return document.getElementById(this.getAttribute('for')); }

  what() {
    const said = super.what();
    const marked = (name) => [...this.table?.querySelectorAll(`input[type=checkbox][name=${name}]:checked`) ?? []].map((box) => box.value);
    const hidden = this.table?.closest('form')?.querySelectorAll('input[type=hidden]') ?? [];
    if (!said.assets && !said.names) Object.assign(said, { assets: marked('asset'), names: marked('name') });
    for (const { name, value } of hidden) said[name] ??= value;
    return said;
  }

  chosen() {
    const { assets = [], names = [], archive } = this.what();
    return [...assets.map((id) => [id.slice(0, id.indexOf(':')), id.slice(id.indexOf(':') + 1)]), ...names.map((name) => [archive, name])];
  }

  pressed() {
    if (up !== false && !this.chosen().length) put(this.status, say(this, 'first'));
  }

  refresh() {
    const chosen = this.chosen();
    this.own.forEach((button) => put(button, say(this, `all-${button.dataset.action}`)));
    for (const button of this.items) button.setAttribute('aria-disabled', !chosen.length || up === false);
    put(this.status, up === false ? say(this, 'down') : this.sentence(chosen));
    clearTimeout(this.later);
    if (up !== false && chosen.length) this.later = setTimeout(() => this.resolve(chosen), 150);
  }

  sentence(chosen) {
    if (!chosen.length) return say(this, 'none');
    const found = chosen.map((pair) => sizes.get(pair.join(':')));
    const sized = found.filter((one) => one?.size_bytes != null);
    const size = bytes(this, sized.reduce((sum, one) => sum + one.size_bytes, 0));
    const unknown = found.filter((one) => one && one.state !== 'available').length;
    const slow = new Set(chosen.map(([archive]) => archives[archive]).filter((part) => part?.state === 'down'));
    return [
      say(this, 'chosen', { n: number(this, chosen.length) }),
      sized.length && (sized.length + unknown < chosen.length ? say(this, 'least', { size }) : size),
      unknown && say(this, 'unknown', { n: number(this, unknown) }),
      ...[...slow].map(({ title }) => say(this, 'slow', { name: title })),
    ].filter(Boolean).join(' · ');
  }

  async resolve(chosen) {
    const wanted = chosen.filter((pair) => !sizes.has(pair.join(':')));
    if (!wanted.length) return;
    const [[archive]] = wanted;
    const names = wanted.filter((pair) => pair[0] === archive).map((pair) => pair[1]).slice(0, 10_000);
    try {
      const { assets, archive: health } = await ask('api/v1/assets/resolve', { archive, names });
      archives[archive] = health;
      for (const one of assets) sizes.set(`${archive}:${one.name}`, one);
      this.refresh();
    } catch (error) {
      tell(this, 'error', { reason: 'not-resolved', text: error.message });
    }
  }
}

globalThis.gantry = { version: '1.0.0', service: base, words, hand, refresh };
if ('popover' in HTMLElement.prototype) {
  for (const [name, element] of Object.entries({ 'gantry-button': Button, 'gantry-menu': Menu, 'gantry-actions': Actions })) {
    if (!customElements.get(name)) customElements.define(name, element);
  }
}
