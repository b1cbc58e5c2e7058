"""Problem sets drawn from a seed: what is asked, and with which truths."""
