// The story as a graph: what comes from where, with the weights on the edges.

import { at, short, svg } from "./dom.js";
import { later } from "./pace.js";

const NODE = 104;
const ROOMY = 12; // letters of a name that a node holds
const WIDE = 17; // and with its letters moved together
const SPACE = 112; // between columns
const LABEL = 46; // the straight end of an edge, on which its weight stands
const TALL = 40;
const GAP = 16;
const FEW = 16; // with more edges than this, weights are written on the edge that is pointed at only

/** Draws the graph; one of very many edges, on which no weights are written, only once the numbers rest. */
export function drawGraph(panel, choose) {
  if (panel.edges.length > 3 * FEW && panel.name === drawn) drawSoon(panel, choose);
  else draw(panel, choose);
}

let drawn = "";
const drawSoon = later((panel, choose) => panel.name === drawn && draw(panel, choose), 250);

function draw(panel, choose) {
  drawn = panel.name;
  const figure = at("graph-figure");
  at("description").textContent = panel.description;
  const edges = panel.edges.filter((edge) => edge.sources.some((name) => name !== "noise"));
  const noise = new Map(
    panel.edges.filter((edge) => edge.sources[0] === "noise").map((edge) => [edge.target, edge]),
  );
  const many = edges.length > FEW;
  const places = layOut(panel.nodes, edges, many ? 3 : 15);
  const all = [...places.values()];
  const width = Math.max(...all.map((place) => place.x)) + NODE + 1;
  const height = Math.max(...all.map((place) => place.y + place.tall)) + 1;
  const lines = ports(edges, places);
  const drawing = svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": spoken(panel.nodes, edges),
      class: many ? "many" : null,
    },
    lines.map((line) => drawEdge(line, choose)),
    panel.nodes.map((node) => drawNode(node, places.get(node.name), noise.get(node.name))),
  );
  drawing.style.maxWidth = `${width * 1.2}px`;
  figure.replaceChildren(drawing);
  light(document.activeElement?.dataset?.path ?? null);
}

/** Lights the edges that a weight turns. */
export function light(path) {
  for (const edge of document.querySelectorAll(".edge")) {
    edge.classList.toggle("lit", path !== null && edge.dataset.path === path);
  }
}

/** Columns by the longest way from a source; in a column targets stand above modalities. */
function layOut(nodes, edges, pitch) {
  const depth = new Map();
  const parents = new Map(nodes.map((node) => [node.name, []]));
  for (const edge of edges) parents.get(edge.target).push(...edge.sources.filter((name) => parents.has(name)));
  const deep = (name) => {
    if (!depth.has(name)) {
      depth.set(name, 0);
      const above = parents.get(name).map(deep);
      depth.set(name, above.length ? 1 + Math.max(...above) : 0);
    }
    return depth.get(name);
  };
  const order = { cause: 0, field: 1, target: 2, factor: 3, modality: 4 };
  const columns = [];
  for (const node of nodes) {
    const column = node.kind === "cause" || node.kind === "field" ? 0 : Math.max(1, deep(node.name));
    (columns[column] ??= []).push({ node, tall: Math.max(TALL, pitch * parents.get(node.name).length + 8) });
  }
  const used = (column) => column.reduce((sum, one) => sum + one.tall + GAP, -GAP);
  const spread = Math.max(...columns.map(used));
  const places = new Map();
  columns.forEach((column, x) => {
    column.sort((a, b) => order[a.node.kind] - order[b.node.kind]);
    const gap = Math.min(GAP * 3, column.length > 1 ? GAP + (spread - used(column)) / (column.length - 1) : 0);
    let y = (spread - used(column) - (gap - GAP) * (column.length - 1)) / 2;
    for (const { node, tall } of column) {
      places.set(node.name, { x: 1 + x * (NODE + SPACE), y: 1 + y, tall });
      y += tall + gap;
    }
  });
  return places;
}

/** From where to where each edge goes: at a node they stand one above the other, in the order of their other ends. */
function ports(edges, places) {
  const lines = edges.flatMap((edge) =>
    edge.sources.map((source, number) => ({ edge, number, from: places.get(source), to: places.get(edge.target) })),
  );
  const strongest = new Map();
  for (const { edge, to } of lines) strongest.set(to, Math.max(strongest.get(to) ?? 0, Math.abs(edge.weight)));
  for (const place of places.values()) {
    const arriving = lines.filter((line) => line.to === place).sort((a, b) => a.from.y - b.from.y);
    arriving.forEach((line, i) => (line.y2 = place.y + (place.tall * (i + 0.5)) / arriving.length));
    const leaving = lines.filter((line) => line.from === place).sort((a, b) => a.to.y - b.to.y);
    leaving.forEach((line, i) => (line.y1 = place.y + place.tall / 2 + (i - (leaving.length - 1) / 2) * Math.min(5, 20 / leaving.length)));
  }
  for (const line of lines) line.width = 1 + (strongest.get(line.to) ? ((lines.length > FEW ? 1 : 2.4) * Math.abs(line.edge.weight)) / strongest.get(line.to) : 0);
  return lines;
}

function drawEdge({ edge, number, from, to, y1, y2, width }, choose) {
  const x1 = from.x + NODE;
  const bend = to.x - LABEL;
  const middle = (x1 + bend) / 2;
  const line = `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${bend} ${y2}H${to.x}`;
  const text = fit(rounded(edge.weight), 7);
  const middleX = to.x - LABEL / 2;
  const template = edge.template ? `@${edge.template}` : "";
  return svg(
    "g",
    { class: `edge${edge.weight < 0 ? " negative" : ""}`, "data-path": edge.path, onclick: () => edge.path && choose(edge.path) },
    svg("title", {}, `${short(edge.weight)} · ${edge.label}${template} → ${edge.target}`),
    svg("path", { class: "line", d: line, "stroke-width": width.toFixed(2) }),
    svg("path", { class: "hit", d: line }),
    number === 0 ? svg("rect", { x: middleX - text.length * 3.4, y: y2 - 7, width: text.length * 6.8, height: 14 }) : null,
    number === 0 ? svg("text", { x: middleX, y: y2 + 4 }, text) : null,
  );
}

const rounded = (value) => short(Number(value.toPrecision(3))).replace("-", "−");

function drawNode(node, place, noise) {
  const detail = [
    node.kind === "cause" && node.distribution !== "normal" ? node.distribution : null,
    node.kind === "modality" || node.kind === "cause" ? node.shape.join("×") || null : null,
    noise ? `noise ${short(noise.weight)}` : null,
    node.held ? "held" : null,
  ]
    .filter(Boolean)
    .join(" · ");
  const radius = node.kind === "cause" ? TALL / 2 : 6;
  const x = NODE / 2;
  return svg(
    "g",
    { class: `node ${node.kind}${node.held ? " held" : ""}`, transform: `translate(${place.x} ${place.y})` },
    svg("title", {}, `${node.kind} ${node.name}${node.flow ? `, ${node.flow}` : ""}${detail ? `: ${detail}` : ""}`),
    svg("rect", { width: NODE, height: place.tall, rx: radius }),
    svg("text", { x, y: place.tall / 2 + (detail ? -2 : 4.5), ...squeezed(node.name) }, fit(node.name, WIDE)),
    detail ? svg("text", { class: "small", x, y: place.tall / 2 + 12.5 }, fit(detail, 20)) : null,
  );
}

/** Names of factors are long: beyond a node's width their letters move together, and beyond that they are cut. */
const squeezed = (name) =>
  name.length > ROOMY ? { textLength: NODE - 10, lengthAdjust: "spacingAndGlyphs" } : {};

const fit = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function spoken(nodes, edges) {
  return nodes
    .filter((node) => ["target", "factor", "modality"].includes(node.kind))
    .map((node) => {
      const terms = edges
        .filter((edge) => edge.target === node.name)
        .map((edge) => `${short(edge.weight)} times ${edge.label}`);
      return `${node.kind} ${node.name} from ${terms.join(", ") || "nothing"}`;
    })
    .join("; ");
}
