// Pictures of observations and maps of numbers, as the server or the page itself hands them over.

import { el, fixed, svg } from "./dom.js";

/** One line of cells: the observations of a modality, each under its value. */
export function strip(answer, heads) {
  const { pictures, modality } = answer;
  const by = answer.by ?? answer.node;
  const cells = cellsOf(pictures, heads.map((head) => `${modality} at ${by} ${head}`));
  while (cells.length < heads.length) cells.push(el("div", { class: "wait" }));
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
  const drawn = pictures.lines.map((lines, i) => curves(lines, pictures.limits, names[i]));
  if (!pictures.sounds) return drawn;
  return drawn.map((one, i) => {
    const play = () => new Audio(pictures.sounds[i]).play();
    return el("button", { class: "heard", type: "button", title: `play ${names[i]}`, onclick: play }, one);
  });
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

/** Numbers on a plane or a line, with their range. */
export function map(name, term, values, signed) {
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
