// Guides come before the pages of single functions. The numbers are those of Sphinx.
var Scorer = {
  score: ([docname, title, anchor, descr, score]) => (docname.startsWith("api/") ? score - 12 : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
