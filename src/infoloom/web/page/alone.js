// A page without a server: it turns the weights of one Gaussian story and computes its values itself.

import { strip } from "./cells.js";
import { at, el, fixed } from "./dom.js";
import { drawGraph } from "./graph.js";
import { compose, decompose, evaluate } from "./law.js";
import { drawTable } from "./numbers.js";
import { drawDecomposition } from "./parts.js";
import { drawSliders, focusSlider } from "./sliders.js";

const NATS_PER_BIT = Math.LN2;
const { model, sliders, pictures, by } = JSON.parse(at("story").textContent);
const state = { moves: {}, unit: "nats", target: model.targets[0] ?? "", pair: [], cause: by[0] ?? "" };
let waiting = false;

/** At most one drawing a frame, however fast a slider moves. */
function changed() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

function draw() {
  const scale = state.unit === "bits" ? NATS_PER_BIT : 1;
  const law = compose(model, state.moves);
  drawGraph(graph(law), focusSlider);
  drawSliders({ weights: sliders.map((one) => ({ ...one, value: state.moves[one.path] ?? one.value })) }, state.moves, new Set(), moved);
  at("reset").hidden = Object.keys(state.moves).length === 0;
  try {
    const rows = model.queries.map((query) => row(query, evaluate(law, query), scale));
    drawTable({ unit: state.unit, rows, notes: model.notes }, {}, () => {});
    drawParts(law, scale);
    at("trouble").replaceChildren();
    delete document.body.dataset.wrong;
  } catch (error) {
    at("trouble").replaceChildren(el("p", { class: "problem" }, error.message));
    document.body.dataset.wrong = "story";
  }
  document.body.dataset.ready = String(Number(document.body.dataset.ready ?? 0) + 1);
}

function row({ query, group }, { value, doubtful }, scale) {
  const shown = value / scale;
  return {
    query, group, value: shown, nats: value, exact: !doubtful, error: 1e-6, method: doubtful ? "rounding may show" : "closed form",
    text: `${fixed(shown, 12)} ${state.unit}`,
  };
}

function drawParts(law, scale) {
  const section = at("decomposition");
  section.hidden = !model.targets.length || model.modalities.length < 2;
  if (section.hidden) return;
  const names = state.pair.length ? state.pair : model.modalities;
  const found = decompose(law, state.target, names);
  const scaled = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value / scale]));
  drawDecomposition(
    {
      unit: state.unit, target: state.target, targets: model.targets, choices: model.modalities, modalities: names,
      information: scaled(found.information), unique: scaled(found.unique), total: found.total / scale,
      redundancy: found.redundancy / scale, between: found.between / scale, synergy: found.synergy / scale,
    },
    (choice) => {
      Object.assign(state, choice);
      changed();
    },
  );
}

function moved(path, value) {
  state.moves[path] = value;
  changed();
}

/** The story as the panel of the explorer has it. */
function graph(law) {
  const edges = model.nodes.flatMap((node) => [
    ...node.edges.map((edge) => ({
      sources: edge.sources, target: node.name, label: edge.label, template: edge.template, weight: law.weight(edge), path: edge.path,
    })),
    ...node.factors.map((factor) => ({ sources: [factor], target: node.name, label: factor, template: null, weight: 1, path: null })),
  ]);
  return { name: model.name, description: model.description, nodes: model.nodes, edges };
}

/** Pictures as they were made when the page was: they do not follow the sliders. */
function drawPictures() {
  const heads = (one) => one.values.map((value) => fixed(value, 1));
  for (const panel of ["samples", "sweep"]) {
    const lines = pictures[state.cause]?.[panel] ?? [];
    at(panel).hidden = lines.length === 0;
    at(panel).querySelector(".strips").replaceChildren(...lines.map((one) => strip(one, heads(one))));
  }
  at("sweep").querySelector(".lead").textContent = `One row: ${state.cause} goes from −2 to 2, everything else stays.`;
}

at("cause").replaceChildren(...by.map((name) => el("option", { value: name }, name)));
at("cause").addEventListener("change", (event) => {
  state.cause = event.target.value;
  drawPictures();
});
at("reset").addEventListener("click", () => {
  state.moves = {};
  changed();
});
for (const input of document.querySelectorAll("input[name=unit]")) {
  input.addEventListener("change", () => {
    state.unit = input.value;
    changed();
  });
}
draw();
drawPictures();
