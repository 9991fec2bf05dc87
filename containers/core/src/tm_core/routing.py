"""Which tier a document pair's beads are taken from, and why: a recorded decision, never an accident."""

from dataclasses import dataclass

from tm_core.rules import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A decision and its reason in words."""

    tier: Tier
    reason: str


THRESHOLD = 0.7
"""Tier 1's confidence below which vectors of a model align a document better."""


def default_threshold(*, has_model: bool) -> float:
    """Find the threshold that holds where none is set.

    Without a model's vectors tier 2 knows no more than tier 1 and gains nothing, whatever tier 1's confidence
    (docs/aligner.md): no document goes on.
    """
    return THRESHOLD if has_model else 0.0


def route(confidence: float, threshold: float, *, has_model: bool) -> Route:
    """Send a document to tier 2 if tier 1's confidence in it is under the threshold.

    Args:
        confidence: of tier 1 in the whole document, from 0 to 1.
        threshold: ``TM_TIER_THRESHOLD``, from 0 to 1.
        has_model: whether tier 2's vectors are those of a model; the reason says so where that decides.
    """
    if not 0 <= confidence <= 1:
        raise ValueError(f"a document's confidence is {confidence}, expected 0 to 1")
    if confidence < threshold:
        return Route(tier=Tier.EMBEDDING, reason=f"tier 1 confidence {confidence:.2f} < {threshold:.2f}")
    if threshold == default_threshold(has_model=False) and not has_model:
        reason = f"tier 1 confidence {confidence:.2f}; tier 2 has no vectors of a model and would gain nothing"
        return Route(tier=Tier.LEXICAL, reason=reason)
    return Route(tier=Tier.LEXICAL, reason=f"tier 1 confidence {confidence:.2f} >= {threshold:.2f}")
