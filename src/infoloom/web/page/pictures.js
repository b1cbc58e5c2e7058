// Samples, a sweep of one cause, where it shows, and templates.

import { ask, latest, shown, state } from "./ask.js";
import { map, strip } from "./cells.js";
import { at, el, fixed, problemLines } from "./dom.js";

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
    }, Infinity); // what is drawn for an earlier state ends by itself, after the piece that is being made
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
    section.querySelector(".lead").textContent = `One row: ${state.cause} goes from −2 to 2, everything else stays.`;
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

async function drawInfluence(section) {
  const began = epoch;
  const host = section.querySelector(".maps");
  section.querySelector(".lead").textContent = `How much each component of an observation changes with ${state.cause}: mean |∂x/∂${state.cause}|.`;
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
