// The story in the address: after the #, compressed. A link to it can be sent; it survives reload and back.

const VERSION = "1.";
const MOST_LETTERS = 60_000; // of an address; what is longer is not kept in it
const MOST_BYTES = 4_000_000; // of a story that an address may unfold to

async function through(bytes, stream, most = Infinity) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) throw new Error("too large");
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** What comes after the #; empty where there is nothing to keep. */
export async function packed(kept) {
  if (!Object.keys(kept).length) return "";
  const bytes = await through(new TextEncoder().encode(JSON.stringify(kept)), new CompressionStream("deflate-raw"));
  let letters = "";
  for (let i = 0; i < bytes.length; i += 0x8000) letters += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return VERSION + btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** What an address keeps; an empty object where it keeps nothing, null where it cannot be read. */
export async function unpacked(hash) {
  const text = hash.replace(/^#/, "");
  if (!text) return {};
  try {
    if (!text.startsWith(VERSION)) return null;
    const letters = atob(text.slice(VERSION.length).replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    const kept = JSON.parse(new TextDecoder().decode(await through(bytes, new DecompressionStream("deflate-raw"), MOST_BYTES)));
    return sound(kept) ? kept : null;
  } catch {
    return null;
  }
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value) => typeof value === "string";
const EXPECTED = {
  preset: isText,
  spec: isText,
  text: isText,
  weights: (value) => isObject(value) && Object.values(value).every(Number.isFinite),
  held: (value) => isObject(value) && Object.values(value).every((one) => isObject(one) && Number.isFinite(one.value) && isText(one.by)),
  unit: (value) => value === "bits",
  target: isText,
  cause: isText,
  pair: (value) => Array.isArray(value) && value.every(isText),
  seed: (value) => Number.isInteger(value) && value >= 0,
};

const sound = (kept) => isObject(kept) && Object.entries(kept).every(([key, value]) => EXPECTED[key]?.(value));

let number = 0;
let unkept = false;

/** Whether the story is in no address: leaving would lose it. */
export const isUnkept = () => unkept;

/**
 * Writes what is kept into the address.
 * @param {boolean} fresh whether "back" leads to what stood there before
 * @returns {Promise<boolean>} whether it fits
 */
export async function keep(kept, fresh = false) {
  const mine = ++number;
  const text = await packed(kept);
  if (mine !== number) return true; // something newer is written
  unkept = text.length > MOST_LETTERS;
  if (unkept) return false;
  const address = location.pathname + location.search + (text ? `#${text}` : "");
  if (address === location.pathname + location.search + location.hash) return true;
  history[fresh ? "pushState" : "replaceState"](null, "", address);
  return true;
}
