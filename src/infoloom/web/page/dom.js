// Elements and numbers as text. Everything a person wrote goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

export const el = (name, attributes = {}, ...children) =>
  filled(document.createElement(name), attributes, children);

export const svg = (name, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

export const at = (id) => document.getElementById(id);

/** A number with a fixed count of decimals, a true minus sign, and no minus before zero. */
export function fixed(value, decimals) {
  const text = value.toFixed(decimals);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

/** Decimals with which a column of values is written: all the same, so that they stand under each other. */
export const decimalsFor = (values) => (Math.max(...values.map(Math.abs), 0) >= 1000 ? 2 : 5);

/** A weight as short as it can be with six significant digits. */
export const short = (value) => String(Number(value.toPrecision(6)));

let fading;
export function say(text) {
  const said = at("said");
  said.textContent = text;
  said.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => said.classList.remove("shown"), 2200);
}

/** What is wrong, as a person reads it; the equation with its mark in letters of one width. */
export const problemLines = (problems) =>
  problems.map((problem) => el("p", { class: "problem" }, problem.message.split("\n")[0]));
