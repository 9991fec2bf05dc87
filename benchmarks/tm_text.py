"""A made translation memory: text of manuals, UI strings and articles from a seed, as repetitive as real ones.

A fifth of the segments come again word for word in another place, a third are earlier segments with a word, a number or
the case changed, a fifth fill the slots of a few hundred templates, the others are free sentences and labels. Words are
drawn by Zipf's law. Two calls with one seed make the same units.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

STORES = ("manuals", "console", "support", "legal", "games")
PAIRS = (("en", "de"), ("en", "fr"), ("en", "es"), ("en", "it"))
STORE_SHARES = (40, 25, 15, 12, 8)
PAIR_SHARES = (50, 25, 15, 10)

_FUNCTION = (
    "the of to a and in is for you that this with be on are not or can from as it by an will when your if must at "
    "which only before after all has have may use using set then into more each other does these one any also no "
    "between during without until about them they its their there here while up out over under same"
).split()
_TECHNICAL = (
    "file click select option button window server page user data value name system list table menu field text "
    "folder document error message update install device network account password database connection setting "
    "default version type command line key number time order report project package module service client request "
    "response screen image format change create delete remove open close save copy move start stop enable disable "
    "check enter press display show hide add edit view run load print search find replace import export valve pump "
    "engine pressure temperature cable voltage battery sensor filter screw cover panel switch motor oil water fuel "
    "safety warning caution contract party agreement payment notice liability clause term customer product price "
    "delivery invoice level player quest weapon map score reward character item inventory skill world battle"
).split()
_ONSETS = "b c c ch d d f g h l l m m n p p pr r r s s s st t t t tr v w".split()
_NUCLEI = "a a a ai e e e e ea i i i io o o ou u".split()
_CODAS = " b ct d l m n n nd ng nt r r rt s st t".split(" ")
_ENDINGS = "    s ed ing er al ity ment tion able ly".split(" ")


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUnit:
    """One unit before it has hashes: ``document`` is a number, ``previous`` and ``following`` are the neighbours."""

    document: int
    store: str
    src_lang: str
    tgt_lang: str
    src_text: str
    tgt_text: str
    previous: str
    following: str


class Writer:
    """Makes segments of one store's subject."""

    def __init__(self, seed: str, words: int = 8_000) -> None:
        self.random = random.Random(seed)
        technical = self.random.sample(_TECHNICAL, len(_TECHNICAL))
        self.words = list(dict.fromkeys([*_FUNCTION[:30], *_mixed(self.random, technical), *self._made(words)]))
        self._cumulative = list(accumulate(1 / (rank + 2.7) for rank in range(len(self.words))))
        self.templates = [self._template() for _ in range(400)]
        self.recent: list[str] = []

    def _made(self, count: int) -> list[str]:
        pick = self.random.choice
        made = []
        for _ in range(count):
            stem = "".join(
                pick(_ONSETS) + pick(_NUCLEI) + pick(_CODAS) for _ in range(self.random.choice((1, 1, 2, 2)))
            )
            made.append(stem + pick(_ENDINGS))
        return made

    def draw(self, count: int) -> list[str]:
        """Words by their frequency."""
        return self.random.choices(self.words, cum_weights=self._cumulative, k=count)

    def segment(self) -> str:
        """One segment."""
        kind = self.random.random()
        if kind < 0.2 and self.recent:
            return self.random.choice(self.recent)
        if kind < 0.52 and self.recent:
            text = self.varied(self.random.choice(self.recent), self.random.choice((1, 1, 1, 2, 3)))
        elif kind < 0.72:
            text = self._filled(self.random.choice(self.templates))
        elif kind < 0.87:
            text = self.label()
        else:
            text = self.sentence()
        if len(self.recent) < 20_000:
            self.recent.append(text)
        else:
            self.recent[self.random.randrange(20_000)] = text
        return text

    def sentence(self, words: int | None = None) -> str:
        """A free sentence; lengths are log-normal, median 13 words."""
        count = words or min(90, max(3, round(self.random.lognormvariate(2.6, 0.6))))
        drawn = self.draw(count)
        if count > 12:
            drawn[count // 2] += ","
        if self.random.random() < 0.2:
            drawn[self.random.randrange(count)] = str(self.random.choice((2, 5, 10, 16, 24, 100, 2019, 3.5)))
        return " ".join(drawn).capitalize() + self.random.choice((".", ".", ".", ".", "?", ":", ""))

    def label(self) -> str:
        """A button or heading: one to four words."""
        return " ".join(self.draw(self.random.choice((1, 1, 2, 2, 3, 4)))).capitalize()

    def _template(self) -> str:
        words = self.draw(self.random.choice((5, 7, 9, 12, 16, 22)))
        for _ in range(self.random.choice((1, 2, 2, 3))):
            words[self.random.randrange(1, len(words))] = self.random.choice(("{}", "{}", "<1>{}</1>", "#"))
        return " ".join(words).capitalize() + "."

    def _filled(self, template: str) -> str:
        parts = template.replace("#", str(self.random.randrange(1, 400))).split("{}")
        slots = [" ".join(self.draw(self.random.choice((1, 1, 2)))).capitalize() for _ in parts[1:]] + [""]
        return "".join(part + slot for part, slot in zip(parts, slots, strict=True))

    def varied(self, text: str, changes: int) -> str:
        """The text with some words exchanged, dropped or added."""
        words = text.split(" ")
        for _ in range(changes):
            place = self.random.randrange(len(words))
            change = self.random.random()
            if change < 0.6 or len(words) < 3:
                words[place] = self.draw(1)[0]
            elif change < 0.8:
                words.insert(place, self.draw(1)[0])
            else:
                del words[place]
        return " ".join(words)

    def misspelt(self, text: str, share: float) -> str:
        """The text with a share of its characters exchanged, dropped or doubled."""
        letters = list(text)
        for _ in range(max(1, round(len(text) * share))):
            place = self.random.randrange(len(letters))
            letters[place] = self.random.choice(("", "e", "t", "x", letters[place] * 2))
        return "".join(letters)


def _mixed(rng: random.Random, technical: Sequence[str]) -> list[str]:
    """The subject's words among the rest of the function words."""
    words = [*technical, *_FUNCTION[30:]]
    rng.shuffle(words)
    return words


def translated(text: str, lang: str) -> str:
    """A stand-in for a translation: other letters, numbers and tags kept, another length."""
    table = _TABLES[lang]
    return " ".join(word if word[:1] in "<0123456789" else word.translate(table) + lang[1:] for word in text.split(" "))


_LETTERS = {"de": "eiaouckllmzt", "fr": "ieaouqclnmts", "es": "oeaiucklmsnt", "it": "aioeuchlnmst"}
_TABLES = {lang: str.maketrans("aeioucklmnst", letters) for lang, letters in _LETTERS.items()}


def units(count: int, *, seed: int = 1, stores: int = 5, pairs: int = 4) -> Iterator[MadeUnit]:
    """``count`` units, document after document of 40 segments."""
    rng = random.Random(seed)
    writers = {(store, pair): Writer(f"{seed} {store} {pair}") for store in STORES[:stores] for pair in PAIRS[:pairs]}
    made = document = 0
    while made < count:
        store = rng.choices(STORES[:stores], STORE_SHARES[:stores])[0]
        pair = rng.choices(PAIRS[:pairs], PAIR_SHARES[:pairs])[0]
        writer = writers[store, pair]
        texts = ["", *(writer.segment() for _ in range(min(40, count - made))), ""]
        for before, text, after in zip(texts, texts[1:], texts[2:], strict=False):
            yield MadeUnit(
                document=document,
                store=store,
                src_lang=pair[0],
                tgt_lang=pair[1],
                src_text=text,
                tgt_text=translated(text, pair[1]),
                previous=before,
                following=after,
            )
        made += len(texts) - 2
        document += 1
