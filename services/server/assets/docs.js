// The list of routes, made from openapi.json.

import { at, el, say } from './common.js';
import { t, tn } from './words.js';

const VERBS = ['get', 'post', 'put', 'patch', 'delete', 'head'];
const list = document.getElementById('routes');
const filter = document.getElementById('filter');

/** A reference into the description, followed once. */
const follow = (api, part) => {
  if (!part?.$ref?.startsWith('#/')) return part ?? {};
  return part.$ref.slice(2).split('/').reduce((at, key) => at?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], api) ?? {};
};

const kindOf = (schema = {}) => {
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.type === 'array') return t('list of {kind}', { kind: kindOf(schema.items) });
  const kinds = [schema.type].flat().filter((kind) => kind && kind !== 'null');
  return kinds.length === 0 ? t('any') : kinds.reduce((one, other) => t('{one} or {other}', { one, other }));
};

const placeOf = (parameter) => {
  const said = { kind: kindOf(parameter.schema), place: parameter.in };
  return parameter.required ? t('{kind}, in {place}, required', said) : t('{kind}, in {place}', said);
};

function route(api, path, verb, operation, shared) {
  const parameters = [...shared, ...(operation.parameters ?? [])].map((p) => follow(api, p));
  const body = Object.values(follow(api, operation.requestBody).content ?? {})[0]?.schema;
  const answers = Object.entries(operation.responses ?? {});
  const text = operation.summary ?? operation.description?.split('\n')[0] ?? '';
  return el('details', { class: 'route', 'data-testid': 'route', 'data-text': `${verb} ${path} ${text}`.toLowerCase() },
    el('summary', {}, el('span', { class: 'verb' }, verb.toUpperCase()), ' ', el('code', {}, path), ' ', el('span', { class: 'soft' }, text)),
    operation.description && operation.description !== text ? el('p', {}, operation.description) : null,
    parameters.length === 0 ? null : el('dl', { class: 'facts' }, ...parameters.map((p) => el('div', {},
      el('dt', {}, el('code', {}, p.name)),
      el('dd', {}, [placeOf(p), p.description].filter(Boolean).join(': '))))),
    body ? el('p', {}, t('Body:'), ' ', el('code', {}, kindOf(body))) : null,
    el('dl', { class: 'facts' }, ...answers.map(([status, answer]) => el('div', {},
      el('dt', {}, status),
      el('dd', {}, follow(api, answer).description || kindOf(Object.values(follow(api, answer).content ?? {})[0]?.schema))))));
}

function groups(api) {
  const byTag = new Map();
  for (const [path, at] of Object.entries(api.paths ?? {})) {
    for (const verb of VERBS.filter((v) => at[v])) {
      const tag = at[verb].tags?.[0] ?? t('other');
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push(route(api, path, verb, at[verb], at.parameters ?? []));
    }
  }
  return [...byTag].map(([tag, routes]) => el('section', { class: 'card', 'aria-label': tag }, el('h2', {}, tag), ...routes));
}

function narrow() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let n = 0;
  for (const row of list.querySelectorAll('.route')) {
    row.hidden = !words.every((word) => row.dataset.text.includes(word));
    if (!row.hidden) n += 1;
  }
  for (const section of list.children) section.hidden = !section.querySelector('.route:not([hidden])');
  say(document.getElementById('n-routes'), tn('{n} route', '{n} routes', n));
}

try {
  const answer = await fetch(at('/openapi.json'));
  if (!answer.ok) throw new Error(t('status {status}', { status: answer.status }));
  list.replaceChildren(...groups(await answer.json()));
  document.getElementById('filter-row').hidden = false;
  filter.addEventListener('input', narrow);
  narrow();
} catch (error) {
  list.append(el('p', { class: 'soft' }, t('The list could not be made: {why}.', { why: error.message })));
}
