"""References and floors: trained on the target, not trained, or without a network."""
