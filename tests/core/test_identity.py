"""Text identity: one text has one form, and different things never share a hash."""

import unicodedata
from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tm_core.identity import context_hash, digest, document_key, fingerprint, normalise, text_hash, unit_key

# Whatever Python can hold, lone surrogates included, with what is likely to go wrong drawn often.
TEXT = st.text(
    st.characters() | st.sampled_from("e\u0301\u0327\x00\x85\x0c\u200b\ufeff\ud800\udc00 \u2126\uac00\u11a8")
)


def letters(text: str) -> list[str]:
    """The letters, accents and digits, each fully decomposed: NFC changes how they are written, not what they are."""
    return [char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char)[0] in "LMN"]


@given(TEXT)
@example("e\x00\u0301")  # a control between a letter and its accent
@example(" \u200b\u0301")
@example("\x00 a \x00 b \x00")
def test_normalise_is_idempotent_and_nfc(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(TEXT)
@example("a\udc80b\udfff")  # what surrogateescape leaves of a wrong byte
def test_normalise_leaves_no_control_no_surrogate_and_single_spaces(text: str) -> None:
    cleaned = normalise(text)
    assert not [char for char in cleaned if unicodedata.category(char) in ("Cc", "Cs")]
    assert cleaned == " ".join(cleaned.split())
    cleaned.encode("utf-8")


@given(TEXT)
def test_normalise_changes_no_letter(text: str) -> None:
    # Canonical order may move an accent once a control beside it is gone; none is lost and none is added.
    assert sorted(letters(normalise(text))) == sorted(letters(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cafe\u0301", "café"),
        ("a\x0cb", "a b"),  # a form feed parts pages
        ("a\x85b", "a b"),  # NEL parts lines
        ("a\tb\r\n c", "a b c"),
        ("\ufeffa\u00a0b\u3000c ", "a b c"),
        ("a\x00b\x07c\x9fd\ud800e\uffff", "abcde"),
        ("co\u00adop", "co\u00adop"),  # a soft hyphen is the writer's
        ("ﬁ ² Ⅳ ｱ", "ﬁ ² Ⅳ ｱ"),  # compatibility forms stay: NFC, not NFKC
        ("ß SS İ i", "ß SS İ i"),
        (" \u200b ", ""),
    ],
)
def test_normalise_by_example(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(st.lists(TEXT, max_size=4), st.lists(TEXT, max_size=4))
@example(["ab", "c"], ["a", "bc"])
@example(["a", ""], ["a"])
@example([""], [])
def test_digest_tells_lists_of_parts_apart(left: list[str], right: list[str]) -> None:
    assert (digest(*left) == digest(*right)) == (left == right)


def test_digest_is_a_fixed_value() -> None:
    # Hashes are kept for years. From coreutils: printf '\0\0\0\0\0\0\0\1a' | sha256sum
    assert digest("a") == "3b196fd4907bedf51c3090e9835f2f7cb61e7ee1b2299ea3b8fed9b4183a822a"


def test_text_hash_ignores_what_normalise_ignores_and_nothing_else() -> None:
    assert text_hash(" cafe\u0301\n") == text_hash("café")
    assert len({text_hash(text) for text in ("Café", "café", "cafe", "café.", "café 1", "")}) == 6


def test_context_key_wins_over_neighbours() -> None:
    assert context_hash("a", "b", "menu.save") == context_hash("x", "", "menu.save") != context_hash("a", "b")
    assert context_hash("", "") == ""
    assert context_hash("a\u0301", "") == context_hash("á ", "")
    several = [context_hash("a", "b"), context_hash("b", "a"), context_hash("a", ""), context_hash("", "a")]
    several += [context_hash("", "", "a"), context_hash("", "", "b"), ""]
    assert len(set(several)) == len(several)


UNIT = {
    "store": "demo", "src_lang": "en", "tgt_lang": "de", "src_text": "Save", "tgt_text": "Speichern", "context": "k",
}  # fmt: skip


@pytest.mark.parametrize("part", UNIT)
def test_unit_key_depends_on_every_part(part: str) -> None:
    assert unit_key(**UNIT) != unit_key(**UNIT | {part: "other"})


def test_unit_key_is_of_normalised_texts_in_their_order() -> None:
    assert unit_key(**UNIT) == unit_key(**UNIT | {"src_text": "Save\n", "tgt_text": " Speichern"})
    orders = {unit_key(*order, "de", "Save", "Speichern", "k") for order in permutations(("demo", "en"))}
    assert len(orders) == 2


def test_document_key_depends_on_every_part_and_not_on_the_name_s_form() -> None:
    parts = ("demo", "caf\u00e9", "en", "de")
    assert document_key(*parts) == document_key("demo", "cafe\u0301", "en", "de")
    changed = {document_key(*(*parts[:at], "x", *parts[at + 1 :])) for at in range(4)}
    assert len(changed | {document_key(*parts)}) == 5


@given(st.lists(TEXT, max_size=6), st.randoms(use_true_random=False))
def test_fingerprint_ignores_order_alone(parts: list[str], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = parts.copy()
    random.shuffle(shuffled)
    assert fingerprint(shuffled) == fingerprint(parts)
    assert fingerprint([*parts, "more"]) != fingerprint(parts)
    assert fingerprint(parts) != digest(*parts)
