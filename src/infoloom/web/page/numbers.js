// The information table, what is held, and the ceilings.

import { at, decimalsFor, el, fixed, problemLines, svg } from "./dom.js";

export function drawTable(panel, held, lock) {
  const table = at("table");
  if (panel.problems) {
    table.replaceChildren(el("tbody", {}, el("tr", {}, el("td", {}, ...problemLines(panel.problems)))));
    return;
  }
  at("table-unit").textContent = panel.rows.every((row) => row.exact) ? `${panel.unit}, exact` : panel.unit;
  const groups = new Map();
  for (const row of panel.rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  const focused = document.activeElement?.dataset?.lock;
  // A group has its own scale, a value that stands alone that of all, for else its bar would always be full.
  const most = (rows) => Math.max(...rows.map((row) => Math.abs(row.value)), Number.MIN_VALUE);
  table.replaceChildren(
    ...[...groups].map(([name, rows]) => group(name, rows, held, lock, most(rows.length > 1 ? rows : panel.rows))),
  );
  if (focused) table.querySelector(`[data-lock="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  at("notes").replaceChildren(...panel.notes.map((note) => el("p", {}, note)));
}

function group(name, rows, held, lock, most) {
  const decimals = decimalsFor(rows.map((row) => row.value));
  return el(
    "tbody",
    { class: "group" },
    el("tr", {}, el("th", { class: "name", colspan: 5, scope: "rowgroup" }, name)),
    ...rows.map((row) =>
      el(
        "tr",
        { class: row.query in held ? "held" : null, "data-query": row.query },
        el("th", { scope: "row" }, row.query),
        el("td", { class: "bar", "aria-hidden": "true" }, bar(row.value, most)),
        el("td", { class: "number", title: row.text, "data-value": row.value }, fixed(row.value, decimals)),
        el("td", { class: "error", title: row.method }, row.exact ? "" : `± ${row.error.toPrecision(1)}`),
        el("td", { class: "lock" }, lockButton(row, row.query in held, lock)),
      ),
    ),
  );
}

function bar(value, most) {
  const width = (100 * Math.abs(value)) / most;
  return svg(
    "svg",
    { viewBox: "0 0 100 8", preserveAspectRatio: "none" },
    svg("line", { x1: 0, x2: 100, y1: 7.5, y2: 7.5 }),
    svg("rect", { class: value < 0 ? "negative" : null, width: width.toFixed(3), height: 7, rx: 0 }),
  );
}

function lockButton(row, locked, lock) {
  return el(
    "button",
    {
      type: "button", "aria-pressed": String(locked), "data-lock": row.query,
      "aria-label": locked ? `Let ${row.query} move` : `Hold ${row.query} fixed`,
      title: locked ? "Let it move" : "Hold this quantity fixed",
      onclick: () => lock(row),
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
        el("span", {}, "stays; what gives way is"),
        el(
          "select",
          { "aria-label": `What gives way to hold ${query}`, onchange: (event) => choose(query, event.target.value) },
          ...(levers[query] ?? [one.by]).map((path) =>
            el("option", { value: path, selected: path === one.by }, names.get(path) ?? path),
          ),
        ),
      ),
    ),
  );
}

export function drawCeilings(panel) {
  const table = at("ceilings-table");
  if (panel.problems) {
    table.replaceChildren(el("tbody", {}, el("tr", {}, el("td", {}, ...problemLines(panel.problems)))));
    return;
  }
  const head = (...titles) =>
    el("thead", {}, el("tr", {}, ...titles.map((title, i) => el("th", { scope: "col", class: i > 1 ? "number" : null }, title))));
  const name = (given) => (given.length > 3 ? `all ${given.length}` : given.join(", "));
  const decimals = decimalsFor(panel.targets.map((one) => one.mmse));
  const rows = panel.targets.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, `${one.target} from ${name(one.given)}`),
      el("td", { class: "bar", "aria-hidden": "true" }, bar(one.r_squared, 1)),
      el("td", { class: "number" }, fixed(one.r_squared, 5)),
      el("td", { class: "number" }, fixed(one.mmse, decimals)),
    ),
  );
  const classes = panel.classes.map((one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, `${one.label} from ${name(one.given)}`),
      el("td", { class: "bar", "aria-hidden": "true" }, bar(one.accuracy, 1)),
      el("td", { class: "number" }, fixed(one.accuracy, 5)),
      el("td", { class: "number" }, `${one.classes}`),
    ),
  );
  table.replaceChildren(
    head("best prediction of", "", "R²", "squared error"),
    el("tbody", {}, ...rows),
    ...(classes.length ? [head("best guess of a class", "", "accuracy", "classes"), el("tbody", {}, ...classes)] : []),
  );
}
