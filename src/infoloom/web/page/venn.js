// Shared, unique and synergistic information: a bar to scale, and for two modalities two circles with the numbers.

import { at, el, fixed, problemLines, svg } from "./dom.js";

const LENS = "M210 62.45A84 84 0 0 1 210 205.55A84 84 0 0 1 210 62.45Z"; // where the two discs overlap

export function drawDecomposition(panel, choose) {
  const controls = at("decomposition-controls");
  const figure = at("venn");
  at("decomposition-unit").textContent = panel.unit ?? "";
  if (panel.problems) {
    controls.replaceChildren();
    figure.replaceChildren(...problemLines(panel.problems));
    return;
  }
  const active = document.activeElement?.id;
  controls.replaceChildren(...choices(panel, choose));
  if (active) at(active)?.focus({ preventScroll: true });
  figure.replaceChildren(panel.modalities.length === 2 ? pair(panel) : several(panel));
}

function choices(panel, choose) {
  const { targets, choices: names, target, modalities } = panel;
  const made = [];
  if (targets.length > 1) {
    made.push(labelled("about", "about", targets, target, (value) => choose({ target: value })));
  }
  if (names.length > 2) {
    const both = modalities.length === 2 ? modalities : ["", ""];
    const all = `all ${names.length}`;
    const other = (i, value) => {
      const rest = both[1 - i] && both[1 - i] !== value ? both[1 - i] : names.find((name) => name !== value);
      return i === 0 ? [value, rest] : [rest, value];
    };
    for (const i of both[0] ? [0, 1] : [0]) {
      made.push(
        labelled(`pair-${i}`, i ? "and" : "of", ["", ...names], both[i], (value) => choose({ pair: value ? other(i, value) : [] }), all),
      );
    }
  }
  return made;
}

function labelled(id, title, options, value, changed, all = "") {
  const select = el(
    "select",
    { id: `decomposition-${id}`, onchange: () => changed(select.value) },
    ...options.map((name) => el("option", { value: name, selected: name === value }, name || all)),
  );
  return el("label", {}, title, select);
}

/** Two discs for two modalities, where they overlap what both know, around them what only both together know. */
function pair(panel) {
  const [a, b] = panel.modalities;
  const { redundancy, unique, synergy, total, target } = panel;
  const text = (x, y, value, what) => [
    svg("text", { class: "value", x, y }, fixed(value, 3)),
    svg("text", { class: "soft", x, y: y + 16 }, what),
  ];
  const parts = [
    ["unique", unique[a], `only ${a}`],
    ["shared", redundancy, "shared"],
    ["unique", unique[b], `only ${b}`],
    ["synergy", synergy, "synergy"],
  ];
  return svg(
    "svg",
    {
      viewBox: "0 0 420 268", role: "img",
      "aria-label": `About ${target}: ${parts.map(([, value, what]) => `${what} ${fixed(value, 3)}`).join(", ")}, all together ${fixed(total, 3)} ${panel.unit}`,
    },
    bars(parts, total, 0),
    svg("rect", { class: "ring", x: 20, y: 40, width: 380, height: 224, rx: 22 }),
    svg("circle", { class: "disc unique", cx: 166, cy: 134, r: 84 }),
    svg("circle", { class: "disc unique", cx: 254, cy: 134, r: 84 }),
    svg("path", { class: "lens-paper", d: LENS }),
    svg("path", { class: "lens", d: LENS }),
    text(123, 132, unique[a], `only ${a}`),
    text(210, 132, redundancy, "shared"),
    text(297, 132, unique[b], `only ${b}`),
    text(210, 238, synergy, "synergy: only both together"),
  );
}

function several(panel) {
  const names = panel.modalities;
  const best = Math.max(...names.map((name) => panel.information[name]));
  const parts = [
    ["shared", panel.redundancy, "shared by all"],
    ["between", panel.between, "shared by some"],
    ...names.filter((name) => panel.unique[name] > 0).map((name) => ["unique", panel.unique[name], `only ${name}`]),
    ["synergy", panel.synergy, "beyond the best"],
  ];
  const row = 20;
  const top = 62 + 16 * parts.length;
  return svg(
    "svg",
    { viewBox: `0 0 420 ${top + row * names.length}`, role: "img", "aria-label": parts.map(([, v, what]) => `${what} ${fixed(v, 3)}`).join(", ") },
    bars(parts, panel.total, 0),
    parts.map(([kind, value, what], i) => [
      svg("rect", { class: kind, x: 0, y: 46 + 16 * i, width: 9, height: 9 }),
      svg("text", { class: "soft left", x: 15, y: 54.5 + 16 * i }, what),
      svg("text", { class: "soft right", x: 420, y: 54.5 + 16 * i }, fixed(value, 4)),
    ]),
    names.map((name, i) => [
      svg("text", { class: "soft left", x: 0, y: top + row * i + 11 }, name),
      svg("rect", { class: "between", x: 90, y: top + row * i + 3, height: 9, width: ((250 * panel.information[name]) / (best || 1)).toFixed(2) }),
      svg("text", { class: "soft right", x: 420, y: top + row * i + 11 }, fixed(panel.information[name], 4)),
    ]),
  );
}

/** One line as long as the total, cut into its parts. */
function bars(parts, total, y) {
  const whole = parts.reduce((sum, [, value]) => sum + value, 0) || 1;
  let x = 0;
  const pieces = parts.map(([kind, value, what]) => {
    const width = (420 * value) / whole;
    const piece = svg("rect", { class: kind, x: x.toFixed(2), y, width: Math.max(0, width - 1).toFixed(2), height: 12 }, svg("title", {}, `${what}: ${fixed(value, 5)}`));
    x += width;
    return piece;
  });
  return [...pieces, svg("text", { class: "soft right", x: 420, y: y + 29 }, `all together ${fixed(total, 3)}`)];
}
