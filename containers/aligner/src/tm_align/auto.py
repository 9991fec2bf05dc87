"""``align``: tier 1, tier 2, or tier 2 only where tier 1 is not sure."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from tm_align.beads import Alignment
from tm_align.embedding import align_embedding
from tm_align.encode import Encoder, load_encoder
from tm_align.lattice import SearchSettings
from tm_align.lexical import align_lexical
from tm_align.lexicon import Lexicon
from tm_core.errors import AlignmentInputError


class Tier(StrEnum):
    """Which aligner is asked for."""

    LEXICAL = "lexical"
    EMBEDDING = "embedding"
    AUTO = "auto"


THRESHOLD = 0.7
"""Confidence of tier 1 below which a document goes to tier 2."""

MAX_MERGE = 8


def align(
    src: Sequence[str],
    tgt: Sequence[str],
    *,
    src_lang: str,
    tgt_lang: str,
    tier: Tier | str = Tier.AUTO,
    lexicon: Lexicon | None = None,
    encoder: Encoder | None = None,
    src_paragraphs: Sequence[int] | None = None,
    tgt_paragraphs: Sequence[int] | None = None,
    max_merge: int = MAX_MERGE,
    threshold: float = THRESHOLD,
    hint: bool = False,
) -> Alignment:
    """Align two texts, segment by segment.

    Args:
        src: source segments, in order. Blank ones are allowed.
        tgt: target segments, in order.
        src_lang: language code of the source; with ``tgt_lang`` it must fit the lexicon.
        tgt_lang: language code of the target.
        tier: ``lexical`` (words and lengths), ``embedding`` (vectors), or ``auto``: lexical, and embedding for a
            document that the lexical tier aligned with a confidence below ``threshold``.
        lexicon: word translations known beforehand, in either direction; for both tiers.
        encoder: gives tier 2 its vectors (``tm_align.encode``); None hashes words and their translations. Where tier 1
            has aligned the pair anyway (``auto``, or no encoder), its beads are a hint to tier 2.
        src_paragraphs: each source segment's paragraph number, a soft hint; used when both sides have one.
        tgt_paragraphs: each target segment's paragraph number.
        max_merge: most segments in a bead of tier 2, both sides together, at least 2.
        threshold: confidence in [0, 1] below which ``auto`` goes on to tier 2.
        hint: let tier 1 align first under ``embedding`` too. A point of F1 on our gold, for tier 1's time.

    Returns:
        Beads in order that use every segment once, each with a confidence; ``tier`` says who made them, and ``details``
        with what.

    Raises:
        AlignmentInputError: the lexicon is of other languages, or vectors are missing or not finite.
        DeviceUnavailable: the encoder's model or device is not there.

    Cost: linear in segments in time and memory, besides encoding.

    Example::

        found = tm_align.align(["Guten Tag.", "Wie geht es?"], ["Bonjour !", "Ça va ?"], src_lang="de", tgt_lang="fr")
        for bead in found.beads:
            print(bead.src, bead.tgt, bead.score)
    """
    wanted = Tier(tier)
    _check(src, tgt, src_paragraphs, tgt_paragraphs, max_merge)
    lexical: Alignment | None = None
    if wanted is not Tier.EMBEDDING or encoder is None or hint:
        lexical = align_lexical(
            src,
            tgt,
            src_lang=src_lang,
            tgt_lang=tgt_lang,
            lexicon=lexicon,
            src_paragraphs=src_paragraphs,
            tgt_paragraphs=tgt_paragraphs,
        )
        if wanted is Tier.LEXICAL or (wanted is Tier.AUTO and lexical.confidence >= threshold):
            return lexical
    found = align_embedding(
        src,
        tgt,
        encoder=encoder or load_encoder("lexicon", src_lang=src_lang, tgt_lang=tgt_lang, lexicon=lexicon),
        src_paragraphs=src_paragraphs,
        tgt_paragraphs=tgt_paragraphs,
        hint=lexical,
        lexicon=lexicon.turned(src_lang, tgt_lang) if lexicon else None,
        settings=SearchSettings(max_merge=max_merge),
    )
    if lexical is None:
        return found
    return replace(found, details=dict(found.details) | {"lexical_confidence": round(lexical.confidence, 4)})


def _check(
    src: Sequence[str],
    tgt: Sequence[str],
    src_paragraphs: Sequence[int] | None,
    tgt_paragraphs: Sequence[int] | None,
    max_merge: int,
) -> None:
    if not 2 <= max_merge <= 16:
        raise AlignmentInputError(f"max_merge: expected 2 to 16 segments per bead, found {max_merge}.")
    for name, segments, paragraphs in (("src", src, src_paragraphs), ("tgt", tgt, tgt_paragraphs)):
        if paragraphs is not None and len(paragraphs) != len(segments):
            raise AlignmentInputError(
                f"{name}_paragraphs: expected one number per segment, so {len(segments):,}, found {len(paragraphs):,}."
            )
