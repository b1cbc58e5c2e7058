// The exact values of a Gaussian story, as the library computes them: equations composed into loadings on independent
// sources, in the span of each group's templates and in its complement, and half log-determinants of their rows.

const ROUNDING = 2 ** -52;
const SINGULAR = 1e-13; // a row this close to the rows before it, relative to its length, is one of their combinations
const DOUBT = 1e-9; // nats that rounding may cost before a value is said to be doubtful

/**
 * The loadings of every variable.
 * @param model what `model_of` exports
 * @param {Record<string, number>} moves numbers in place of the model's, by path
 */
export function compose(model, moves = {}) {
  const parameters = {};
  for (const [name, value] of Object.entries(model.parameters)) parameters[name] = moves[`parameters.${name}`] ?? value;
  const weight = (edge) =>
    edge.parameters.reduce((product, name) => product * parameters[name], moves[edge.place] ?? edge.coefficient);

  const scalars = model.nodes.flatMap((node) => (node.kind === "cause" ? labels(node) : []));
  for (const node of model.nodes) {
    if ((node.kind === "target" || node.kind === "factor") && node.edges.some((edge) => edge.source === "noise")) scalars.push(`noise(${node.name})`);
  }
  const columnOf = new Map(scalars.map((label, i) => [label, i]));
  const vectorOf = new Map();
  let sources = scalars.length;
  model.groups.forEach((group, g) =>
    group.vectors.forEach((name, v) => {
      vectorOf.set(name, { g, v, start: sources });
      sources += group.rank;
    }),
  );
  const zeros = (rows) => Array.from({ length: rows }, () => new Float64Array(sources));
  const groupOf = (name) => model.groups.findIndex((group) => group.modalities.includes(name));

  const span = new Map();
  const complement = new Map();
  const gross = new Map();

  const unit = (name) => {
    const { g, v, start } = vectorOf.get(name);
    const rows = zeros(model.groups[g].rank);
    rows.forEach((row, k) => (row[start + k] = 1));
    const share = new Float64Array(model.groups[g].vectors.length);
    share[v] = 1;
    return { rows, g, share };
  };

  for (const node of model.nodes) {
    gross.set(node.name, grossOf(node, gross, weight));
    if (node.kind === "cause") {
      const rows = labels(node).map((label) => {
        const row = new Float64Array(sources);
        if (!node.held) row[columnOf.get(label)] = 1;
        span.set(label, [row]);
        return row;
      });
      span.set(node.name, rows);
    } else if (node.kind === "field") {
      const { rows, g, share } = unit(node.name);
      span.set(node.name, rows);
      complement.set(node.name, { g, share });
    } else if (node.kind === "target" || node.kind === "factor") {
      const [row] = zeros(1);
      for (const edge of node.held ? [] : node.edges) {
        if (edge.source === "noise") row[columnOf.get(`noise(${node.name})`)] += weight(edge);
        else if (edge.source !== "") {
          const rows = span.get(edge.source);
          if (edge.pattern) rows.forEach((from, k) => add(row, weight(edge) * edge.pattern[k], from));
          else add(row, weight(edge), rows[0]);
        }
      }
      span.set(node.name, [row]);
    } else if (node.factors.length) {
      const rows = node.factors.map((factor) => span.get(factor)[0]);
      span.set(node.name, rows);
      complement.set(node.name, { g: groupOf(node.name), share: new Float64Array(0) });
    } else {
      const g = groupOf(node.name);
      const rows = zeros(model.groups[g].rank);
      const share = new Float64Array(model.groups[g].vectors.length);
      for (const edge of node.held ? [] : node.edges) {
        if (edge.source === "") continue;
        const w = weight(edge);
        if (edge.pattern) {
          const from = span.get(edge.source);
          const patterns = Array.isArray(edge.pattern[0]) ? edge.pattern : [edge.pattern];
          patterns.forEach((pattern, c) => rows.forEach((row, k) => add(row, w * pattern[k], from[c])));
          continue;
        }
        const added = edge.source === "noise" ? unit(`noise(${node.name})`) : { rows: span.get(edge.source), share: complement.get(edge.source).share };
        rows.forEach((row, k) => add(row, w, added.rows[k]));
        add(share, w, added.share);
      }
      span.set(node.name, rows);
      complement.set(node.name, { g, share });
    }
  }
  return { span, complement, gross, groups: model.groups, weight, known: new Map() };
}

const labels = (node) => (node.size === 1 ? [node.name] : Array.from({ length: node.size }, (_, i) => `${node.name}[${i}]`));

function add(row, factor, from) {
  for (let i = 0; i < row.length; i += 1) row[i] += factor * from[i];
}

/** Size that a variable's loadings would have if nothing cancelled in them. */
function grossOf(node, known, weight) {
  if (node.factors.length) return Math.max(...node.factors.map((factor) => known.get(factor)));
  if (node.held || !node.edges.length) return 1;
  return node.edges.reduce((sum, edge) => {
    const spread = edge.pattern ? Math.hypot(...edge.pattern.flat()) : 1;
    return sum + Math.abs(weight(edge)) * spread * (known.get(edge.source) ?? 1);
  }, 0);
}

/** Half the log-determinant of rows times their transpose by Householder reflections; null if it is zero. */
function volume(rows, gross) {
  const lengths = rows.map((row) => Math.hypot(...row));
  if (lengths.some((length) => length === 0)) return null;
  const columns = rows.map((row, i) => Float64Array.from(row, (value) => value / lengths[i]));
  const n = rows[0].length;
  if (rows.length > n) return null;
  let value = 0;
  let doubt = 0;
  let cancelled = 1;
  for (let j = 0; j < columns.length; j += 1) {
    const pivot = columns[j];
    let norm = 0;
    for (let i = j; i < n; i += 1) norm += pivot[i] * pivot[i];
    norm = Math.sqrt(norm);
    if (norm < SINGULAR) return null;
    value += Math.log(norm) + Math.log(lengths[j]);
    doubt += 1 / norm;
    cancelled = Math.max(cancelled, gross[j] / lengths[j]);
    const reflector = pivot.slice(j);
    reflector[0] += reflector[0] < 0 ? -norm : norm;
    const scale = 2 / reflector.reduce((sum, one) => sum + one * one, 0);
    for (let k = j + 1; k < columns.length; k += 1) {
      let dot = 0;
      for (let i = j; i < n; i += 1) dot += reflector[i - j] * columns[k][i];
      for (let i = j; i < n; i += 1) columns[k][i] -= scale * dot * reflector[i - j];
    }
  }
  return { value, doubt: ROUNDING * cancelled * doubt };
}

/** Half log-determinant of one copy of every block of some variables: of the span, then of each group's complement. */
function volumes(law, names) {
  const key = [...new Set(names)].sort().join(" ");
  if (law.known.has(key)) return law.known.get(key);
  const wanted = key.split(" ").filter(Boolean);
  const blocks = [];
  const rows = wanted.flatMap((name) => law.span.get(name).map((row) => [name, row]));
  if (rows.length) {
    const used = [...rows[0][1].keys()].filter((i) => rows.some(([, row]) => row[i] !== 0));
    blocks.push({ g: null, copies: 1, rows: rows.map(([, row]) => Float64Array.from(used, (i) => row[i])), owners: rows.map(([name]) => name) });
  }
  law.groups.forEach((group, g) => {
    const members = wanted.filter((name) => law.complement.get(name)?.g === g);
    if (members.length && group.copies) {
      blocks.push({ g, copies: group.copies, rows: members.map((name) => law.complement.get(name).share), owners: members });
    }
  });
  const found = new Map();
  for (const block of blocks) {
    const one = volume(block.rows, block.owners.map((name) => law.gross.get(name) ?? 1));
    if (!one) throw new Error(`${wanted.join(", ")}: without noise of their own their joint law is degenerate.`);
    found.set(block.g, { copies: block.copies, ...one });
  }
  law.known.set(key, found);
  return found;
}

/** Σ sign · ½ log det over sets of variables, added up block by block before copies are counted. */
function combined(law, terms) {
  const sums = new Map();
  let doubt = 0;
  for (const [sign, names] of terms) {
    for (const [g, one] of volumes(law, names)) {
      const sum = sums.get(g) ?? { value: 0, copies: one.copies };
      sum.value += sign * one.value;
      sums.set(g, sum);
      doubt = Math.max(doubt, one.copies * one.doubt);
    }
  }
  let value = 0;
  for (const sum of sums.values()) value += sum.copies * sum.value;
  return { value, doubtful: doubt > DOUBT };
}

const mutual = (a, b, given = []) => [
  [1, [...a, ...given]],
  [1, [...b, ...given]],
  [-1, [...a, ...b, ...given]],
  ...(given.length ? [[-1, given]] : []),
];
const negated = (terms) => terms.map(([sign, names]) => [-sign, names]);

/** The terms of a query of the truth table. */
function termsOf({ measure, parts, given }) {
  if (measure === "I" && parts.length === 2) return mutual(parts[0], parts[1], given);
  if (measure === "I" && parts.length === 3) {
    return [...mutual(parts[0], parts[1], given), ...negated(mutual(parts[0], parts[1], [...parts[2], ...given]))];
  }
  const all = parts.flat();
  const total = [...parts.map((part) => [1, part]), [-1, all]];
  const rest = parts.map((part) => all.filter((name) => !part.includes(name)));
  const dual = [...rest.map((names) => [1, names]), [-(parts.length - 1), all]];
  if (measure === "TC") return total;
  if (measure === "DTC") return dual;
  if (measure === "O") return [...total, ...negated(dual)];
  throw new Error(`${measure}: expected I, TC, DTC or O.`);
}

/** A quantity in nats, and whether rounding may show in its ninth decimal. */
export const evaluate = (law, query) => combined(law, termsOf(query));

/** Shared, unique and synergistic information of modalities about a target, by minimal mutual information. */
export function decompose(law, target, names) {
  const about = (some) => combined(law, mutual(some, [target])).value;
  const information = Object.fromEntries(names.map((name) => [name, about([name])]));
  const values = Object.values(information);
  const total = about(names);
  const redundancy = Math.min(...values);
  const best = Math.max(...values);
  const unique = {};
  for (const name of names) {
    const others = names.filter((other) => other !== name).map((other) => information[other]);
    unique[name] = Math.max(0, information[name] - Math.max(...others));
  }
  const between = [...values].sort((a, b) => a - b).at(-2) - redundancy;
  return { target, modalities: names, information, total, redundancy, unique, between, synergy: total - best };
}
