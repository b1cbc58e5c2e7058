"""Networks as stored graphs of checked operators: traced, written, read, computed."""
