"use strict";
/* Text only ever enters through text nodes and attributes: no name in the data becomes markup. */

const COLOURS = 8;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  const whole = Math.floor(tenths / 10);
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((n) => String(n).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return (hours ? hours + ":" : "") + parts.join(":") + "." + (tenths % 10);
}

function percent(part, whole) {
  return whole > 0 ? Math.round((100 * part) / whole) + " %" : "–";
}

function colour(name, linked) {
  return linked ? "v" + (Number(name.split("_").pop()) % COLOURS) : "apart";
}

function table(kind, heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map(([look, ...cells]) =>
    element("tr", { class: look }, ...cells.map((text) => element("td", {}, String(text)))));
  return element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": kind },
    element("table", { class: ["Failures", "Dead letters"].includes(kind) ? "words" : null },
      element("thead", {}, head), element("tbody", {}, ...body)));
}
