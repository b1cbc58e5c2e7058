"""What a user of a story's data must know besides its numbers."""

from __future__ import annotations

from collections.abc import Mapping

from infoloom.law.equations import Law

__all__ = ["story_notes"]


def story_notes(law: Law, do: Mapping[str, object]) -> tuple[str, ...]:
    """Sentences on what is not Gaussian and what is held, for cards and tables."""
    notes = []
    special = [f"`{label}` ({d.name})" for label, d in law.features.distributions.items() if not d.normal]
    functions = [f"`{feature}`" for feature in law.features.features if not feature.linear]
    if special or functions:
        what = "; ".join(filter(None, [", ".join(special[:10]), ", ".join(functions[:10])]))
        notes.append(
            f"Not Gaussian: {what}. Information values are found by quadrature or by Monte Carlo, as they are marked. "
            "Whitening gives the latents unit covariance, but they are not Gaussian, so flows see inputs that they "
            "were not trained on and observations may look less real; their information stays."
        )
    if law.scale is not None:
        notes.append(
            f"All sources of a row share one Student scale with {law.scale:g} degrees of freedom: values are exact, "
            "the length of a latent tells about all others, and latents are not Gaussian, so flows see inputs that "
            "they were not trained on."
        )
    if do:
        held = ", ".join(
            f"`{name}` = {value if isinstance(value, float | int) else 'given'}" for name, value in do.items()
        )
        notes.append(
            f"Under an intervention that holds {held}; bijections are those of the story without it."
        )
    return tuple(notes)
