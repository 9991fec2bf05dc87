"""From a document's paragraphs to segments: sentences, each with its place, its original and its language.

blingfire proposes the sentence ends; tm_align.sentence_ends mends what it was measured to get wrong
(docs/decisions/0011). No character is lost: a paragraph's raw segments, joined, are the paragraph up to white
space. Whoever changes where the same text is cut raises ``SEGMENTER`` in tm_core.versions.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import blingfire
import numpy as np

from tm_align.langid import UNDETERMINED, Identified, LanguageIdentifier
from tm_align.sentence_ends import mend
from tm_core.documents import Document
from tm_core.identity import normalise

# One for one, so that positions stay: white space of any kind, controls and half surrogates.
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\u2060\ufeff\ud800-\udfff]")
_SPACE = ord(" ")
_LINE_END = re.compile(r"\n")
_ITEM = re.compile(r"[ \t]*(?:[-*•–—]|\(?\d{1,3}[.)]|[a-z]\))[ \t]")


@dataclass(frozen=True, slots=True)
class Segment:
    """One sentence. Built by the hundred thousand, hence positional."""

    text: str
    """Normalised (``tm_core.identity.normalise``), never empty."""
    raw: str
    """As it stands in the paragraph, outer white space aside."""
    paragraph: int
    """Number of its paragraph in the document, from 0."""
    position: int
    """Number of the segment in the document, from 0."""
    lang_detected: str
    """Language code, or "und"."""
    lang_probability: float
    """Of ``lang_detected``; 0 for "und"."""


def segment(
    document: Document,
    lang: str,
    *,
    identifier: LanguageIdentifier | None = None,
    candidates: tuple[str, ...] | None = None,
) -> tuple[Segment, ...]:
    """Cut a document into segments.

    Args:
        lang: the document's language as deposited; decides the splitting rules that differ by language.
        identifier: identifies each segment's language; without one it is "und" throughout.
        candidates: the languages it chooses among; all if None.

    Cost: O(characters), also for text without any sentence end.
    """
    pieces = [
        (number, raw, text)
        for number, paragraph in enumerate(document.paragraphs)
        for raw in sentences(paragraph, lang)
        if (text := normalise(raw))
    ]
    if identifier is None:
        found = [Identified(lang=UNDETERMINED, probability=0.0)] * len(pieces)
    else:
        found = identifier.identify_all((text for _, _, text in pieces), candidates)
    return tuple(
        Segment(text, raw, number, position, lang_found.lang, lang_found.probability)
        for position, ((number, raw, text), lang_found) in enumerate(zip(pieces, found, strict=True))
    )


def sentences(paragraph: str, lang: str) -> Iterator[str]:
    """The sentences of one paragraph as they stand there, outer white space aside, none of them blank."""
    start = 0
    for end in [*_ends(paragraph, lang), len(paragraph)]:
        if sentence := paragraph[start:end].strip():
            yield sentence
        start = end


def _ends(paragraph: str, lang: str) -> list[int]:
    """Where sentences end, as character positions in rising order."""
    clean = _BLANK.sub(" ", paragraph)
    ends = mend(clean, _proposed(clean), lang)
    return sorted({*ends, *_item_ends(paragraph)}) if "\n" in paragraph else ends


def _proposed(clean: str) -> list[int]:
    """blingfire's ends. It changes white space and nothing else: counting solid characters finds them again."""
    found = [line for line in blingfire.text_to_sentences(clean).split("\n") if line]
    if len(found) < 2:
        return []
    solid = np.flatnonzero(np.frombuffer(clean.encode("utf-32-le"), dtype=np.uint32) != _SPACE)
    counts = np.cumsum([len(sentence) - sentence.count(" ") for sentence in found])
    if counts[-1] != len(solid):
        return []  # it dropped something after all: the ends would be elsewhere
    ends: list[int] = (solid[counts[:-1] - 1] + 1).tolist()
    return ends


def _item_ends(paragraph: str) -> Iterator[int]:
    """Line ends before a list's items, if the paragraph is a list or a line ends with a colon.

    Elsewhere a line that begins with a dash or a number is most likely wrapped prose.
    """
    in_list = bool(_ITEM.match(paragraph))
    for found in _LINE_END.finditer(paragraph):
        in_list = in_list or paragraph[found.start() - 1 : found.start()] == ":"
        if in_list and _ITEM.match(paragraph, found.end()):
            yield found.start()
