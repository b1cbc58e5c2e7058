// The story as the page has it, and questions to the server. It does all arithmetic; this page draws its answers.

export const state = {
  spec: "", // the last text that was a story
  weights: {}, // numbers that were moved since
  held: {}, // query -> {value, by}
  unit: "nats",
  target: "",
  pair: [],
  cause: "",
  seed: 0,
};

/** What was last shown in each panel; the JSON buttons save it as it came. */
export const shown = {};

/** This page's name; what it asks for in a later turn cancels what is still computed for an earlier one. */
const page = crypto.randomUUID();
const PATIENT = 1000;
let turn = 0;
let stop = new AbortController();
let abandoned = () => {};

/** What is to be done when answers that were asked for will not come. */
export function onGivenUp(done) {
  abandoned = done;
}

/** Give up what was asked for and is not answered yet: the server stops it at its next step. */
export function giveUp() {
  turn += 1;
  stop.abort();
  stop = new AbortController();
  abandoned();
}

/** An answer that will not come has `gone`; nothing is to be drawn of it. */
const GONE = Object.freeze({ problems: [], gone: true });

export async function ask(panel, more = {}) {
  const asked = { ...state, page, turn, ...more };
  try {
    const answer = await fetch(`/${panel}.json`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked),
      signal: stop.signal,
    });
    if (answer.status === 409) return GONE; // this page has asked for something newer
    if (answer.ok || answer.status === 400) return await answer.json();
    return failed(`${panel}.json: ${answer.status} ${await answer.text()}`);
  } catch (error) {
    if (error.name === "AbortError") return GONE;
    return failed("The server does not answer. Start `infoloom explore` again.");
  }
}

const failed = (message) => ({ problems: [{ message, line: 1, column: 1 }] });

/**
 * Runs one job at a time and forgets all that wait but the last: a moving slider asks as fast as it is answered.
 * One that takes longer than its patience, a second, is given up for the next.
 * @param {(...args: unknown[]) => Promise<void>} job
 */
export function latest(job, patience = PATIENT) {
  let running = false;
  let waiting = null;
  let began = 0;
  return async (...args) => {
    waiting = args;
    if (running) {
      if (performance.now() - began >= patience) giveUp();
      return;
    }
    running = true;
    try {
      while (waiting) {
        const now = waiting;
        waiting = null;
        began = performance.now();
        await job(...now);
      }
    } finally {
      running = false;
    }
  };
}
