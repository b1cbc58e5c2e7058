// The YAML, with its problems at their lines.

import { at, el } from "./dom.js";

const area = at("yaml");
const paint = at("paint");
const gutter = at("gutter");
let wrong = new Set();

export function startEditor(changed) {
  area.addEventListener("input", () => {
    repaint();
    changed(area.value);
  });
  area.addEventListener("scroll", () => {
    paint.scrollTop = area.scrollTop;
    paint.scrollLeft = area.scrollLeft;
    gutter.scrollTop = area.scrollTop;
  });
  // Tab leaves the editor, as everywhere on the page; a level of indentation is two blanks.
}

export function setText(text) {
  if (area.value === text) return;
  const top = area.scrollTop;
  area.value = text;
  area.scrollTop = top;
  repaint();
}

export function showProblems(answer, solve) {
  const problems = [...(answer?.problems ?? [])].sort((a, b) => a.line - b.line || a.column - b.column);
  wrong = new Set(problems.map((problem) => problem.line));
  repaint();
  area.setAttribute("aria-invalid", problems.length > 0);
  const button = answer?.solvable
    ? el("button", { type: "button", id: "solve", onclick: solve }, "Solve for what it requires")
    : null;
  at("problems").replaceChildren(...problems.map(problemButton), ...(button ? [button] : []));
}

function problemButton(problem) {
  const [first, ...rest] = problem.message.split("\n");
  return el(
    "button",
    { type: "button", class: "problem", "data-line": problem.line, onclick: () => jump(problem) },
    el("span", { class: "where" }, `${problem.line}:${problem.column}`),
    first,
    rest.length ? el("span", { class: "excerpt" }, rest.join("\n")) : null,
  );
}

function jump(problem) {
  const lines = area.value.split("\n");
  const start = lines.slice(0, problem.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
  area.focus();
  area.setSelectionRange(start + problem.column - 1, start + (lines[problem.line - 1]?.length ?? 0));
  area.scrollTop = Math.max(0, (problem.line - 4) * 19);
}

function repaint() {
  const lines = area.value.split("\n");
  paint.replaceChildren(...lines.map((line, i) => el("span", { class: wrong.has(i + 1) ? "line wrong" : "line" }, ...coloured(line))));
  gutter.replaceChildren(
    ...lines.flatMap((_, i) => [wrong.has(i + 1) ? el("span", { class: "wrong" }, `${i + 1}`) : `${i + 1}`, "\n"]),
    "\n\n",
  );
  paint.scrollTop = area.scrollTop;
  gutter.scrollTop = area.scrollTop;
}

/** Keys, numbers and comments; just enough to find one's way. */
function coloured(line) {
  const comment = /(^|\s)#.*$/.exec(line);
  const code = comment ? line.slice(0, comment.index) : line;
  const parts = [];
  const pattern = /([\w(][\w;,| ()]*?)(?=:(?:\s|$))|(?<![\w"])\d+\.?\d*(?:[eE][+-]?\d+)?\b/g;
  let end = 0;
  for (const match of code.matchAll(pattern)) {
    parts.push(code.slice(end, match.index), el("span", { class: match[1] ? "key" : "number" }, match[0]));
    end = match.index + match[0].length;
  }
  parts.push(code.slice(end));
  if (comment) parts.push(el("span", { class: "comment" }, comment[0]));
  return parts;
}
