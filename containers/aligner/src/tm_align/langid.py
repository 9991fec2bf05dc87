"""Which language a text is in, as evidence: of a document, and of each of its segments.

py3langid's bundled model, chosen by measurement (docs/decisions/0012). Among a few candidates its probabilities
are close to the truth (of those from .9 on, 99.8 % were right; from .5 to .6, 62 %); among all languages they are
too low for short texts. Whoever changes the model or the rules below raises ``LANGUAGE_ID`` in tm_core.versions.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tm_core.languages import primary

#: No language can be told: ISO 639-2's code for "undetermined".
UNDETERMINED = "und"
#: Letters below which nothing is said; a Chinese, Japanese or Korean sign counts as two. Not calibrated yet.
MIN_LETTERS = 4
#: Characters of a text that are looked at; more change no verdict and cost time. Source: decision 0012.
MAX_CHARS = 2_000
#: Paragraphs of a document that are looked at, evenly spread over it: enough for its main language.
MAX_PARAGRAPHS = 100
# Addresses, file names, options and placeholders are in no language, and look like English.
_NO_LANGUAGE = re.compile(
    r"\S*(?:://|@)\S*|</?\d+/?>|\{\{?[^{}]*\}?\}|(?<!\w)[-/.]{1,2}[A-Za-z0-9][\w./-]*|[A-Za-z0-9]+(?:[./_][A-Za-z0-9]+)+"
)
_MAYBE_NO_LANGUAGE = re.compile(r"[/@{<_]|[.-][A-Za-z0-9]")
_WIDE = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Our tags -> the model's labels, where they differ.
_LABELS = {"nb": "no", "nn": "no", "fil": "tl", "in": "id", "iw": "he"}
# Labels of the model that are one language here: written alike, or one for tm_core.languages.same_language.
_FOLDED = {"wuu": "zh", "yue": "zh", "nn": "no"}
_NO_CONTENT = "zxx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """A language code (two or three letters, no region) or "und", and its probability."""

    lang: str
    probability: float


_UNKNOWN = Identified(lang=UNDETERMINED, probability=0.0)


class LanguageIdentifier:
    """Identifies languages. Made once per process: the model takes 0.2 s and 20 MB; safe to share between threads."""

    def __init__(self) -> None:
        self._model = _model()

    def identify(self, text: str, candidates: Iterable[str] | None = None) -> Identified:
        """Identify the language of one text.

        Args:
            candidates: language tags to choose among, e.g. the pair's two and English; all languages if None.
                Probabilities are then shares among these alone. Languages that the model does not know are
                passed over; if it knows none of them, the answer is "und".

        Returns:
            "und" with probability 0 if there are too few letters to tell.

        Cost: O(length, up to MAX_CHARS); about 15,000 sentences/s on one core.
        """
        shares = self._shares(text, candidates)
        if not shares:
            return _UNKNOWN
        lang = max(shares, key=lambda lang: shares[lang])
        return Identified(lang=lang, probability=shares[lang])

    def identify_all(self, texts: Iterable[str], candidates: Iterable[str] | None = None) -> list[Identified]:
        """``identify`` for each text."""
        chosen = None if candidates is None else tuple(candidates)
        return [self.identify(text, chosen) for text in texts]

    def identify_document(self, paragraphs: Sequence[str], candidates: Iterable[str] | None = None) -> Identified:
        """The language that most of a document's letters are in; its probability is that share of the letters."""
        totals: dict[str, float] = {}
        letters = 0
        chosen = None if candidates is None else tuple(candidates)
        for paragraph in paragraphs[:: max(1, len(paragraphs) // MAX_PARAGRAPHS)]:
            weight = _letters(paragraph[:MAX_CHARS])
            shares = self._shares(paragraph, chosen)
            if shares:
                letters += weight
                for lang, share in shares.items():
                    totals[lang] = totals.get(lang, 0.0) + weight * share
        if not letters:
            return _UNKNOWN
        lang = max(totals, key=lambda lang: totals[lang])
        return Identified(lang=lang, probability=totals[lang] / letters)

    def _shares(self, text: str, candidates: Iterable[str] | None) -> Mapping[str, float]:
        text = text[:MAX_CHARS]
        if _MAYBE_NO_LANGUAGE.search(text):
            text = _NO_LANGUAGE.sub(" ", text)
        if _letters(text) < MIN_LETTERS:
            return {}
        ranked: dict[str, float] = dict(self._model.rank(text))
        del ranked[_NO_CONTENT]
        for label, into in _FOLDED.items():
            ranked[into] += ranked.pop(label)
        if candidates is None:
            return ranked
        labels = {_LABELS.get(primary(tag), primary(tag)) for tag in candidates} & ranked.keys()
        total = sum(ranked[label] for label in labels)
        return {label: ranked[label] / total for label in sorted(labels)} if total else {}


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text)) + len(_WIDE.findall(text))


@cache
def _model() -> Any:
    from py3langid.langid import MODEL_FILE
    from py3langid.langid import LanguageIdentifier as Model

    return Model.from_model_file(MODEL_FILE, norm_probs=True)
