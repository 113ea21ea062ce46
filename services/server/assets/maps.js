// Regions dragged on the maps of a search: a box on the Earth, a circle on the sky in galactic coordinates.
// The same regions can be written below "Where and when".

import { t } from './words.js';

const LEAST = 4;

const turn = (degrees) => degrees * Math.PI / 180;
const degrees = (angle) => angle * 180 / Math.PI;
const short = (number) => Number(number.toFixed(2));

/** Where a pointer is, in the units of the picture. */
function at(svg, { clientX, clientY }) {
  const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
  const { width, height } = svg.viewBox.baseVal;
  return { x: Math.min(Math.max(x, 0), width), y: Math.min(Math.max(y, 0), height) };
}

/** Galactic longitude and latitude of a point of the sky's ellipse; null beside it. After Snyder (1987), 31-5 to 31-8. */
function skyOf({ x, y }) {
  const [u, v] = [(150 - x) / 148, (75 - y) / 73];
  if (u * u + v * v > 1) return null;
  const theta = Math.asin(v);
  const across = Math.cos(theta);
  const l = across < 1e-9 ? 0 : 180 * u / across;
  return { l: (l + 360) % 360, b: degrees(Math.asin((2 * theta + Math.sin(2 * theta)) / Math.PI)) };
}

function apart(a, b) {
  const [p, q, l] = [turn(a.b), turn(b.b), turn(a.l - b.l)];
  const chord = Math.sin((p - q) / 2) ** 2 + Math.cos(p) * Math.cos(q) * Math.sin(l / 2) ** 2;
  return degrees(2 * Math.asin(Math.min(1, Math.sqrt(chord))));
}

const MAPS = {
  earth: {
    name: 'rect',
    draw: (from, to) => ({ x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) }),
    region(from, to) {
      const [west, east] = [from.x, to.x].sort((a, b) => a - b).map((x) => short(x - 180));
      const [north, south] = [from.y, to.y].sort((a, b) => a - b).map((y) => short(90 - y));
      return { bbox: [west, south, east, north].join(','), near: null };
    },
  },
  sky: {
    name: 'circle',
    draw: (from, to) => ({ cx: from.x, cy: from.y, r: Math.hypot(to.x - from.x, to.y - from.y) }),
    region(from, to) {
      const [middle, edge] = [skyOf(from), skyOf(to)];
      if (!middle || !edge) return null;
      return { pos: `CIRCLE ${short(middle.l)} ${short(middle.b)} ${short(apart(middle, edge))}`, frame: 'galactic' };
    },
  },
};

function search(region) {
  const url = new URL(location.href);
  url.searchParams.delete('after');
  for (const [name, value] of Object.entries(region)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  location.assign(url);
}

function drags(svg, map) {
  svg.dataset.drags = '';
  const caption = svg.parentElement.querySelector('figcaption');
  caption?.append(` ${t('Drag to search a region.')}`);
  let from = null;
  let drawn = null;
  const end = () => {
    drawn?.remove();
    [from, drawn] = [null, null];
  };
  svg.addEventListener('dragstart', (event) => event.preventDefault());
  svg.addEventListener('pointerdown', (event) => {
    if (event.button === 0 && event.isPrimary) from = at(svg, event);
  });
  svg.addEventListener('pointermove', (event) => {
    if (!from) return;
    const to = at(svg, event);
    if (!drawn && Math.hypot(to.x - from.x, to.y - from.y) < LEAST) return;
    if (!drawn) {
      drawn = document.createElementNS('http://www.w3.org/2000/svg', map.name);
      drawn.setAttribute('class', 'dragged');
      svg.append(drawn);
      svg.setPointerCapture(event.pointerId);
    }
    for (const [name, value] of Object.entries(map.draw(from, to))) drawn.setAttribute(name, value);
  });
  svg.addEventListener('pointerup', (event) => {
    const region = from && drawn ? map.region(from, at(svg, event)) : null;
    end();
    if (region) search(region);
  });
  svg.addEventListener('pointercancel', end);
}

function begin() {
  for (const svg of document.querySelectorAll('svg[data-map]')) {
    if (svg.dataset.drags === undefined) drags(svg, MAPS[svg.dataset.map]);
  }
}

begin();
document.addEventListener('gantry-found', begin);
