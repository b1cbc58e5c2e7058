"""How estimators did: credit, intervals, pairs, tables."""
