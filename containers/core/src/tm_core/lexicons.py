"""Where lexicons lie, and when a newly learned one takes the place of the one before."""

from dataclasses import dataclass

from tm_core.batches import work_path

#: Lexicons kept for a language pair, the promoted one included: enough to go back a month of weekly ones.
KEPT = 5


def lexicon_path(src_lang: str, tgt_lang: str, sha256: str) -> str:
    """Where a lexicon lies in storage: named by its hash, so that a plan's pin can never read another one."""
    return f"lexicons/{src_lang}-{tgt_lang}/{sha256}.lex"


def refresh_folder(run: str, src_lang: str, tgt_lang: str) -> str:
    """Where one pair's candidate is made: ``units.parquet``, ``gold/``, ``candidate.lex``, ``result.json``."""
    return work_path(run, f"{src_lang}-{tgt_lang}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A decision on a candidate and its reason in words."""

    promoted: bool
    reason: str


def decide(*, f1: float | None, f1_before: float | None, same: bool) -> Promotion:
    """Promote a candidate that aligns the gold documents no worse than what is used now.

    Args:
        f1: strict F1 on gold with the candidate; None if there is no gold for the pair.
        f1_before: with the promoted lexicon, or with none if none is promoted.
        same: the candidate is the promoted lexicon, to the byte.
    """
    if same:
        return Promotion(promoted=True, reason="the same as the one in use")
    if f1 is None or f1_before is None:
        return Promotion(promoted=False, reason="no gold documents for this pair: nothing shows that it is no worse")
    if f1 < f1_before:
        return Promotion(promoted=False, reason=f"strict F1 on gold {f1:.4f} < {f1_before:.4f} as it is now")
    return Promotion(promoted=True, reason=f"strict F1 on gold {f1:.4f} >= {f1_before:.4f} as it was")
