"""Tables, figures and pages about stories and results."""

from infoloom.report.figures import draw_templates

__all__ = ["draw_templates"]
