"""Objectives by kind, one a file; each file offers its `Settings` and `learner(shapes, settings)`."""
