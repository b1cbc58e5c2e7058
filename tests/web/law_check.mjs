// Reads stories with moved weights from standard input and prints what page/law.js finds, as JSON.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { compose, decompose, evaluate } = await import(pathToFileURL(process.argv[2]));
const cases = JSON.parse(readFileSync(0, "utf8"));
const found = cases.map(({ model, moves }) => {
  const law = compose(model, moves);
  const values = Object.fromEntries(model.queries.map((query) => [query.query, evaluate(law, query)]));
  const parts = model.targets.length && model.modalities.length > 1 ? decompose(law, model.targets[0], model.modalities) : null;
  return { values, parts };
});
console.log(JSON.stringify(found));
