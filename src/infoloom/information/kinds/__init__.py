"""Categorical causes as variables: what they choose, and stories that are Gaussian once they are known."""
