"""The observation map that a modality names: flow expressions, captions, renderers, files."""
