"""The benchmark of self-supervised learners."""
