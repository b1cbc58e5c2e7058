"""An estimator that has learned on random tasks of known information: features, network, weights."""
