"use strict";
// Each figure is drawn twice: for this screen, as wide and as dark as it is, and for paper.
const PAPER = 680, SHEET = 800;
// what stands beside the panels takes this, or if it takes more the figure is drawn again
const BESIDE = 72;
const DARK = {{ dark | tojson }};
const figures = JSON.parse(document.getElementById("figures").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");

function rowsOf(columns) {
  const keys = Object.keys(columns);
  const size = keys.length ? columns[keys[0]].at.length : 0;
  return Array.from({length: size}, (_, i) => {
    const row = {};
    for (const key of keys) {
      const {at, is} = columns[key];
      if (at[i] !== null) row[key] = is ? is[at[i]] : at[i];
    }
    return row;
  });
}

// Pixels between panels side by side; Vega-Lite's own are 20.
const between = ({spacing = 20}) => spacing.column ?? spacing;

// Panels side by side become narrower, as far as their headings let them, or go on in the next line where there is
// no room; of a grid there are the ends, and what fits between.
function fitted(spec, room, narrow, beside) {
  if (spec.vconcat) return {...spec, vconcat: spec.vconcat.map(one => flat(fitted(one, room, narrow, beside), room, spec.vconcat.length))};
  const side = spec.facet && spec.facet.column;
  if (!side || !side.sort) return spec;
  const many = side.sort.length;
  const gap = between(spec);
  const free = room - beside + gap;
  const before = /^"(.*?)"/.exec((side.header || {}).labelExpr || "");
  const heading = 6.3 * ((before ? before[1].length : 0) + Math.max(...side.sort.map(one => one.length)));
  const least = narrow ? Math.min(spec.spec.width, Math.max(narrow, heading)) : spec.spec.width;
  const fit = Math.min(many, Math.max(1, Math.floor(free / (least + gap))));
  const fewer = spec.facet.row ? Math.min(many, Math.max(2, fit)) : fit;
  const width = narrow ? Math.min(spec.spec.width, Math.floor(free / fewer - gap)) : spec.spec.width;
  const inner = {...spec.spec, width};
  if (fewer === many) return {...spec, spec: inner};
  if (!spec.facet.row) return {...spec, facet: side, columns: fewer, spec: inner};
  const kept = Array.from({length: fewer}, (_, i) => side.sort[Math.round(i * (many - 1) / (fewer - 1))]);
  const transform = [...(spec.transform || []), {filter: {field: side.field, oneOf: kept}}];
  return {...spec, transform, spec: inner, facet: {...spec.facet, column: {...side, sort: kept}}};
}

// Rows of panels that go onto one sheet.
function flat(spec, room, rows) {
  if (room > PAPER || !spec.spec || !spec.facet || spec.columns) return spec;
  return {...spec, spec: {...spec.spec, height: Math.min(spec.spec.height, Math.max(60, Math.floor(SHEET / rows - 78)))}};
}

// What the panels of a figure and the gaps between them take.
function across(spec) {
  if (spec.vconcat) return Math.max(...spec.vconcat.map(across));
  if (!spec.facet) return 0;
  const gap = between(spec);
  const many = spec.columns || (spec.facet.column.sort || []).length;
  return many * (spec.spec.width + gap) - gap;
}

async function draw(place, figure, room, night) {
  const dark = text => text.replace(/"(#[0-9A-Fa-f]{6})"/g, (whole, c) => night && DARK[c] ? `"${DARK[c]}"` : whole);
  const options = {ast: true, actions: false, renderer: figure.canvas ? "canvas" : "svg", scaleFactor: 2};
  const drawn = async beside => {
    const spec = JSON.parse(dark(JSON.stringify(fitted(figure.spec, room, figure.least, beside))));
    const {view} = await vegaEmbed(place, {...spec, datasets: {rows: figure.rows}}, options);
    const made = place.querySelector("svg, canvas");
    return {view, beside: parseFloat(made.style.width || made.getAttribute("width")) - across(spec)};
  };
  try {
    const first = await drawn(BESIDE);
    const wide = across(fitted(figure.spec, room, figure.least, BESIDE));
    return (first.beside + wide > room && wide ? await drawn(Math.ceil(first.beside)) : first).view;
  } catch (error) {
    place.classList.add("error");
    place.textContent = "This chart could not be drawn: " + error.message;
  }
}

// What a reader has chosen stays so when a figure is drawn again, and is what is printed.
function chosen(figure, view) {
  for (const [name, value] of Object.entries(figure.chosen)) view.signal(name, value);
  return view.runAsync();
}

function listen(figure, view) {
  for (const {name} of figure.spec.params || []) {
    view.addSignalListener(name, (_, value) => {
      figure.chosen[name] = value;
      if (figure.paper) chosen(figure, figure.paper);
    });
  }
}

for (const figure of figures) {
  figure.rows = rowsOf(figure.columns);
  figure.chosen = {};
  figure.place = document.getElementById(figure.id);
}

// The page answers between two figures.
const breath = () => new Promise(go => setTimeout(go));

async function onScreen() {
  for (const figure of figures) {
    await breath();
    const room = figure.place.clientWidth;
    const seen = `${room} ${dark.matches}`;
    if (figure.seen === seen) continue;
    figure.seen = seen;
    const view = await draw(figure.place.children[0], figure, room, dark.matches);
    if (!view) continue;
    await chosen(figure, view);
    listen(figure, view);
  }
}

async function onPaper() {
  for (const figure of figures) {
    await breath();
    figure.paper = await draw(figure.place.children[1], figure, PAPER, false);
    if (figure.paper) await chosen(figure, figure.paper);
  }
}

let waiting;
function again() {
  clearTimeout(waiting);
  waiting = setTimeout(onScreen, 200);
}

onScreen().then(onPaper).then(() => { document.documentElement.dataset.drawn = "yes"; });
dark.addEventListener("change", again);
addEventListener("resize", again);
