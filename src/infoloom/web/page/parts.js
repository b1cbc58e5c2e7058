// Shared, unique and synergistic information: bars on one scale, with the definition that they follow.

import { at, el, fixed, problemLines, svg } from "./dom.js";

export function drawDecomposition(panel, choose) {
  const controls = at("decomposition-controls");
  const figure = at("parts");
  at("decomposition-unit").textContent = panel.unit ?? "";
  if (panel.problems) {
    controls.replaceChildren();
    figure.replaceChildren(...problemLines(panel.problems));
    return;
  }
  const active = document.activeElement?.id;
  controls.replaceChildren(...choices(panel, choose));
  if (active) at(active)?.focus({ preventScroll: true });
  figure.replaceChildren(...(panel.modalities.length === 2 ? pair(panel) : several(panel)));
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

/** The four parts of two modalities; together they are the total. */
function pair(panel) {
  const [a, b] = panel.modalities;
  const { redundancy, unique, synergy, total, target } = panel;
  const parts = [
    ["shared", "shared by both", redundancy],
    ["unique", `only ${a}`, unique[a]],
    ["unique", `only ${b}`, unique[b]],
    ["synergy", "only both together", synergy],
    ["whole", "all together", total],
  ];
  return [
    bars(parts, `About ${target}`, panel.unit),
    el(
      "p",
      { class: "lead" },
      `Minimal mutual information: shared is the smaller of I(${a}; ${target}) and I(${b}; ${target}), unique is what one of them ` +
        "knows beyond that, synergy is what only both together know. The four parts add up to the total.",
    ),
  ];
}

function several(panel) {
  const names = panel.modalities;
  const parts = [
    ["shared", "shared by all", panel.redundancy],
    ["between", "shared by some", panel.between],
    ...names.filter((name) => panel.unique[name] > 0).map((name) => ["unique", `only ${name}`, panel.unique[name]]),
    ["synergy", "beyond the best one", panel.synergy],
    ["whole", "all together", panel.total],
    ...names.map((name) => ["each", `${name} alone`, panel.information[name]]),
  ];
  return [
    bars(parts, `About ${panel.target}`, panel.unit),
    el(
      "p",
      { class: "lead" },
      "Minimal mutual information: shared by all is the smallest information of one modality about the target; beyond the best " +
        "one is what all together know more than the best of them.",
    ),
  ];
}

/** One bar a part, all to one scale: a length is an information. */
function bars(parts, title, unit) {
  const most = Math.max(...parts.map(([, , value]) => value), Number.MIN_VALUE);
  const row = 22;
  const long = Math.max(...parts.map(([, name]) => name.length)) > 22 ? 190 : 140;
  const room = 420 - long - 76;
  return svg(
    "svg",
    {
      viewBox: `0 0 420 ${row * parts.length + 6}`, role: "img",
      "aria-label": `${title}: ${parts.map(([, name, value]) => `${name} ${fixed(value, 4)}`).join(", ")} ${unit}`,
    },
    parts.map(([kind, name, value], i) => [
      svg("text", { class: "soft right", x: long - 8, y: row * i + 15 }, name.length > 28 ? `${name.slice(0, 27)}…` : name),
      svg("rect", { class: kind, x: long, y: row * i + 4, height: 14, width: ((room * value) / most).toFixed(3), "data-value": value }),
      svg("text", { class: "value left", x: long + (room * value) / most + 6, y: row * i + 15.5 }, fixed(value, 4)),
    ]),
    svg("line", { x1: long, x2: long, y1: 0, y2: row * parts.length + 4 }),
  );
}
