"""Segmentation, language identification and sentence alignment in two tiers.

``align`` aligns two lists of segments; ``learn_lexicon`` learns word translations from aligned ones. Both are imported
when they are first used: numba costs a second that ``tm-align --help`` need not pay.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tm_align.auto import Tier, align
    from tm_align.beads import Alignment, Bead
    from tm_align.learning import learn_lexicon
    from tm_align.lexicon import Lexicon

_HOME = {
    "align": "auto",
    "Tier": "auto",
    "Alignment": "beads",
    "Bead": "beads",
    "Lexicon": "lexicon",
    "learn_lexicon": "learning",
}

__all__ = ["Alignment", "Bead", "Lexicon", "Tier", "align", "learn_lexicon"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'tm_align' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"tm_align.{_HOME[name]}"), name)
