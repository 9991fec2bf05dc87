"""``align``: tier 1, tier 2, or tier 2 only where tier 1 is not sure."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial

from tm_align.beads import Alignment, Fact
from tm_align.embedding import align_embedding, is_of_words
from tm_align.encode import Encoder, load_encoder
from tm_align.lattice import SearchSettings
from tm_align.lexical import align_lexical
from tm_align.lexicon import Lexicon
from tm_core.errors import AlignmentInputError
from tm_core.routing import default_threshold, route


class Tier(StrEnum):
    """Which aligner is asked for."""

    LEXICAL = "lexical"
    EMBEDDING = "embedding"
    AUTO = "auto"


MAX_MERGE = 8

_NO_HINT = (
    "hint: expected the lexicon encoder, found vectors of a model. Where tier 1 is wrong, the words that it teaches "
    "are wrong too, and the beads get worse. Leave the hint (--hint) out: tier 2 learns its words from the vectors' "
    "own first path. Nothing has been aligned."
)


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
    threshold: float | None = None,
    hint: bool = False,
) -> Alignment:
    """Align two texts, segment by segment.

    Args:
        src: source segments, in order. Blank ones are allowed.
        tgt: target segments, in order.
        src_lang: language code of the source; with ``tgt_lang`` it must fit the lexicon.
        tgt_lang: language code of the target.
        tier: ``lexical`` (words and lengths), ``embedding`` (vectors), or ``auto``: lexical, and embedding for a
            document that the lexical tier aligned with a confidence below ``threshold``; lexical again if embedding
            turns out less sure.
        lexicon: word translations known beforehand, in either direction; for both tiers.
        encoder: gives tier 2 its vectors (``tm_align.encode``); None hashes words and their translations, which are
            learned from tier 1's beads.
        src_paragraphs: each source segment's paragraph number, a soft hint; used when both sides have one.
        tgt_paragraphs: each target segment's paragraph number.
        max_merge: most segments in a bead of tier 2, both sides together, at least 2.
        threshold: confidence in [0, 1] below which ``auto`` goes on to tier 2. None: what ``default_threshold`` says.
        hint: learn tier 2's words from tier 1's beads. Without a model's vectors they always are.

    Returns:
        Beads in order that use every segment once, each with a confidence; ``tier`` says who made them, and ``details``
        with what, and of ``auto`` why (``route``).

    Raises:
        AlignmentInputError: the lexicon is of other languages, vectors are missing or not finite, or ``hint`` is asked
            for with vectors of a model.
        DeviceUnavailable: the encoder's model or device is not there.

    Cost: linear in segments in time and memory, besides encoding.

    Example::

        found = tm_align.align(["Guten Tag.", "Wie geht es?"], ["Bonjour !", "Ça va ?"], src_lang="de", tgt_lang="fr")
        for bead in found.beads:
            print(bead.src, bead.tgt, bead.score)
    """
    wanted = Tier(tier)
    _check(src, tgt, src_paragraphs, tgt_paragraphs, max_merge)
    encoder = encoder or load_encoder("lexicon", src_lang=src_lang, tgt_lang=tgt_lang, lexicon=lexicon)
    has_model = not is_of_words(encoder)
    if hint and has_model:
        raise AlignmentInputError(_NO_HINT)

    by_words = partial(
        align_lexical,
        src,
        tgt,
        src_lang=src_lang,
        tgt_lang=tgt_lang,
        lexicon=lexicon,
        src_paragraphs=src_paragraphs,
        tgt_paragraphs=tgt_paragraphs,
    )
    by_vectors = partial(
        align_embedding,
        src,
        tgt,
        encoder=encoder,
        src_paragraphs=src_paragraphs,
        tgt_paragraphs=tgt_paragraphs,
        lexicon=lexicon.turned(src_lang, tgt_lang) if lexicon else None,
        settings=SearchSettings(max_merge=max_merge),
    )
    if wanted is Tier.LEXICAL:
        return by_words()
    if wanted is Tier.EMBEDDING:
        # Where tier 1 is wrong, the words that it teaches are wrong too: a model's vectors know better.
        return by_vectors() if has_model else by_vectors(hint=by_words())

    lexical = by_words()
    limit = default_threshold(has_model=has_model) if threshold is None else threshold
    decision = route(lexical.confidence, limit, has_model=has_model)
    if decision.tier.value == Tier.LEXICAL:
        return _routed(lexical, decision.reason)
    found = by_vectors(hint=None if has_model else lexical)
    if found.confidence < lexical.confidence:
        return _routed(lexical, f"{decision.reason}, but tier 2 is less sure: {found.confidence:.2f}")
    return _routed(found, decision.reason, lexical_confidence=round(lexical.confidence, 4))


def _routed(alignment: Alignment, reason: str, **more: Fact) -> Alignment:
    return replace(alignment, details=dict(alignment.details) | {"route": reason} | more)


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
