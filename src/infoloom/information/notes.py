"""What a user of a story's data must know besides its numbers."""

from __future__ import annotations

from collections.abc import Mapping

from infoloom.law.equations import Law

__all__ = ["story_notes"]


def story_notes(
    law: Law, do: Mapping[str, object], lost: Mapping[str, Mapping[str, float]] | None = None
) -> tuple[str, ...]:
    """Sentences on what is not Gaussian, what is held, and what a flow would lose, for cards and tables.

    Args:
        law: The joint law.
        do: What an intervention holds.
        lost: For modalities whose latents may have less than the usual norm, the flows that lose such, and how far
            these come back.
    """
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
    notes += [
        f"`{name}`: the flow `{flow}` brings latents of less than the usual norm back only to {worst:.1g}, and those "
        "of this story may be smaller. `generate` refuses it. Leave `whitening` out, choose another flow, or force it "
        "(`--force-uncertified`) and read the information as an upper bound."
        for name, flows in (lost or {}).items()
        for flow, worst in flows.items()
    ]
    return tuple(notes)
