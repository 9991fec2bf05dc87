"""Dictionaries, by files made here in FreeDict's form."""

import gzip
from pathlib import Path

import pytest

from tm_core.errors import AlignmentInputError
from tm_formats.dictionaries import read_dictionary

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
ENTRIES = {
    "00databaseinfo": "About\nthis dictionary\n",
    "bank": "Bank /baŋk/ <n, fem>\n1. banc, banque\nSitzgelegenheit\n 2.\nnoch etwas\n2. banque\nGeldinstitut\n",
    "birne": "Birne <n>\npoire [bot.], ampoule (électrique) 2.\nFrucht\n",
    "höflichkeit": "Höflichkeit\npolitesse\n",
}


def number(value: int) -> str:
    digits = ALPHABET[value % 64]
    while value := value // 64:
        digits = ALPHABET[value % 64] + digits
    return digits


def write_dictd(folder: Path, *, packed: bool) -> Path:
    text, index = b"x" * 5000, ""
    for word, entry in ENTRIES.items():
        encoded = entry.encode()
        index += f"{word}\t{number(len(text))}\t{number(len(encoded))}\n"
        text += encoded
    index += index.splitlines(keepends=True)[1]  # the same entry under a second headword
    (folder / "a.index").write_text(index, encoding="utf-8")
    (folder / ("a.dict.dz" if packed else "a.dict")).write_bytes(gzip.compress(text) if packed else text)
    return folder / "a.index"


@pytest.mark.parametrize("packed", [True, False])
def test_dictd_gives_translations_and_no_glosses(tmp_path: Path, packed):
    index = write_dictd(tmp_path, packed=packed)
    expected = [
        ("Bank", "banc"),
        ("Bank", "banque"),
        ("Bank", "banque"),
        ("Birne", "poire"),
        ("Birne", "ampoule"),
        ("Höflichkeit", "politesse"),
    ]
    assert list(read_dictionary(index)) == expected
    assert list(read_dictionary(tmp_path / ("a.dict.dz" if packed else "a.dict"))) == expected


def test_dictd_without_its_text_is_refused(tmp_path: Path):
    index = write_dictd(tmp_path, packed=True)
    (tmp_path / "a.dict.dz").unlink()
    with pytest.raises(AlignmentInputError, match=r"expected a\.dict\.dz or a\.dict beside it"):
        list(read_dictionary(index))


def test_truncated_text_is_refused(tmp_path: Path):
    index = write_dictd(tmp_path, packed=True)
    packed = tmp_path / "a.dict.dz"
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(AlignmentInputError, match="expected a whole gzip file"):
        list(read_dictionary(index))


@pytest.mark.parametrize("line", ["word", "word\t!!\tA", "word\t///\tA"])
def test_index_that_does_not_fit_is_refused_by_line(tmp_path: Path, line):
    index = write_dictd(tmp_path, packed=False)
    index.write_text(line + "\n")
    with pytest.raises(AlignmentInputError, match=r"a\.index:1: expected"):
        list(read_dictionary(index))


def test_tsv_and_unknown_names(tmp_path: Path):
    (tmp_path / "a.tsv").write_text("Hund\tchien\tx\n\nKatze\tchat\n")
    assert list(read_dictionary(tmp_path / "a.tsv")) == [("Hund", "chien"), ("Katze", "chat")]
    (tmp_path / "b.tsv").write_text("Hund chien\n")
    with pytest.raises(AlignmentInputError, match=r"b\.tsv:1: expected"):
        list(read_dictionary(tmp_path / "b.tsv"))
    with pytest.raises(AlignmentInputError, match="expected a dictionary named"):
        read_dictionary(tmp_path / "a.xml")
