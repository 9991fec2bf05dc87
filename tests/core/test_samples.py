"""The sample documents: are they what their README says, and does their gold hold?

Every check is a function over a folder, so that the last tests can plant a fault in a copy and see it found.
"""

import ast
import re
import shutil
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from lxml import html

SAMPLES = Path(__file__).parents[2] / "include" / "samples"
LANGS = ("en", "de", "fr", "es", "zh")
PAIRS = ("en-de", "en-fr", "en-es", "en-zh", "de-fr")
FIRST, SECOND, THIRD = "2026-01-05", "2026-01-06", "2026-01-07"
MAIN = ("weather-station", "cargo-bikes", "seven-minutes")
# label of the gold -> the deposit it was written for
GOLD = {
    **{name: (FIRST, name) for name in MAIN},
    f"weather-station@{SECOND}": (SECOND, "weather-station"),
    "lighthouse-audio": (THIRD, "lighthouse-audio"),
}
BLOCKS = "//main//*[self::h1 or self::h2 or self::p or self::li]"
SENTENCE_END = re.compile(r"[.!?。！？][”“»\"]?$")


def fold(text: str) -> str:
    return " ".join(text.split())


def deposit(samples: Path, date: str, name: str, lang: str) -> Path:
    (found,) = (samples / date).glob(f"{name}.{lang}.*")
    return found


def paragraphs(path: Path) -> list[str]:
    """The document's paragraphs, white space folded; of a page, the blocks of <main>."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        return [fold(block.text_content()) for block in html.document_fromstring(text).xpath(BLOCKS)]
    return [fold(paragraph) for paragraph in text.split("\n\n")]


def sent_paragraphs(samples: Path, label: str, lang: str) -> list[list[str]]:
    text = (samples / "gold" / f"{label}.{lang}.sent").read_text(encoding="utf-8")
    return [paragraph.strip("\n").split("\n") for paragraph in text.split("\n\n")]


def sentences(samples: Path, label: str, lang: str) -> list[str]:
    return [sentence for paragraph in sent_paragraphs(samples, label, lang) for sentence in paragraph]


def beads(samples: Path, label: str, pair: str) -> list[tuple[list[int], list[int]]]:
    lines = (samples / "gold" / f"{label}.{pair}.beads").read_text(encoding="utf-8").splitlines()
    return [tuple(map(ast.literal_eval, line.split(":"))) for line in lines]


def check_coverage(samples: Path, label: str, pair: str) -> None:
    """Each sentence of both sides in exactly one bead, in order, and no bead of nothing."""
    gold = beads(samples, label, pair)
    for side, lang in enumerate(pair.split("-")):
        covered = [index for bead in gold for index in bead[side]]
        assert covered == list(range(len(sentences(samples, label, lang)))), f"{label} {pair}, side {lang}"
    assert ([], []) not in gold, f"{label} {pair}: a bead without a sentence"


def check_text(samples: Path, label: str, lang: str) -> None:
    """The .sent file, joined, is the deposited document, paragraph by paragraph."""
    joiner = "" if lang == "zh" else " "
    gold = [fold(joiner.join(paragraph)) for paragraph in sent_paragraphs(samples, label, lang)]
    assert gold == paragraphs(deposit(samples, *GOLD[label], lang))


def check_clean(path: Path) -> None:
    text = path.read_bytes().decode("utf-8")
    assert "\ufffd" not in text, f"{path.name}: a replacement character"
    assert unicodedata.is_normalized("NFC", text), f"{path.name}: not NFC"
    assert "\r" not in text, f"{path.name}: a carriage return"


def bead_kinds(samples: Path, pair: str) -> Counter[str]:
    return Counter(f"{len(src)}-{len(tgt)}" for label in GOLD for src, tgt in beads(samples, label, pair))


# --- the samples as they are


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", MAIN)
def test_three_documents_of_sixty_sentences(name: str, lang: str) -> None:
    full = [s for s in sentences(SAMPLES, name, lang) if SENTENCE_END.search(s)]
    assert len(full) >= 60, "headings and list items not counted"


def test_the_new_document_has_twenty_five_sentences() -> None:
    assert all(len(sentences(SAMPLES, "lighthouse-audio", lang)) >= 25 for lang in LANGS)


def test_no_gold_is_left_out() -> None:
    expected = {f"{label}.{lang}.sent" for label in GOLD for lang in LANGS}
    expected |= {f"{label}.{pair}.beads" for label in GOLD for pair in PAIRS}
    assert {path.name for path in (SAMPLES / "gold").iterdir()} == expected


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("label", GOLD)
def test_gold_covers_each_sentence_once_and_in_order(label: str, pair: str) -> None:
    check_coverage(SAMPLES, label, pair)


@pytest.mark.parametrize("pair", PAIRS)
def test_every_pair_has_beads_of_every_kind(pair: str) -> None:
    kinds = bead_kinds(SAMPLES, pair)
    assert {"1-1", "1-2", "2-1", "2-2", "1-0", "0-1"} <= set(kinds)
    assert kinds["1-1"] / kinds.total() < 0.9, "too literal to be a test"


def test_no_two_pairs_share_their_beads() -> None:
    for label in GOLD:
        assert len({str(beads(SAMPLES, label, pair)) for pair in PAIRS}) == len(PAIRS)


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("label", GOLD)
def test_gold_sentences_are_the_deposited_text(label: str, lang: str) -> None:
    check_text(SAMPLES, label, lang)


def test_files_are_clean() -> None:
    files = [path for path in SAMPLES.rglob("*") if path.is_file()]
    assert len(files) >= 75
    for path in files:
        check_clean(path)


def test_the_page_has_boilerplate_round_its_text() -> None:
    for lang in LANGS:
        page = html.document_fromstring(deposit(SAMPLES, FIRST, "cargo-bikes", lang).read_text(encoding="utf-8"))
        assert all(page.xpath(f"//{tag}") for tag in ("title", "nav", "script", "style", "aside", "footer"))
        assert not page.xpath("//main//script | //main//nav | //main//footer")


# --- the dirt


def test_half_of_the_german_page_is_english() -> None:
    english, german = (paragraphs(deposit(SAMPLES, FIRST, "reading-room-rules", lang)) for lang in ("en", "de"))
    same = [block in english for block in german]
    assert len(english) == len(german)
    assert 0.4 <= sum(map(len, (b for b in german if b in english))) / sum(map(len, german)) <= 0.7
    assert same == sorted(same), "the English half comes last"


def test_the_french_text_stops_in_the_middle_of_a_sentence() -> None:
    english, french = (paragraphs(deposit(SAMPLES, FIRST, "seed-exchange", lang)) for lang in ("en", "fr"))
    assert not SENTENCE_END.search(french[-1])
    # French runs some 15 % longer than English: a full translation would be well above 1.
    assert 0.55 <= sum(map(len, french)) / sum(map(len, english[:-1])) <= 0.75


def test_the_duplicate_is_the_same_text_under_another_name() -> None:
    for lang in ("en", "de"):
        copy = deposit(SAMPLES, FIRST, "weather-station-final", lang)
        assert copy.read_bytes() == deposit(SAMPLES, FIRST, "weather-station", lang).read_bytes()


def test_the_orphan_has_no_counterpart() -> None:
    assert [path.name for path in SAMPLES.glob("*/winter-closure.*")] == ["winter-closure.en.txt"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_imprint_ends_several_documents(lang: str) -> None:
    imprint = paragraphs(deposit(SAMPLES, FIRST, "weather-station", lang))[-1]
    assert paragraphs(deposit(SAMPLES, THIRD, "lighthouse-audio", lang))[-1] == imprint
    page = html.document_fromstring(deposit(SAMPLES, FIRST, "cargo-bikes", lang).read_text(encoding="utf-8"))
    lines = [fold(line.text_content()) for line in page.xpath("//footer//p")]
    assert ("" if lang == "zh" else " ").join(lines) == imprint


@pytest.mark.parametrize(("lang", "at_least"), [("en", 4), ("de", 3), ("fr", 1), ("es", 1), ("zh", 1)])
def test_the_second_version_is_a_correction(lang: str, at_least: int) -> None:
    old = sentences(SAMPLES, "weather-station", lang)
    new = sentences(SAMPLES, f"weather-station@{SECOND}", lang)
    assert len(set(old) - set(new)) == at_least, "sentences corrected"
    old_paragraphs, new_paragraphs = (
        paragraphs(deposit(SAMPLES, date, "weather-station", lang)) for date in (FIRST, SECOND)
    )
    assert len(new_paragraphs) == len(old_paragraphs) + 1


# --- the checks themselves: a planted fault is found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(SAMPLES, tmp_path / "samples")


def plant(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, "the fault was not planted"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[8]:[8]\n", ""),  # a sentence lost
        ("[8]:[8]\n", "[8]:[8]\n[8]:[]\n"),  # one twice
        ("[8]:[8]\n", "[8]:[8]\n[]:[]\n"),  # a bead of nothing
        ("[0]:[0]\n[1]:[1]\n", "[1]:[1]\n[0]:[0]\n"),  # out of order
    ],
)
def test_a_wrong_bead_is_found(copy: Path, old: str, new: str) -> None:
    plant(copy / "gold" / "weather-station.en-de.beads", old, new)
    with pytest.raises(AssertionError):
        check_coverage(copy, "weather-station", "en-de")


@pytest.mark.parametrize(
    ("label", "lang", "old", "new"),
    [
        ("cargo-bikes", "fr", "Douze vélos", "Treize vélos"),
        ("seven-minutes", "zh", "\n\n", "\n"),  # a paragraph border lost
    ],
)
def test_a_changed_sentence_is_found(copy: Path, label: str, lang: str, old: str, new: str) -> None:
    plant(copy / "gold" / f"{label}.{lang}.sent", old, new)
    with pytest.raises(AssertionError):
        check_text(copy, label, lang)


def test_a_wrong_split_is_found(copy: Path) -> None:
    plant(copy / "gold" / "seven-minutes.es.sent", "toda su vida.\n", "toda su vida. ")
    check_text(copy, "seven-minutes", "es")  # the text is the same: the beads find it
    with pytest.raises(AssertionError):
        check_coverage(copy, "seven-minutes", "en-es")


@pytest.mark.parametrize("fault", ["a\ufffdb\n", "cafe\u0301\n", "a\r\n"])
def test_an_unclean_file_is_found(tmp_path: Path, fault: str) -> None:
    (tmp_path / "fault.txt").write_bytes(fault.encode())
    with pytest.raises(AssertionError):
        check_clean(tmp_path / "fault.txt")
