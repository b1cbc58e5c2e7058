"""What is still true of an information value when an observation's map is not certified to be invertible."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal

__all__ = ["Standing", "standing", "uncertified"]

Standing = Literal["exact", "at most", "of the latents"]
_FALLING: Final = ("I", "TC")


def uncertified(bijections: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Modalities whose bijection has no certificate that passes, with the reason.

    Args:
        bijections: Of a manifest: flow and certificate by modality.
    """
    certificates = {name: one.get("certificate", {}) for name, one in bijections.items()}
    return {name: _reason(one) for name, one in certificates.items() if not one.get("passes", False)}


def standing(query: str, modalities: Collection[str]) -> Standing:
    """What a value of the latents is for the observations, where some modalities are not certified.

    Maps of parts on their own can only lower mutual information and total correlation of the parts (data processing),
    whatever else is given. Co-information, dual total correlation and O-information may move either way,
    and so may values given a modality that is not certified.

    Args:
        query: Such as `I(radio; xray | theta)`.
        modalities: Those that are not certified.

    Example:
        >>> standing("I(a; b | t)", ["a"]), standing("I(a; b; t)", ["a"]), standing("I(b; t)", ["a"])
        ('at most', 'of the latents', 'exact')
    """
    from infoloom.information.notation import parse_query  # with it comes scipy, which opening does without

    asked = parse_query(query)
    if not set(modalities) & {*asked.given, *(name for part in asked.parts for name in part)}:
        return "exact"
    falls = asked.measure in _FALLING and (asked.measure == "TC" or len(asked.parts) == 2)
    return "at most" if falls and not set(modalities) & set(asked.given) else "of the latents"


def _reason(certificate: Mapping[str, Any]) -> str:
    parts = [one for one in certificate.get("parts", ()) if not one.get("passes", False)]
    reasons = [str(one.get("reason", "its certificate fails")) for one in parts or [certificate]]
    return "; ".join(dict.fromkeys(reasons))
