"""What the best possible learner reaches."""
