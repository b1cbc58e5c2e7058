"""Words and labels: cells of Gaussian variables, and what they tell."""
