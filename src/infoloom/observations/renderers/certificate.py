"""What is known of a renderer as computed: that its factors can be read from what it makes.

Injective on paper is not enough: two factors may trade places, a shape may look the same when it is turned, and float32
keeps seven digits. So a renderer is looked at on sampled rows:

- the smallest singular value of its Jacobian: the combination of factors that the observation shows least;
- a left inverse that starts from afar: every row's latent is found again, in float64 and from float32;
- a search for collisions: observations that are equal though their factors are far from each other, among random
  pairs, and by fitting observations from starts far away.

It is evidence, not a proof: whatever lies between the sampled rows is not seen.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from infoloom.errors import FlowError
from infoloom.observations.renderers.left_inverse import fit, jacobians, least_squares, residuals

if TYPE_CHECKING:
    from infoloom.observations.renderers.base import Renderer

__all__ = ["certificate_of", "certify_renderer", "digest_of", "kept_or_made"]

ROWS: Final = 1000
_VERSION: Final = 1  # of this file: one more whenever what it computes changes
WEAKEST: Final = (
    1e-3  # of the size of an observation: what the weakest combination of factors must move it by
)
TRIP: Final = {"float64": 1e-8, "float32": 1e-3}
APART: Final = 0.1  # of a range: pairs that are farther from each other than this must look different
EQUAL: Final = 1e-6  # of the size of an observation
_ROWS: Final = 32
_PAIRS: Final = 128
_SHIPPED: Final = "certificates.json"
_SCALE: Final = math.sqrt(12.0)  # a share is uniform, with standard deviation 1 / √12


def certificate_of(renderer: Renderer) -> Mapping[str, Any]:
    """The certificate of a renderer, made once: kept with the package or in the user's cache, else made now.

    It is known by the renderer with its arguments and by the code that renders and certifies, so that none outlives
    what it is about. The cache is `$XDG_CACHE_HOME/infoloom/renderers`, or `~/.cache/infoloom/renderers`.
    """
    return kept_or_made(digest_of(renderer), lambda: certify_renderer(renderer))


def kept_or_made(digest: str, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """What is known under a digest: kept in this process, with the package or in the user's cache, else made now."""
    kept = _MADE.get(digest) or _shipped().get(digest) or _read(digest)
    if kept is None:
        kept = make()
        _write(digest, kept)
    _MADE[digest] = kept
    return kept


_MADE: dict[str, Mapping[str, Any]] = {}


def certify_renderer(renderer: Renderer, rows: int = ROWS, *, seed: int = 0) -> dict[str, Any]:
    """Look at a renderer on sampled rows.

    Args:
        renderer: Any renderer.
        rows: How many latents z ~ N(0, I) are drawn.
        seed: Seed of the latents.

    Returns:
        JSON-able: `passes`, the `reason` if not, and the numbers behind it. Singular values are those of the Jacobian
        by factors in units of their standard deviations over their ranges, relative to the size of an observation
        (root mean square distance from the mean).

    Raises:
        FlowError: Observations or derivatives that are not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn((rows, renderer.dim), generator=generator, dtype=torch.float64)
    with torch.no_grad():
        x = renderer.forward(z)
        if not bool(torch.isfinite(x).all()):
            raise FlowError(f"renderer `{renderer.setup}`: expected finite observations. Narrow its ranges.")
        size = max(float((x - x.mean(dim=0)).flatten(1).square().sum(dim=1).mean().sqrt()), 1e-300)
        singular, eight = _derivatives(renderer, z, x, size)
        trips = {
            "float64": _trip(z, renderer.inverse(x)),
            "float32": _trip(z[: rows // 4], renderer.inverse(x[: rows // 4].float().double())),
        }
        pair = _closest_pair(renderer, torch.special.ndtr(z), x, size)
    found: dict[str, Any] = {
        "kind": "injection",
        "flow": str(renderer.setup),
        "rows": rows,
        "singular_values": [float(singular[:, -1].min()), float(singular[:, 0].max())],
        "weakest": dict(zip(("1 %", "median"), _quantiles(singular[:, -1]), strict=True)),
        "round_trip": trips,
        "closest_pair": pair,
        "eight_bits": eight,
    }
    reason = _reason(found)
    return {**found, "passes": not reason, **({"reason": reason} if reason else {})}


def _derivatives(renderer: Renderer, z: Tensor, x: Tensor, size: float) -> tuple[Tensor, dict[str, float]]:
    """Singular values of every row, and what rounding to 8 bits does to every factor (median error of its latent)."""
    low, high = renderer.levels
    singular, errors = [], []
    for part in torch.split(torch.arange(len(z)), _ROWS):
        shares = torch.special.ndtr(z[part])
        jacobian = jacobians(renderer.of_shares, shares)
        if not bool(jacobian.isfinite().all()):
            raise FlowError(
                f"renderer `{renderer.setup}`: expected finite derivatives by its factors. Change its formula there."
            )
        singular.append(torch.linalg.svdvals(jacobian / (_SCALE * size)))
        seen = low + torch.round((x[part].clamp(low, high) - low) * (255.0 / (high - low))) * (
            (high - low) / 255.0
        )
        density = torch.exp(-0.5 * z[part] ** 2) / math.sqrt(2.0 * math.pi)
        errors.append(least_squares(jacobian, (seen - x[part]).flatten(1)) / density)
    medians = torch.cat(errors).abs().median(dim=0).values.tolist()
    return torch.cat(singular), dict(zip(renderer.form.names, map(float, medians), strict=True))


def _trip(z: Tensor, back: Tensor) -> dict[str, Any]:
    errors = (back - z).norm(dim=1) / z.norm(dim=1)
    errors = torch.where(errors.isfinite(), errors, torch.inf)
    summary = {"rows": len(z), "median": float(errors.median()), "worst": float(errors.max())}
    return {"worst": summary["worst"], "sampled": summary}


def _closest_pair(renderer: Renderer, shares: Tensor, x: Tensor, size: float) -> dict[str, float | None]:
    """How close observations come whose factors are farther apart than a tenth of their range.

    Random pairs of the rows first. Then the pairs that are closest for their distance are fitted: one of them stays,
    the other one moves towards the first one's observation from where it is, and where it comes to rest is a pair too.
    """
    apart = torch.cdist(shares, shares, p=torch.inf)
    near = torch.cdist(x.flatten(1), x.flatten(1)) / size
    far = apart > APART
    random = near.masked_fill(~far, torch.inf)
    order = (random / apart.clamp(min=1e-9)).flatten().argsort()[: 2 * _PAIRS : 2]
    first, second = order // len(shares), order % len(shares)
    rested = fit(renderer.of_shares, shares[second], x[first])
    off = residuals(renderer.of_shares, rested, x[first]) * math.sqrt(x[0].numel()) / size
    moved = (rested - shares[first]).abs().max(dim=1).values > APART
    fitted = torch.where(moved & off.isfinite(), off, torch.inf)  # a fit that is no number hides no other
    return {
        "pairs": len(shares) * (len(shares) - 1) // 2,
        "random": float(random.min()),
        "fitted": len(order),
        "fitted_closest": float(fitted.min()) if bool(moved.any()) else None,
    }


def _quantiles(values: Tensor) -> list[float]:
    return [float(values.quantile(share)) for share in (0.01, 0.5)]


def _reason(found: Mapping[str, Any]) -> str:
    """What of the certificate fails, in words; empty if nothing does."""
    reasons = []
    if not found["weakest"]["1 %"] >= WEAKEST:
        reasons.append(
            f"a combination of factors moves the observation by {found['weakest']['1 %']:.1e} of its size in the "
            f"weakest hundredth of rows, less than {WEAKEST:g}"
        )
    for precision, limit in TRIP.items():
        worst = found["round_trip"][precision]["worst"]
        if not worst <= limit:
            reasons.append(f"round trip in {precision} to {worst:.1e}, not {limit:g}")
    closest = [found["closest_pair"]["random"], found["closest_pair"]["fitted_closest"]]
    if min(one for one in closest if one is not None) < EQUAL:
        reasons.append(
            "observations that are equal though their factors differ by more than a tenth of their range"
        )
    return "; ".join(reasons)


def digest_of(renderer: Renderer) -> str:
    """SHA-256 of what a certificate is about: the renderer with its ranges and the code behind it."""
    ranges = {name: list(map(repr, ends)) for name, ends in renderer.setup.ranges.items()}
    told = [str(renderer.setup), json.dumps(ranges), str(list(renderer.levels)), _code(type(renderer))]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


@functools.lru_cache(maxsize=64)
def _code(kind: type[Renderer]) -> str:
    """SHA-256 of the source of a renderer, of its base and of the left inverse, and of what is asked of them."""
    import inspect

    from infoloom.observations.renderers import base, left_inverse

    modules = [inspect.getmodule(one) or one for one in (kind, base, left_inverse)]
    sources = [_without_imports(inspect.getsource(one)) for one in modules]
    asked = repr((_VERSION, ROWS, WEAKEST, TRIP, APART, EQUAL, _PAIRS))
    return hashlib.sha256("\n".join([*sources, asked]).encode()).hexdigest()


def _without_imports(source: str) -> str:
    """A module's source without its import statements: a module that is moved computes what it computed before."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (
                (node.end_lineno or node.lineno) - node.lineno + 1
            )
    return "\n".join(line for line in lines if line.strip())


@functools.lru_cache(maxsize=1)
def _shipped() -> dict[str, Mapping[str, Any]]:
    """Certificates that come with the package, by digest."""
    path = resources.files(__package__).joinpath(_SHIPPED)
    tree: dict[str, Mapping[str, Any]] = (
        json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    )
    return tree


def _place(digest: str) -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "infoloom" / "renderers" / f"{digest}.json"


def _read(digest: str) -> Mapping[str, Any] | None:
    try:
        tree = json.loads(_place(digest).read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):
        return None
    return tree if isinstance(tree, dict) and isinstance(tree.get("passes"), bool) else None


def _write(digest: str, certificate: Mapping[str, Any]) -> None:
    """Keep a certificate; without a place to keep it, it is made again next time."""
    try:
        place = _place(digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(certificate), encoding="utf-8")
        part.replace(place)
    except (OSError, RuntimeError):
        return
