// A slider and a number for every weight, equation by equation.

import { at, el } from "./dom.js";
import { light } from "./graph.js";

const shown = (value) => String(Number(value.toPrecision(5)));

let rows = new Map();
let layout = "";

/**
 * Draws the sliders anew if the weights are others, else only moves them.
 * @param moved called with (path, value, settled) as a weight changes
 */
export function drawSliders(panel, moves, gives, moved) {
  const key = JSON.stringify(panel.weights.map((one) => [one.path, one.low, one.high]));
  if (key !== layout) build(panel.weights, moved);
  layout = key;
  for (const one of panel.weights) {
    const row = rows.get(one.path);
    const yields = gives.has(one.path);
    row.line.classList.toggle("moved", one.path in moves);
    row.line.classList.toggle("gives", yields);
    row.line.title = yields ? "changes to keep the locked values" : "";
    row.range.disabled = row.number.disabled = yields;
    if (document.activeElement !== row.range || yields) {
      reach(row.range, one.value);
      row.range.value = one.value;
    }
    if (document.activeElement !== row.number && row.number.value !== shown(one.value)) row.number.value = shown(one.value);
  }
}

/** A number beyond the ends of a slider moves them, so that the next step starts from it. */
function reach(range, value) {
  if (value >= Number(range.min) && value <= Number(range.max)) return;
  const wide = 2 * Math.abs(value);
  const step = 10 ** Math.floor(Math.log10((2 * wide) / 100));
  const steps = Math.ceil(wide / step);
  Object.assign(range, { step: String(step), min: String(value - steps * step), max: String(value + steps * step) });
}

export function focusSlider(path) {
  const row = rows.get(path);
  if (!row) return;
  row.range.scrollIntoView({ block: "nearest" });
  row.range.focus();
}

function build(weights, moved) {
  rows = new Map();
  const groups = Map.groupBy ? Map.groupBy(weights, (one) => one.node) : grouped(weights);
  const host = at("sliders");
  host.replaceChildren(
    ...[...groups].map(([node, members]) =>
      el("fieldset", { class: "equation" }, el("legend", {}, node || "parameters"), ...members.map((one) => slider(one, moved))),
    ),
  );
  if (!weights.length) host.replaceChildren(el("p", { class: "none" }, "This story has no weights to change."));
}

function grouped(weights) {
  const groups = new Map();
  for (const one of weights) groups.set(one.node, [...(groups.get(one.node) ?? []), one]);
  return groups;
}

function slider(one, moved) {
  const id = `w-${one.path}`;
  const [name, template] = one.label.split("@", 2);
  const of = one.node ? ` in ${one.node}` : "";
  const range = el("input", {
    type: "range", id, min: one.low, max: one.high, step: one.step, "data-path": one.path,
    "aria-label": `weight of ${one.label}${of}`,
    oninput: () => {
      number.value = shown(Number(range.value));
      moved(one.path, Number(range.value), false);
    },
    onchange: () => moved(one.path, Number(range.value), true),
    onfocus: () => light(one.path), onblur: () => light(null),
  });
  const number = el("input", {
    type: "number", step: "any", "data-path": one.path, "aria-label": `weight of ${one.label}${of}, as a number`,
    onchange: () => {
      if (number.value === "") number.value = range.value;
      reach(range, Number(number.value));
      range.value = number.value;
      moved(one.path, Number(number.value), true);
    },
    onfocus: () => light(one.path), onblur: () => light(null),
  });
  reach(range, one.value);
  range.value = one.value;
  number.value = shown(one.value);
  const label = el("label", { for: id, title: one.label }, name, template ? el("span", { class: "soft" }, `@${template}`) : null);
  const line = el("div", { class: "slider", onpointerenter: () => light(one.path), onpointerleave: () => light(null) }, label, range, number);
  rows.set(one.path, { line, range, number });
  return line;
}
