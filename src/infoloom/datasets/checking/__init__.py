"""Whether a dataset is what its manifest says."""
