"""From real data to a trained flow."""
