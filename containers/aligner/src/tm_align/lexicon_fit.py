"""Whether a lexicon fits two texts: how many of its word pairs meet in them, and how many the other way round."""

from collections.abc import Iterable, Sequence
from typing import Final

from tm_align.lexicon import Lexicon
from tm_align.tokens import tokenize
from tm_core.errors import AlignmentInputError

WRONG_WAY: Final = 10
"""Times as many pairs must meet the other way round for the lexicon to be of the other direction: single ones do by
chance. Not calibrated."""


def check_direction(lexicon: Lexicon, name: str, src: Sequence[str], tgt: Sequence[str]) -> str:
    """Count the pairs that meet both texts.

    Args:
        lexicon: word pairs, said to be from the source's language to the target's.
        name: what an error calls it.
        src: source segments.
        tgt: target segments.

    Returns:
        A warning if no pair meets the texts; "" if some do, or if a text has no words.

    Raises:
        AlignmentInputError: it is of the other direction.

    Cost: linear in pairs and words.
    """
    src_words, tgt_words = _words(src), _words(tgt)
    if not (src_words and tgt_words and lexicon.weights):
        return ""
    right = {(x, y) for x, y in lexicon.weights if x in src_words and y in tgt_words}
    wrong = {(x, y) for x, y in lexicon.weights if x in tgt_words and y in src_words}
    # Names and numbers meet either way and tell nothing.
    if len(wrong - right) > WRONG_WAY * len(right - wrong):
        raise AlignmentInputError(
            f"lexicon {name}: expected word pairs from {lexicon.src_lang} to {lexicon.tgt_lang}, found that "
            f"{len(right):,} of its {len(lexicon):,} pairs meet both texts, and {len(wrong):,} the other way round. "
            f"Most likely it is from {lexicon.tgt_lang} to {lexicon.src_lang}, or the texts are in the wrong order. "
            "Turn a dictionary with 'tm-align lexicon import --reverse', import a lexicon again with its languages "
            "swapped. Nothing has been aligned."
        )
    if not right:
        return (
            f"lexicon {name}: 0 of its {len(lexicon):,} word pairs meet both texts, in either direction. Most likely "
            "it is of other languages or of another subject. The texts are aligned as without it."
        )
    return ""


def _words(segments: Iterable[str]) -> set[str]:
    return {word for segment in segments for word in tokenize(segment)}
