"""Reading real data to train flows on: files, classes, held-out rows, scale."""
