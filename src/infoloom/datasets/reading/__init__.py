"""A dataset as its users open it: numpy arrays, torch, Hugging Face."""
