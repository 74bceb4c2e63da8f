"use strict";
for (const {id, spec, columns, canvas} of JSON.parse(document.getElementById("figures").textContent)) {
  const keys = Object.keys(columns);
  const size = keys.length ? columns[keys[0]].at.length : 0;
  const rows = Array.from({length: size}, (_, i) => {
    const row = {};
    for (const key of keys) {
      const {at, is} = columns[key];
      if (at[i] !== null) row[key] = is ? is[at[i]] : at[i];
    }
    return row;
  });
  const place = document.getElementById(id);
  vegaEmbed(place, {...spec, datasets: {rows}}, {ast: true, actions: false, renderer: canvas ? "canvas" : "svg", scaleFactor: 2})
    .catch(error => { place.className = "error"; place.textContent = "This chart could not be drawn: " + error.message; });
}
