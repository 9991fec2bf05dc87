"""Which tier a document pair's beads are taken from, and why: a recorded decision, never an accident."""

from dataclasses import dataclass

from tm_core.rules import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A decision and its reason in words."""

    tier: Tier
    reason: str


def route(confidence: float, threshold: float) -> Route:
    """Send a document to tier 2 if tier 1's confidence in it is under the threshold.

    Args:
        confidence: of tier 1 in the whole document, from 0 to 1.
        threshold: ``TM_TIER_THRESHOLD``, from 0 to 1.
    """
    if not 0 <= confidence <= 1:
        raise ValueError(f"a document's confidence is {confidence}, expected 0 to 1")
    if confidence < threshold:
        return Route(tier=Tier.EMBEDDING, reason=f"tier 1 confidence {confidence:.2f} < {threshold:.2f}")
    return Route(tier=Tier.LEXICAL, reason=f"tier 1 confidence {confidence:.2f} >= {threshold:.2f}")
