"""How real the samples of a flow look, in numbers and in pictures."""
