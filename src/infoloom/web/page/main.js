// The page: text, sliders and locks change the story; every panel shows what the server answers about it.

import { isUnkept, keep, unpacked } from "./address.js";
import { ask, giveUp, latest, onGivenUp, shown, state } from "./ask.js";
import { at, el, problemLines, say, svg } from "./dom.js";
import { setText, showProblems, startEditor } from "./editor.js";
import { drawGraph } from "./graph.js";
import { drawCeilings, drawHeld, drawTable } from "./numbers.js";
import { later } from "./pace.js";
import { drawDecomposition } from "./parts.js";
import { clearPictures, refresh, startPictures, storyChanged } from "./pictures.js";
import { drawSliders, focusSlider } from "./sliders.js";

const PANELS = ["weights", "graph", "information", "decomposition", "ceilings"];
const JSON_BUTTONS = ["graph", "weights", "information", "decomposition", "ceilings", "samples", "sweep", "influence", "templates"];
const levers = {};
let start = null;
let typing = false; // the text in the editor is not read yet
let names = new Map(); // what a weight is called, by path

const update = latest(async () => {
  const asked = { moves: { ...state.weights } };
  at("reset").hidden = !hasMoves();
  const answer = await ask("panels", { panels: PANELS });
  if (answer.gone) return;
  if (document.body.dataset.wrong === "text") return; // what is typed comes first
  at("trouble").replaceChildren(...problemLines(answer.problems ?? []));
  if (answer.problems) {
    document.body.dataset.wrong = "story";
    return;
  }
  delete document.body.dataset.wrong;
  draw(answer.panels, asked.moves);
});

const hasMoves = () => Object.keys(state.weights).length + Object.keys(state.held).length > 0;

function draw(panels, moves) {
  Object.assign(shown, panels);
  names = new Map(panels.weights.weights.map((one) => [one.path, one.node ? `${one.label} in ${one.node}` : one.label]));
  const gives = new Set(Object.values(state.held).map((one) => one.by));
  drawGraph(panels.graph, focusSlider);
  drawSliders(panels.weights, moves, gives, moved);
  drawTable(panels.information, state.held, lock);
  drawHeld(state.held, levers, names, (query, path) => {
    state.held[query].by = path;
    changed();
  });
  drawDecomposition(panels.decomposition, (choice) => {
    Object.assign(state, choice);
    update();
    remember();
  });
  drawCeilings(panels.ceilings);
  at("reset").hidden = !hasMoves();
  nameStory();
  document.body.dataset.ready = String(Number(document.body.dataset.ready ?? 0) + 1);
}

/** A slider moved; once it rests, the pictures and the text follow. */
function moved(path, value, settled) {
  state.weights[path] = value;
  update();
  if (settled) rest();
}

const rest = later(async () => {
  const answer = await ask("text");
  remember();
  if (typing || answer.problems) return;
  setText(answer.spec);
  nameStory();
  refresh();
}, 350);

async function changed() {
  await update();
  rest();
}

/** Another text: if it is a story, it becomes the story, and what was moved or held is forgotten, but for what `kept` says. */
const read = latest(async (text, kept = {}) => {
  typing = false;
  const fresh = { spec: text, weights: {}, held: {}, target: "", pair: [], ...kept };
  const answer = await ask("panels", { ...fresh, panels: PANELS });
  if (answer.gone) return;
  showProblems(answer, solve);
  for (const part of document.querySelectorAll(".depends")) part.inert = Boolean(answer.problems);
  if (answer.problems) {
    document.body.dataset.wrong = "text";
    remember();
    return;
  }
  at("trouble").replaceChildren();
  delete document.body.dataset.wrong;
  delete document.body.dataset.reading;
  Object.assign(state, fresh);
  draw(answer.panels, fresh.weights);
  storyChanged(answer.panels.graph);
  remember();
  if (hasMoves()) rest();
}, 0);

const readSoon = later(read, 300);

/** A story in place of another: what was shown goes at once, and what was asked for is given up. */
function replace(name, text, kept) {
  typing = false;
  document.body.dataset.reading = "yes";
  at("description").textContent = `Reading ${name} …`;
  at("trouble").replaceChildren();
  clearPictures();
  giveUp();
  setText(text);
  return read(text, kept);
}

/** What the address keeps: nothing for the story that the page was started with. */
function worthKeeping() {
  const kept = {};
  const preset = start.presets.find((one) => one.spec === state.spec);
  const text = at("yaml").value;
  if (document.body.dataset.wrong === "text") return text === start.spec ? {} : { text };
  if (state.spec !== start.spec) Object.assign(kept, preset ? { preset: preset.name } : { spec: state.spec });
  for (const key of ["weights", "held"]) if (Object.keys(state[key]).length) kept[key] = state[key];
  if (state.unit === "bits") kept.unit = state.unit;
  for (const key of ["target", "seed"]) if (state[key]) kept[key] = state[key];
  if (state.pair.length) kept.pair = state.pair;
  if (state.cause !== (at("cause").options[0]?.value ?? "")) kept.cause = state.cause;
  return kept;
}

/** Writes the story into the address; `fresh` lets "back" lead to the one before. */
async function remember(fresh = false) {
  if (!(await keep(worthKeeping(), fresh)) && !told) {
    told = true;
    say("This story is too long for the address: download it before you leave.");
  }
}

let told = false; // that the address cannot keep the story

/** Shows the story that the address keeps. */
async function fromAddress() {
  const kept = await unpacked(location.hash);
  if (!kept) say("The address contains no readable story.");
  const { preset, spec, text, unit = "nats", ...rest } = kept ?? {};
  const named = start.presets.find((one) => one.name === preset);
  if (preset && !named) say(`There is no preset ${preset}.`);
  Object.assign(state, { unit, cause: rest.cause ?? "", seed: rest.seed ?? 0 });
  document.querySelector(`input[name=unit][value=${unit}]`).checked = true;
  await replace(named?.name ?? "the story", text ?? spec ?? named?.spec ?? start.spec, rest);
}

/** The menu names the preset whose text stands in the editor; of any other story it says that it is edited. */
function nameStory() {
  const select = at("preset");
  const text = at("yaml").value;
  const preset = start.presets.find((one) => one.spec === text);
  const own = select.querySelector('option[value=""]');
  const name = shown.graph?.name ?? "story";
  own.textContent = text === start.spec ? `${name} (your spec)` : `${name}, edited`;
  own.hidden = Boolean(preset) && start.presets.some((one) => one.spec === start.spec);
  select.value = preset?.name ?? "";
}

function typed(text) {
  typing = true;
  readSoon(text, {});
}

async function solve() {
  const answer = await ask("solve", { spec: at("yaml").value, weights: {}, held: {} });
  if (answer.problems) {
    showProblems(answer, solve);
    return;
  }
  setText(answer.spec);
  await read(answer.spec, {});
  say("Solved for what it requires");
}

/** Holds a quantity at its value, or lets it go. */
async function lock(row) {
  if (row.query in state.held) {
    // The weights stay where they are now.
    for (const one of shown.weights.weights) {
      if (one.path === state.held[row.query].by) state.weights[one.path] = one.value;
    }
    delete state.held[row.query];
    changed();
    return;
  }
  const answer = await ask("levers", { query: row.query });
  if (answer.problems) {
    say(answer.problems[0].message);
    return;
  }
  const used = new Set(Object.values(state.held).map((one) => one.by));
  const free = answer.levers.filter((path) => !used.has(path));
  const by = free.find((path) => !(path in state.weights) && !names.get(path)?.startsWith("noise ")) ?? free[0];
  if (!by) {
    say(`No other weight can keep ${row.query}.`);
    return;
  }
  levers[row.query] = answer.levers;
  state.held[row.query] = { value: row.nats, by };
  changed();
}

async function copy(what, title) {
  const answer = await ask("export");
  if (answer.problems) return;
  try {
    await navigator.clipboard.writeText(answer[what]);
    say(`${title} copied`);
  } catch {
    say("The browser does not allow copying here.");
  }
}

function save(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = el("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function jsonButtons() {
  for (const id of JSON_BUTTONS) {
    const button = el(
      "button",
      {
        type: "button", class: "quiet json", "data-panel": id, "aria-label": `Save ${id}.json: what this panel shows`, title: `${id}.json`,
        onclick: () => save(`${id}.json`, JSON.stringify(shown[id] ?? null, null, 2), "application/json"),
      },
      "json",
    );
    at(id).querySelector(".head").append(button);
  }
}

const THEMES = { auto: "as the system has it", light: "light", dark: "dark" };

function themeButton() {
  const button = at("theme");
  const order = Object.keys(THEMES);
  const icon = { auto: "M8 2a6 6 0 1 0 0 12z", light: "", dark: "M8 2a6 6 0 1 0 6 7.5A5 5 0 0 1 8 2z" };
  const set = (theme) => {
    button.dataset.theme = theme;
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-label", `Theme: ${THEMES[theme]}`);
    button.title = `Theme: ${THEMES[theme]}`;
    button.replaceChildren(
      svg(
        "svg",
        { viewBox: "0 0 16 16", "aria-hidden": "true" },
        theme === "dark" ? null : svg("circle", { cx: 8, cy: 8, r: theme === "light" ? 3.4 : 6, fill: "none", stroke: "currentColor", "stroke-width": 1.3 }),
        theme === "light"
          ? svg("path", { d: "M8 1v2M8 13v2M1 8h2M13 8h2M3 3l1.4 1.4M11.6 11.6L13 13M3 13l1.4-1.4M11.6 4.4L13 3", stroke: "currentColor", "stroke-width": 1.3, "stroke-linecap": "round" })
          : svg("path", { d: icon[theme], fill: "currentColor" }),
      ),
    );
  };
  button.addEventListener("click", () => set(order[(order.indexOf(button.dataset.theme) + 1) % order.length]));
  set("auto");
}

function presets() {
  const select = at("preset");
  select.replaceChildren(
    el("option", { value: "" }, "your spec"),
    ...start.presets.map((one) => el("option", { value: one.name, title: one.description }, one.name)),
  );
  select.addEventListener("change", async () => {
    const chosen = start.presets.find((one) => one.name === select.value);
    if (isUnkept() && !confirm("Your story is too long to be kept in the address, so it will be lost. Continue?")) {
      nameStory();
      return;
    }
    await remember(); // the story as it stands, for "back"
    Object.assign(state, { cause: "", seed: 0 });
    history.pushState(null, "", location.href);
    await replace(chosen?.name ?? "your spec", chosen?.spec ?? start.spec, {});
  });
}

async function begin() {
  themeButton();
  jsonButtons();
  startPictures(() => remember());
  startEditor(typed);
  at("download").addEventListener("click", async () => {
    const answer = await ask("export");
    if (!answer.problems) save(answer.file, answer.spec, "application/yaml");
  });
  at("copy-python").addEventListener("click", () => copy("python", "Python"));
  at("copy-command").addEventListener("click", () => copy("command", "Command"));
  at("reset").addEventListener("click", () => {
    state.weights = {};
    state.held = {};
    changed();
  });
  for (const input of document.querySelectorAll("input[name=unit]")) {
    input.addEventListener("change", () => {
      state.unit = input.value;
      update();
      remember();
    });
  }
  start = await (await fetch("/start.json")).json();
  presets();
  state.spec = start.spec;
  onGivenUp(refresh);
  window.addEventListener("popstate", fromAddress);
  window.addEventListener("beforeunload", (event) => {
    if (isUnkept()) event.preventDefault();
  });
  new ResizeObserver(([entry]) => {
    const fixed = getComputedStyle(entry.target).position === "sticky";
    document.documentElement.style.setProperty("--header", fixed ? `${entry.target.offsetHeight}px` : "0px");
  }).observe(document.querySelector("header"));
  await fromAddress();
}

begin();
