"""Learning a lexicon beforehand: from documents, or from units that are aligned already."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from tm_align import em
from tm_align.evidence import alike_words
from tm_align.lexical import align_lexical
from tm_align.lexicon import WEIGHT_DIGITS, Lexicon
from tm_align.tokens import read_side

MIN_WEIGHT = 0.02
"""A pair below this is left out of the file: with less it never decides a bead."""


def learn_lexicon(
    pairs: Iterable[tuple[str, str] | tuple[Sequence[str], Sequence[str]]],
    *,
    src_lang: str,
    tgt_lang: str,
    lexicon: Lexicon | None = None,
) -> Lexicon:
    """Learn which words translate each other.

    Args:
        pairs: aligned units as two texts each, or documents as two lists of segments each, which are aligned first.
        src_lang: language code of the source.
        tgt_lang: language code of the target.
        lexicon: what is known already; it guides the alignment and is no part of the result.

    Returns:
        Word pairs weighted by the mean of both directions' probabilities. The same pairs in the same order give the
        same bytes; another order may differ in the last digit.

    Cost: linear in words, time and memory.
    """
    units = [unit for pair in pairs for unit in _units(pair, src_lang, tgt_lang, lexicon)]
    src, tgt = read_side([src for src, _ in units]), read_side([tgt for _, tgt in units])
    edges = em.runs(np.arange(len(units)), np.ones(len(units), dtype=np.int64))
    nothing = np.zeros(0, dtype=np.int32)
    given = em.make_table(len(src.words), nothing, nothing, np.zeros(0))
    forward, backward = em.learn_both(src, tgt, edges, edges, given)
    weights: defaultdict[tuple[int, int], float] = defaultdict(float)
    for table in (forward, em.transposed(backward, len(src.words))):
        for *pair, value in zip(
            em.row_numbers(table).tolist(), table.words.tolist(), table.values.tolist(), strict=True
        ):
            weights[pair[0], pair[1]] += value / 2
    return Lexicon(
        src_lang=src_lang,
        tgt_lang=tgt_lang,
        weights={
            (src.words[row], tgt.words[col]): round(weight, WEIGHT_DIGITS)
            for (row, col), weight in weights.items()
            if weight >= MIN_WEIGHT
        },
    )


def _units(
    pair: tuple[str, str] | tuple[Sequence[str], Sequence[str]], src_lang: str, tgt_lang: str, lexicon: Lexicon | None
) -> Iterable[tuple[str, str]]:
    src, tgt = pair
    if isinstance(src, str) and isinstance(tgt, str):
        yield src, tgt
        return
    for bead in align_lexical(src, tgt, src_lang=src_lang, tgt_lang=tgt_lang, lexicon=lexicon).beads:
        if not bead.is_null:
            yield " ".join(src[slice(*bead.src)]), " ".join(tgt[slice(*bead.tgt)])


def learned_from_pair(src: Sequence[str], tgt: Sequence[str], *, src_lang: str, tgt_lang: str) -> Lexicon:
    """What one document pair teaches about itself, shared words, numbers, marks and beginnings included.

    Such a lexicon is for that pair only: it holds words that merely look alike.
    """
    learned = learn_lexicon([(src, tgt)], src_lang=src_lang, tgt_lang=tgt_lang)
    alike = {pair: round(weight, WEIGHT_DIGITS) for pair, weight in alike_words(read_side(src), read_side(tgt))}
    return Lexicon(src_lang=src_lang, tgt_lang=tgt_lang, weights=alike | dict(learned.weights))
