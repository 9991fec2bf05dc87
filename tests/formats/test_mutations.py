"""Damaged files of every format: read, or refused by name with a reason; never anything else."""

import io
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.formats.mutations import GOOD, mutated
from tm_core.deposits import SUFFIXES, Kind
from tm_core.documents import BilingualUnit, Variant
from tm_core.errors import StorageError, UnreadableDocument
from tm_formats import bilingual, documents
from tm_formats.bilingual import read_locale, read_memory
from tm_formats.documents import read_document

#: `make soak-readers` raises the count and takes another seed.
COUNT, SEED = int(os.environ.get("TM_TEST_COUNT", "2000")), int(os.environ.get("TM_TEST_SEED", "12"))


def read(name: str, data: bytes) -> list[str]:
    """Everything a reader hands over as text. The suffix chooses the reader, as it does in a refresh."""
    kind = SUFFIXES[name.rpartition(".")[2]]
    if kind is Kind.DOCUMENT:
        return list(read_document(name, data).paragraphs)
    if kind is Kind.LOCALE:
        return [text for entry in read_locale(name, data).entries for text in (entry.key, entry.text)]
    units = list(read_memory(name, io.BytesIO(data), languages=("en", "de")))
    texts = [variant.text for unit in units for variant in unit.variants]
    return [*texts, *(text for unit in units for text in (unit.key, *unit.properties, *unit.properties.values()))]


def test_every_format_that_is_read_has_good_files() -> None:
    assert GOOD.keys() == SUFFIXES.keys()
    for suffix, files in GOOD.items():
        for data in files:
            assert read(f"a.en.{suffix}", data)


def test_damaged_files_are_read_or_refused_by_name() -> None:
    ends: Counter[tuple[str, str]] = Counter()
    for number, (suffix, data) in enumerate(mutated(SEED, COUNT)):
        name = f"m{number}.en.{suffix}"
        message, texts = refusal(name, data)
        if message:
            assert message.startswith(f"{name}: "), message
            assert "It was left out and nothing else is affected." in message
            # Every damage has words of its own: this would be a reader's bug, which the boundary reports.
            assert "cannot be read as" not in message, (message, data)
        # What is read can be written: Parquet takes no half characters.
        for text in texts:
            text.encode("utf-8")
        ends[suffix, "refused" if message else "read"] += 1
    assert sum(ends.values()) == COUNT
    assert {(suffix, end) for suffix in SUFFIXES for end in ("read", "refused")} == ends.keys()


def refusal(name: str, data: bytes) -> tuple[str, list[str]]:
    """What is said of a file that is refused, or the texts of one that is read; anything else passes."""
    try:
        return "", read(name, data)
    except UnreadableDocument as error:
        return str(error), []


# The boundary ----------------------------------------------------------------------------------------


class Bug(LookupError):
    pass


def fail(error: BaseException) -> object:
    def reader(*_: object) -> object:
        raise error

    return reader


READERS = [
    pytest.param(documents._READERS, "a.en.txt", lambda: read_document("a.en.txt", b"text"), id="document"),
    pytest.param(bilingual._LOCALES, "a.en.json", lambda: read_locale("a.en.json", b'{"a": "b"}'), id="locale"),
    pytest.param(bilingual._MEMORIES, "a.tmx", lambda: read_memory("a.tmx", b"<tmx/>"), id="memory"),
]


@pytest.mark.parametrize(("readers", "name", "call"), READERS)
@pytest.mark.parametrize("error", [Bug("no such\nthing"), ValueError("no such thing"), OSError(5, "no such thing")])
def test_a_bug_of_a_reader_is_the_state_of_a_file(monkeypatch, readers, name, call, error) -> None:
    suffix = name.rpartition(".")[2]
    monkeypatch.setitem(readers, suffix, fail(error))
    with pytest.raises(UnreadableDocument, match="no such thing") as caught:
        call()
    message = str(caught.value)
    for words in (f"{name}: it cannot be read as {suffix} (", type(error).__name__, "in test_mutations.py:", "damaged"):
        assert words in message
    assert caught.value.__cause__ is error
    assert "\n" not in message


@pytest.mark.parametrize(("readers", "name", "call"), READERS)
def test_nesting_is_named(monkeypatch, readers, name, call) -> None:
    monkeypatch.setitem(readers, name.rpartition(".")[2], fail(RecursionError("maximum recursion depth exceeded")))
    with pytest.raises(UnreadableDocument, match="nested too deep"):
        call()


@pytest.mark.parametrize(("readers", "name", "call"), READERS)
@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt(), StorageError("the bucket is gone")])
def test_what_is_not_the_files_fault_passes(monkeypatch, readers, name, call, error) -> None:
    monkeypatch.setitem(readers, name.rpartition(".")[2], fail(error))
    with pytest.raises(type(error)):
        call()


def test_a_lost_stream_is_not_the_files_fault(monkeypatch) -> None:
    class Lost(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise ConnectionResetError("the store went away")

    with pytest.raises(ConnectionResetError):
        read_memory("a.tmx", Lost())


def test_a_bug_between_two_units_says_where(monkeypatch) -> None:
    def units(*_: object) -> Iterator[BilingualUnit]:
        yield BilingualUnit(variants=(Variant(lang="en", text="a"),), line=1_234)
        raise Bug("no such thing")

    monkeypatch.setitem(bilingual._MEMORIES, "tmx", units)
    found = read_memory("a.tmx", b"")
    assert next(found).line == 1_234
    with pytest.raises(UnreadableDocument, match="as tmx after the unit at line 1,234 \\(Bug: no such thing"):
        next(found)
