// What scripts say, in the language of the page: English as it stands in them, or what the catalogue has for it.

const language = document.documentElement.lang;
const words = language === 'en' ? {} : await fetch(new URL(`words.${language}.json`, import.meta.url))
  .then((answer) => (answer.ok ? answer.json() : {}))
  .catch(() => ({}));

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);

/** A text, with values where `{name}` stands. */
export const t = (text, values = {}) => fill(words[text]?.[0] ?? text, values);

/** A text about `{n}` things. */
export function tn(one, many, n, values = {}) {
  const form = n === 1 ? 0 : 1;
  return fill(words[one]?.[form] ?? [one, many][form], { n: Number(n).toLocaleString(language), ...values });
}

/** A number with so many digits after the point, as the language writes it. */
export const digits = (value, n) => value.toLocaleString(language, { minimumFractionDigits: n, maximumFractionDigits: n, useGrouping: false });
