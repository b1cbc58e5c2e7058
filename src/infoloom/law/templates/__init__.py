"""Templates: how a cause is spread over the components of a modality's latent."""

from infoloom.law.templates.make import TEMPLATES, Template, make_template, make_templates

__all__ = ["TEMPLATES", "Template", "make_template", "make_templates"]
