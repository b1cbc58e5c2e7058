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
  if (names.join() !== modalities.join()) {
    for (const host of document.querySelectorAll(".strips, .maps")) host.replaceChildren();
  }
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

export function refresh() {
  epoch += 1;
  for (const panel of panels) panel.stale();
}

export function startPictures() {
  at("cause").addEventListener("change", (event) => {
    state.cause = event.target.value;
    refresh();
  });
  at("again").addEventListener("click", () => {
    state.seed += 1;
    refresh();
  });
  at("all").addEventListener("click", () => {
    showAll = !showAll;
    at("all").textContent = showAll ? `First ${FIRST} modalities` : `All ${modalities.length} modalities`;
    refresh();
  });
}

const some = () => (showAll ? modalities : modalities.slice(0, FIRST));

/** One line of cells a modality; each appears as soon as it is made. */
async function strips(section, panel, heads) {
  const began = epoch;
  const host = section.querySelector(".strips");
  const names = some();
  const lines = names.map((name, i) => host.children[i] ?? host.appendChild(waiting(name)));
  while (host.children.length > names.length) host.lastElementChild.remove();
  shown[panel] = [];
  for (const [i, modality] of names.entries()) {
    const answer = await ask(panel, { modality });
    if (began !== epoch) return;
    shown[panel][i] = answer;
    const line = answer.problems ? el("div", { class: "strip" }, ...problemLines(answer.problems)) : strip(answer, heads(answer));
    lines[i].replaceWith(line);
  }
  host.classList.remove("stale");
}

const waiting = (name) =>
  el("div", { class: "strip" }, el("h3", {}, name), el("div", { class: "cells wait" }, "drawing …"));

function strip(answer, heads) {
  const { pictures, modality } = answer;
  const by = answer.by ?? answer.node;
  const cells = cellsOf(pictures, heads.map((head) => `${modality} at ${by} ${head}`));
  return el(
    "div",
    { class: "strip", "data-modality": modality },
    el("h3", {}, modality),
    el("div", { class: "axis", "aria-hidden": "true" }, ...heads.map((head) => el("span", {}, head))),
    el("div", { class: "cells" }, ...cells),
  );
}

/** Pictures, sentences, or curves, with a button that plays them where they are sounds. */
function cellsOf(pictures, names) {
  if (pictures.kind === "image") return pictures.images.map((src, i) => el("img", { src, alt: names[i], title: names[i] }));
  if (pictures.kind === "text") return pictures.texts.map((text, i) => el("p", { class: "said", title: names[i] }, text));
  const drawn = pictures.lines.map((lines) => curves(lines, pictures.limits));
  if (!pictures.sounds) return drawn;
  return drawn.map((one, i) => {
    const play = () => new Audio(pictures.sounds[i]).play();
    return el("button", { class: "heard", type: "button", title: `play ${names[i]}`, onclick: play }, one);
  });
}

function curves(lines, [low, high]) {
  const size = Math.max(1, lines[0].length - 1);
  const span = high - low || 1;
  const path = (line) => `M${line.map((value, i) => `${i} ${(100 * (1 - (value - low) / span)).toFixed(2)}`).join("L")}`;
  return svg(
    "svg",
    { viewBox: `0 -6 ${size} 112`, preserveAspectRatio: "none", "aria-hidden": "true" },
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
  for (const [i, modality] of names.entries()) {
    const answer = await ask("influence", { modality });
    if (began !== epoch) return;
    shown.influence[i] = answer;
    made.push(
      answer.problems
        ? el("div", { class: "map" }, el("h3", {}, modality), ...problemLines(answer.problems))
        : map(modality, "", answer.map, false),
    );
    host.replaceChildren(...made);
  }
  host.classList.remove("stale");
}

async function drawTemplates(section) {
  const host = section.querySelector(".maps");
  const began = epoch;
  const answer = await ask("templates");
  if (began !== epoch) return;
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
  const drawn = values.kind === "plane"
    ? el("div", { class: "channels" }, ...values.values.map((channel) => plane(channel, range, signed)))
    : curves(values.values, [Math.min(0, low), high]);
  return el(
    "div",
    { class: values.kind === "plane" && values.values.length > 1 ? "map wide" : "map", "data-name": name },
    el("h3", { title: `${name} ${term}` }, name, " ", el("span", { class: "soft" }, term)),
    drawn,
    el("p", {}, `${fixed(low, decimals)} to ${fixed(high, decimals)}`),
  );
}

const BLUE = [59, 130, 214];
const ORANGE = [217, 114, 46];

/** A plane of numbers: the paper's colour for zero, blue for the largest, orange for the smallest. */
function plane(rows, range, signed) {
  const canvas = el("canvas", { width: rows[0].length, height: rows.length, role: "img" });
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
