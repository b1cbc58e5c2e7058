// The information table, what is held, and the ceilings.

import { at, decimalsFor, el, fixed, problemLines, svg } from "./dom.js";

let layout = ""; // what the rows of the table are; while they stay, only numbers and bars change
const cells = new Map(); // query -> what changes in its row

export function drawTable(panel, held, lock) {
  const table = at("table");
  const key = JSON.stringify([panel.rows?.map((row) => row.query), Object.keys(held)]);
  const same = key === layout;
  layout = key;
  if (panel.problems) {
    table.replaceChildren(el("tbody", {}, el("tr", {}, el("td", {}, ...problemLines(panel.problems)))));
    return;
  }
  at("table-unit").textContent = panel.rows.every((row) => row.exact) ? `${panel.unit}, exact` : panel.unit;
  at("notes").replaceChildren(...panel.notes.map((note) => el("p", {}, note)));
  const groups = new Map();
  for (const row of panel.rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  if (!same) {
    const focused = document.activeElement?.dataset?.lock;
    cells.clear();
    table.replaceChildren(...[...groups].map(([name, rows]) => group(name, rows, held)));
    if (focused) table.querySelector(`[data-lock="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
  for (const rows of groups.values()) fill(rows, panel.rows, lock);
}

function group(name, rows, held) {
  return el(
    "tbody",
    { class: "group" },
    el("tr", {}, el("th", { class: "name", colspan: 5, scope: "rowgroup" }, name)),
    ...rows.map((row) => line(row.query, row.query in held)),
  );
}

function line(query, locked) {
  const drawing = bar(0, 0, 1);
  const made = {
    number: el("td", { class: "number" }),
    error: el("td", { class: "error" }),
    length: drawing.querySelector("rect"),
    zero: drawing.querySelector("line.zero"),
    button: lockButton(query, locked),
  };
  cells.set(query, made);
  return el(
    "tr",
    { class: locked ? "held" : null, "data-query": query },
    el("th", { scope: "row" }, query),
    el("td", { class: "bar", "aria-hidden": "true" }, drawing),
    made.number,
    made.error,
    el("td", { class: "lock" }, made.button),
  );
}

/** A group has its own scale, a value that stands alone that of all, for else its bar would always be full. */
function fill(rows, all, lock) {
  const decimals = decimalsFor(rows.map((row) => row.value));
  const scale = (rows.length > 1 ? rows : all).map((row) => row.value);
  const low = Math.min(0, ...scale, ...rows.map((row) => row.value));
  const high = Math.max(0, ...scale, low + Number.MIN_VALUE);
  for (const row of rows) {
    const { number, error, length, zero, button } = cells.get(row.query);
    button.onclick = () => lock(row);
    number.textContent = fixed(row.value, decimals);
    number.title = row.text;
    number.dataset.value = row.value;
    error.textContent = row.exact ? "" : `± ${row.error.toPrecision(1)}`;
    error.title = row.method;
    length.setAttribute("class", row.value < 0 ? "negative" : "");
    const place = span(row.value, low, high);
    length.setAttribute("x", place.x);
    length.setAttribute("width", place.width);
    zero.setAttribute("x1", place.zero);
    zero.setAttribute("x2", place.zero);
  }
}

/** Where a bar lies in a field 100 wide: to the right of zero, a negative one to the left. */
function span(value, low, high) {
  const zero = (100 * -low) / (high - low);
  const end = (100 * (value - low)) / (high - low);
  return { zero: zero.toFixed(3), x: Math.min(zero, end).toFixed(3), width: Math.abs(end - zero).toFixed(3) };
}

function bar(value, low, high) {
  const place = span(value, low, high);
  return svg(
    "svg",
    { viewBox: "0 0 100 8", preserveAspectRatio: "none" },
    svg("line", { x1: 0, x2: 100, y1: 7.5, y2: 7.5 }),
    svg("rect", { class: value < 0 ? "negative" : null, x: place.x, width: place.width, height: 7, rx: 0 }),
    svg("line", { class: "zero", x1: place.zero, x2: place.zero, y1: 0, y2: 8 }),
  );
}

function lockButton(query, locked) {
  return el(
    "button",
    {
      type: "button", "aria-pressed": String(locked), "data-lock": query,
      "aria-label": locked ? `Let ${query} move` : `Hold ${query} fixed`,
      title: locked ? "Let it move" : "Hold this quantity fixed",
    },
    padlock(locked),
  );
}

function padlock(locked) {
  const shackle = locked ? "M5 7V5a3 3 0 0 1 6 0v2" : "M5 7V4.5a3 3 0 0 1 5.6-1.4";
  return svg(
    "svg",
    { viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("rect", { x: 3, y: 7, width: 10, height: 7, rx: 1.5, fill: locked ? "currentColor" : "none", stroke: "currentColor", "stroke-width": 1.3 }),
    svg("path", { d: shackle, fill: "none", stroke: "currentColor", "stroke-width": 1.3, "stroke-linecap": "round" }),
  );
}

/** What is held, and by which weight, which can be chosen. */
export function drawHeld(held, levers, names, choose) {
  const host = at("held");
  host.hidden = Object.keys(held).length === 0;
  host.replaceChildren(
    ...Object.entries(held).map(([query, one]) =>
      el(
        "div",
        {},
        el("b", {}, query),
        el("span", {}, "stays; this weight changes:"),
        el(
          "select",
          { "aria-label": `Weight that changes to keep ${query}`, onchange: (event) => choose(query, event.target.value) },
          ...(levers[query] ?? [one.by]).map((path) =>
            el("option", { value: path, selected: path === one.by }, names.get(path) ?? path),
          ),
        ),
      ),
    ),
  );
}

/** A value with its error, if it has one. */
function off(value, error, decimals) {
  return error ? `${fixed(value, Math.min(decimals, decimalsFor([error])))} ± ${error.toPrecision(1)}` : fixed(value, decimals);
}

export function drawCeilings(panel) {
  const table = at("ceilings-table");
  if (panel.problems) {
    table.replaceChildren(el("tbody", {}, el("tr", {}, el("td", {}, ...problemLines(panel.problems)))));
    return;
  }
  const head = (...titles) =>
    el("thead", {}, el("tr", {}, ...titles.map((title, i) => (title ? el("th", { scope: "col", class: i > 1 ? "number" : null }, title) : el("td")))));
  const most = (one) => (one.at_most ? "at most " : "");
  const name = (given) => (given.length > 3 ? `all ${given.length}` : given.join(", "));
  const decimals = decimalsFor(panel.targets.map((one) => one.mmse));
  const rows = panel.targets.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, `${one.target} from ${name(one.given)}`),
      el("td", { class: "bar", "aria-hidden": "true" }, bar(one.r_squared, 0, 1)),
      el("td", { class: "number" }, most(one) + off(one.r_squared, one.r_squared_error, 5)),
      el("td", { class: "number" }, (one.at_most ? "at least " : "") + off(one.mmse, one.mmse_error, decimals)),
    ),
  );
  const classes = panel.classes.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, `${one.label} from ${name(one.given)}`),
      el("td", { class: "bar", "aria-hidden": "true" }, bar(one.accuracy, 0, 1)),
      el("td", { class: "number" }, most(one) + off(one.accuracy, one.accuracy_error, 5)),
      el("td", { class: "number" }, `${one.classes}`),
    ),
  );
  table.replaceChildren(
    head("best prediction of", "", "R²", "squared error"),
    el("tbody", {}, ...rows),
    ...(classes.length ? [head("best guess of a class", "", "accuracy", "classes"), el("tbody", {}, ...classes)] : []),
  );
}
