// Samples, a sweep of one cause, where it shows, and templates.

import { ask, latest, shown, state } from "./ask.js";
import { at, el, fixed, problemLines, svg } from "./dom.js";

const FIRST = 3; // trained flows take seconds a modality, so more of them only when asked for

let modalities = [];
let showAll = false;
let epoch = 0; // a drawing that began before the last change is left where it is

/** Pictures of a panel are made when it is seen, and again when the story has changed since. */
class Lazy {
  constructor(id, draw) {
    this.section = at(id);
    this.fresh = false;
    this.seen = false;
    this.run = latest(async () => {
      this.fresh = true;
      await draw(this.section);
    });
    new IntersectionObserver(([entry]) => {
      this.seen = entry.isIntersecting;
      this.check();
    }).observe(this.section);
  }

  stale() {
    this.fresh = false;
    for (const part of this.section.querySelectorAll(".strips, .maps")) part.classList.add("stale");
    this.check();
  }

  check() {
    if (this.seen && !this.fresh && modalities.length) this.run();
  }
}

const panels = [
  new Lazy("samples", (section) => strips(section, "samples", (one) => one.values.map((value) => fixed(value, 1)))),
  new Lazy("sweep", (section) => {
    section.querySelector(".lead").textContent = `One row as ${state.cause} goes from −2 to 2 and everything else is held.`;
    return strips(section, "sweep", (one) => one.values.map((value) => fixed(value, 1)));
  }),
  new Lazy("influence", drawInfluence),
  new Lazy("templates", drawTemplates),
];

export function storyChanged(graph) {
  const names = graph.nodes.filter((node) => node.kind === "modality").map((node) => node.name);
  if (names.join() !== modalities.join()) empty();
  modalities = names;
  const scalars = graph.nodes.filter((node) => (node.kind === "cause" || node.kind === "target") && !node.shape.length);
  if (!scalars.some((node) => node.name === state.cause)) state.cause = scalars[0]?.name ?? "";
  at("cause").replaceChildren(
    ...scalars.map((node) => el("option", { value: node.name, selected: node.name === state.cause }, node.name)),
  );
  const more = at("all");
  more.hidden = modalities.length <= FIRST;
  more.textContent = showAll ? `First ${FIRST} modalities` : `All ${modalities.length} modalities`;
  refresh();
}

const empty = () => document.querySelectorAll(".strips, .maps").forEach((host) => host.replaceChildren());

/** Pictures of a story that is shown no more. */
export function clearPictures() {
  modalities = [];
  empty();
}

export function refresh() {
  epoch += 1;
  for (const panel of panels) panel.stale();
}

/** @param {() => void} changed told when what the pictures show was chosen anew */
export function startPictures(changed) {
  at("cause").addEventListener("change", (event) => {
    state.cause = event.target.value;
    refresh();
    changed();
  });
  at("again").addEventListener("click", () => {
    state.seed += 1;
    refresh();
    changed();
  });
  at("all").addEventListener("click", () => {
    showAll = !showAll;
    at("all").textContent = showAll ? `First ${FIRST} modalities` : `All ${modalities.length} modalities`;
    refresh();
  });
}

const some = () => (showAll ? modalities : modalities.slice(0, FIRST));

/** One line of cells a modality; of every one the first rows as soon as they are made, then the rest. */
async function strips(section, panel, heads) {
  const began = epoch;
  const host = section.querySelector(".strips");
  const names = some();
  const lines = names.map((name, i) => host.children[i] ?? host.appendChild(waiting(name)));
  while (host.children.length > names.length) host.lastElementChild.remove();
  shown[panel] = [];
  let missing = [...names.keys()];
  while (missing.length) {
    const rest = [];
    for (const i of missing) {
      const answer = await ask(panel, { modality: names[i], part: true });
      if (answer.gone || began !== epoch) return;
      shown[panel][i] = answer;
      const line = answer.problems ? el("div", { class: "strip" }, ...problemLines(answer.problems)) : strip(answer, heads(answer));
      lines[i].replaceWith(line);
      lines[i] = line;
      if (!answer.problems && !answer.whole) rest.push(i);
    }
    if (rest.length < names.length) host.classList.remove("stale");
    missing = rest;
  }
}

const waiting = (name) =>
  el("div", { class: "strip" }, el("h3", {}, name), el("div", { class: "cells wait" }, "drawing …"));

function strip(answer, heads) {
  const { pictures, modality } = answer;
  const by = answer.by ?? answer.node;
  const cells = pictures.kind === "image"
    ? pictures.images.map((src, i) => el("img", { src, alt: `${modality} at ${by} ${heads[i]}`, title: `${by} ${heads[i]}` }))
    : pictures.lines.map((lines, i) => curves(lines, pictures.limits, `${modality} at ${by} ${heads[i]}`));
  while (cells.length < heads.length) cells.push(el("div", { class: "wait" }));
  return el(
    "div",
    { class: "strip", "data-modality": modality },
    el("h3", {}, modality),
    el("div", { class: "axis", "aria-hidden": "true" }, ...heads.map((head) => el("span", {}, head))),
    el("div", { class: "cells" }, ...cells),
  );
}

function curves(lines, [low, high], name) {
  const size = Math.max(1, lines[0].length - 1);
  const span = high - low || 1;
  const path = (line) => `M${line.map((value, i) => `${i} ${(100 * (1 - (value - low) / span)).toFixed(2)}`).join("L")}`;
  return svg(
    "svg",
    { viewBox: `0 -6 ${size} 112`, preserveAspectRatio: "none", role: "img", "aria-label": name },
    lines.map((line) => svg("path", { d: path(line) })),
  );
}

async function drawInfluence(section) {
  const began = epoch;
  const host = section.querySelector(".maps");
  section.querySelector(".lead").textContent = `How far each component of an observation moves with ${state.cause}: mean |∂x/∂${state.cause}|.`;
  shown.influence = [];
  const names = some();
  if (!host.children.length) host.append(el("p", { class: "wait" }, "differentiating …"));
  const made = [];
  let missing = [...names.keys()];
  while (missing.length) {
    const rest = [];
    for (const i of missing) {
      const answer = await ask("influence", { modality: names[i], part: true });
      if (answer.gone || began !== epoch) return;
      shown.influence[i] = answer;
      made[i] = answer.problems
        ? el("div", { class: "map" }, el("h3", {}, names[i]), ...problemLines(answer.problems))
        : map(names[i], "", answer.map, false);
      host.replaceChildren(...made.filter(Boolean));
      if (!answer.problems && !answer.whole) rest.push(i);
    }
    missing = rest;
  }
  host.classList.remove("stale");
}

async function drawTemplates(section) {
  const host = section.querySelector(".maps");
  const began = epoch;
  const answer = await ask("templates");
  if (answer.gone || began !== epoch) return;
  shown.templates = answer;
  host.replaceChildren(
    ...(answer.problems
      ? problemLines(answer.problems)
      : answer.templates.map(({ title, map: values }) => {
          const [node, term] = title.split(": ", 2);
          return map(node, term, values, true);
        })),
  );
  if (!host.children.length) host.append(el("p", { class: "none" }, "No cause enters by a template."));
  host.classList.remove("stale");
}

function map(name, term, values, signed) {
  const [low, high] = values.limits;
  const decimals = Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(low), Math.abs(high)) || 1))));
  const range = signed ? Math.max(Math.abs(low), Math.abs(high)) || 1 : high || 1;
  const what = `${name} ${term}`.trim();
  const colours = values.kind === "plane" && values.values.length === 3 ? ["red", "green", "blue"] : null;
  const drawn = values.kind === "plane"
    ? el("div", { class: "channels" }, ...values.values.map((channel, i) => labelled(plane(channel, range, signed, what), colours?.[i])))
    : curves(values.values, [Math.min(0, low), high], what);
  return el(
    "div",
    { class: values.kind === "plane" && values.values.length > 1 ? "map wide" : "map", "data-name": name },
    el("h3", { title: `${name} ${term}` }, name, " ", el("span", { class: "soft" }, term)),
    drawn,
    el("p", {}, `${fixed(low, decimals)} to ${fixed(high, decimals)}`),
  );
}

/** A map with the name of its channel, where there are several. */
function labelled(canvas, channel) {
  if (!channel) return canvas;
  canvas.setAttribute("aria-label", `${canvas.getAttribute("aria-label")}, ${channel}`);
  return el("figure", {}, canvas, el("figcaption", {}, channel));
}

const BLUE = [59, 130, 214];
const ORANGE = [217, 114, 46];

/** A plane of numbers: the paper's colour for zero, blue for the largest, orange for the smallest. */
function plane(rows, range, signed, name) {
  const canvas = el("canvas", { width: rows[0].length, height: rows.length, role: "img", "aria-label": name });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(rows[0].length, rows.length);
  rows.flat().forEach((value, i) => {
    const strength = Math.min(1, Math.abs(value) / range);
    const colour = signed && value < 0 ? ORANGE : BLUE;
    pixels.data.set([...colour, Math.round(255 * strength)], 4 * i);
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}
