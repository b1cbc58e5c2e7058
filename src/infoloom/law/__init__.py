"""The joint law of a story: graph, equations, covariance, and the rows drawn from it."""
