"""What a person is shown: text stays text, in Markdown and in the picture, and nothing runs out of it."""

import unicodedata
from xml.etree import ElementTree

import pytest

from tm_store.gate_docs import WIDTH_PX, Example, examples_file, render_examples, wrap
from tm_store.gate_suite import SliceKey

KEY = SliceKey(store="manuals", src_lang="en", tgt_lang="zh-Hant")
WORST, UNLIKE, REFUSED = (
    "would be loaded, lowest confidence",
    "would be loaded, lengths least alike",
    "refused by a rule",
)
SVG = "{http://www.w3.org/2000/svg}"


def example(src: str, tgt: str = "Ein Satz.", kind: str = WORST) -> Example:
    return Example(kind=kind, score=0.5, src_text=src, tgt_text=tgt)


def lines(*examples: Example) -> list[str]:
    root = ElementTree.fromstring(render_examples(KEY, examples))
    assert root.get("width") == str(WIDTH_PX)
    places = [int(one.get("y", "0")) for one in root.iter(f"{SVG}text")]
    assert max(places) < int(root.get("height", "0"))
    assert places == sorted(set(places))
    return [one.text or "" for one in root.iter(f"{SVG}text")]


def test_the_worst_stand_there_once_and_what_was_refused_does_not() -> None:
    beads = [example(f"Sentence {number}.") for number in range(5)]
    shown = lines(
        *beads, example("Sentence 0.", kind=UNLIKE), example("Short.", kind=UNLIKE), example("No.", kind=REFUSED)
    )
    assert shown == [
        *(line for number in range(3) for line in ("lowest confidence: 0.50", f"Sentence {number}.", "Ein Satz.")),
        *("lengths least alike: 0.50", "Short.", "Ein Satz."),
    ]
    assert lines(example("No.", kind=REFUSED)) == ["nothing of it would be loaded"]
    assert examples_file(KEY) == "manuals.en-zh-Hant.svg"


@pytest.mark.parametrize(
    "text",
    [
        "one two three " * 30,
        "一二三四五六七" * 30,
        "x" * 300,
        "שלום עולם " * 30,
        "",
        "a\x00b\x1bc\u2028d",
        "line\nbreak",
    ],
    ids=["words", "ideographs", "no space", "right to left", "empty", "control", "breaks"],
)
def test_a_text_fits_its_lines(text: str) -> None:
    found = wrap(text)
    assert len(found) <= 4
    for line in found:
        cells = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line.removesuffix(" …"))
        assert cells <= 53
        assert line.isprintable()
    if len(text) <= 10:
        assert "".join(found).replace(" ", "") == "".join(c for c in text if c.isprintable()).replace(" ", "")
    lines(example(text))  # well-formed, whatever the text


def test_text_is_text() -> None:
    attack = "</text><script>alert('x')</script>&amp;"
    assert attack in "".join(lines(example(attack)))
