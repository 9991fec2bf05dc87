"""Text of people in Markdown, read back by a CommonMark parser with GitHub's tables: text, and nothing else."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tm_core.markdown import fenced, quoted

PARSER = MarkdownIt("gfm-like", {"linkify": False})
#: What dresses a question up, and texts of any kind made of it.
ATTACKS = [
    "# Approved by the director",
    "![x](https://example.org/x.png)",
    "[click](https://example.org)",
    "https://example.org www.example.org a@example.org",
    "```\nthe preview\n```\n# Erase 1 unit",
    "``` ~~~ `` ` ````",
    "<img src=x onerror=alert(1)>\n<h1>x</h1>",
    "one\n\n---\n\ntwo\n===\n> three\n- four\n1. five\n    six",
    "&lt;b&gt; &#35; \\` \\",
    "\u202edesrever\u202c \u2028 \u2029 \x00 \x1b[31m \u200b \ud800",
    "| a | b |\n|---|---|",
    "`",
    "``",
    " ` ",
    "",
    " \n\t ",
]
CHARS = st.sampled_from("`~#*_[]()<>!|\\&:./@ \n\r\t-=+0aé\u200b\u202e\u2028\x0b\x85\ud800")
TEXTS = st.text(CHARS) | st.text() | st.lists(st.sampled_from(ATTACKS)).map(" ".join)


def tokens(text: str) -> list[Token]:
    return [inner for token in PARSER.parse(text) for inner in (token.children or [token])]


def test_the_parser_finds_what_is_not_quoted() -> None:
    found = {token.type for attack in ATTACKS for token in tokens(attack)}
    assert {"heading_open", "image", "link_open", "fence", "html_block", "table_open", "hr", "list_item_open"} <= found


@given(TEXTS)
@example("".join(ATTACKS))
def test_quoted_text_is_one_code_span(text: str) -> None:
    found = tokens(f"Asked for because: {quoted(text)}\n\nThe end.")
    kinds = [token.type for token in found]
    span = ["code_inline"] if quoted(text) != "(empty)" else []
    assert kinds == ["paragraph_open", "text", *span, "paragraph_close", "paragraph_open", "text", "paragraph_close"]
    if span:
        shown = found[2].content
        assert shown == quoted(text).strip("`")[1:-1]
        assert len(shown.splitlines()) == 1
        shown.encode()


@given(TEXTS)
@example("".join(ATTACKS))
def test_fenced_text_is_one_block(text: str) -> None:
    found = tokens(f"Before.\n\n{fenced(text)}\n\nThe end.")
    assert [token.type for token in found][3:4] == ["fence"]
    assert len(found) == 7
    assert found[3].content.splitlines() == fenced(text).splitlines()[1:-1]
    found[3].content.encode()


@pytest.mark.parametrize(
    "text", ["the customer asked for it", "Müller & Söhne: §17", "他要求删除", "نامه\u200cها", "👩\u200d💻"]
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert quoted(text) == f"` {text} `"
    assert fenced(f"{text}\n  {text}") == f"```\n{text}\n  {text}\n```"


def test_what_no_one_can_see_is_marked() -> None:
    assert quoted("a\u202eb\u200b\ud800c\nd\te") == "` a\ufffdb\ufffd\ufffdc d e `"
