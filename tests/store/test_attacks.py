"""Hostile texts, names, codes and files through every way into the memory: refused or harmless, and quick."""

import contextlib
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.conftest import EN_DE, World
from tm_core.errors import ExchangeError, LookupRefused, TmError
from tm_formats.storage import Storage
from tm_store.cli import main
from tm_store.lookup import lookup, lookup_document
from tm_store.lookup_concordance import Side, concordance

pytestmark = pytest.mark.db

HOSTILE = [
    "'; drop table tm.unit cascade; --",
    "x') ; delete from tm.unit where ('1' = '1",
    "$$; drop schema tm cascade; $$",
    "%s %(store)s {0} {store_id} %%",
    "\\'; select pg_sleep(86400); --",
    "E'\\x27' \\. \\N",
    "nul\0byte",
    "\ud800 alone",
    "\udcff from a shell",
    "\u202eright to left\u202c\u2066",
    "../../../etc/passwd",
    "a\nb\tc\rd",
    "-" * 5000,
    "ü" * 3000,
    "",
]
UNPACKED = 200 << 20  # bytes that a small archive would become
LONG = "A sentence that never ends, "  # 28 characters


@pytest.fixture
def kept(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A memory with one unit, which is as it was whatever is tried; its settings are those of the commands."""
    for name in ("home", "database_url", "include", "storage"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(world.settings, name)))
    world.take(world.file("known.tmx", world.tmx(world.tu("One house", "Ein Haus"))))
    tables = "select count(*), sum(relnatts) from pg_class where relnamespace::regnamespace::text in ('tm', 'ops')"
    before, shape = world.everything(), world.rows(tables)
    yield world
    assert world.everything() == before
    assert world.rows(tables) == shape


# On the command line ------------------------------------------------------------------------------

#: With {} for what is hostile, and {file}, a good TMX, and {out}, a place for an export.
COMMANDS = [
    "lookup --store {} --src en --tgt de text",
    "lookup --store demo --src {} --tgt de text",
    "lookup --store demo --src en --tgt {} text",
    "lookup --store demo --src en --tgt de {}",
    "lookup --store demo --src en --tgt de text --prev {} --next {} --key {}",
    "lookup --store demo --src en --tgt de text --penalty {}",
    "concordance --store {} --src en --tgt de text",
    "concordance --store demo --src {} --tgt de text",
    "concordance --store demo --src en --tgt de {}",
    "concordance --store demo --src en --tgt de --side target {}",
    "export --store {} --src en --tgt de --format tsv -o {out}",
    "export --store demo --src {} --tgt de --format tmx -o {out}",
    "export --store demo --src en --tgt de --format moses --split {} -o {out}",
    "import --store {} {file}",
    "import --store demo --src {} --tgt de {file}",
    "import --store demo --src en --tgt {} {file}",
    "import --dry-run --store demo --name {} {file}",
    "deposit --store {} --date 2026-01-05 {folder}",
    "deposit --store demo --date 2026-01-05 --lang {} {folder}",
    "explain {}",
    "checksum --store {}",
    "lexicon use --pair {} --sha256 00",
    "lexicon use --pair en-de --sha256 {}",
    "refresh-step load --batch {}",
    "backup --verify {}",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_hostile_arguments_are_refused_or_mean_themselves(
    kept: World, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    places = {
        "{file}": str(kept.file("good.tmx", kept.tmx(kept.tu("Another house", "Ein anderes Haus")))),
        "{out}": str(kept.folder / "out"),
        "{folder}": str(kept.folder / "nothing"),
    }
    (kept.folder / "nothing").mkdir()
    for given in HOSTILE:
        # What is no byte of a command line comes as Python hands it on: half characters from 0xDC80 on.
        hostile = given.replace("\ud800", "\udc80")
        words = [places.get(word, hostile if word == "{}" else word) for word in command.split()]
        try:
            status = main(words)
        except SystemExit as end:  # argparse's own refusal: an option that begins with a dash
            status = int(end.code or 0)
        assert status in (0, 1, 2), words
        said = capfd.readouterr()
        assert "Traceback" not in said.out + said.err
        assert status == 0 or (said.err + said.out).strip(), f"refused without a word: {words}"


def test_a_planted_injection_would_be_seen(world: World) -> None:
    """The guard of `kept`: what an injected statement does changes what it compares."""
    world.take(world.file("known.tmx", world.tmx(world.tu("One house", "Ein Haus"))))
    before = world.everything()
    world.db.connection.execute("delete from tm.unit where ('1' = '1')")
    assert world.everything() != before


# In texts and names -------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", [text for text in HOSTILE if text.isprintable() and any(map(str.isalpha, text))])
def test_a_hostile_text_is_a_text(world: World, hostile: str) -> None:
    """Imported, looked up, found by its words, exported and imported again as it is."""
    from xml.sax.saxutils import escape

    text = hostile[:900]
    world.take(world.file("hostile.tmx", world.tmx(world.tu(escape(text), "Ziel " + escape(text)))))
    ((stored,),) = world.rows("select src_text from tm.unit")
    (found,) = lookup(world.db, store="demo", src="en", tgt="de", text=text)
    assert (found.score, found.src_text) == (100, stored)
    assert [one.src_text for one in concordance(world.db, store="demo", src="en", tgt="de", phrase=text[:200])] == [
        stored
    ]
    again = world.take(world.give("again.tmx"))
    assert (again.kinds.get("new", 0), again.kinds.get("unchanged")) == (0, 1)


def test_what_postgres_cannot_hold_does_not_stop_an_import(world: World) -> None:
    """NUL and lone surrogates, in a format that can carry them: named, or taken out; never half an import."""
    for number, text in enumerate(("a\\u0000b", "\\ud800 alone")):
        path = world.file(f"odd-{number}.csv", f'en,de\n"Good {number}","Gut {number}"\n"{text}","x"\n')
        world.take(path)
    raw = world.file("nul.tsv", b"en\tde\nBad\0text\tSchlecht\n")
    with pytest.raises(ExchangeError, match="NUL"):
        world.take(raw)
    surrogate = world.file("surrogate.tsv", b"en\tde\n\xed\xa0\x80 alone\tx\n")
    with contextlib.suppress(ExchangeError):
        world.take(surrogate)
    for (text,) in world.rows("select src_text from tm.unit"):
        text.encode("utf-8")


# Files --------------------------------------------------------------------------------------------

_LEVELS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
LAUGHS = f'<!DOCTYPE x [<!ENTITY l0 "ha">{_LEVELS}]>'
XLIFF = (
    '<xliff version="1.2"><file original="a" source-language="en" target-language="de" datatype="plaintext"><body>'
    '<trans-unit id="1"><source>{}</source><target>{}</target></trans-unit></body></file></xliff>'
)


@pytest.mark.parametrize("form", ["tmx", "xliff", "xlf"])
@pytest.mark.parametrize("attack", ["laughs", "external", "parameter"])
def test_entities_are_refused_before_they_grow(kept: World, form: str, attack: str) -> None:
    secret = kept.file("secret.txt", "the secret of this machine")
    doctype, entity = {
        "laughs": (LAUGHS, "&l9;"),
        "external": (f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>', "&e;"),
        "parameter": (f'<!DOCTYPE x [<!ENTITY % p SYSTEM "{secret.as_uri()}"> %p;]>', "text"),
    }[attack]
    body = (
        kept.tmx(kept.tu(entity, entity)) if form == "tmx" else '<?xml version="1.0"?>' + XLIFF.format(entity, entity)
    )
    path = kept.file(f"evil.{form}", body.replace("?>", f"?>{doctype}", 1))
    with pytest.raises(ExchangeError, match="entity") as found:
        kept.take(path)
    assert "the secret" not in str(found.value)


def test_a_zip_bomb_is_not_unpacked(kept: World) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"\0" * UNPACKED)
    for name in ("bomb.docx", "bomb.tmx", "bomb.xliff"):
        path = kept.file(name, packed.getvalue())
        tracemalloc.start()
        with pytest.raises(TmError):
            kept.take(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < UNPACKED // 4, name


@pytest.mark.parametrize("characters", [10_000_000, 900_000])
def test_a_segment_of_megabytes_does_no_harm(world: World, characters: int) -> None:
    """Refused by the reader or by a rule, and named; asked for, it is answered within the limit of a look-up."""
    long = LONG * (characters // len(LONG))
    world.take(world.file("short.tmx", world.tmx(world.tu("One", "Eins"))))
    path = world.file("long.tmx", world.tmx(world.tu(long, long.replace("sentence", "Satz"))))
    if characters > 2_000_000:
        with pytest.raises(ExchangeError, match="more than 2,000,000 characters") as found_long:
            world.take(path)
        assert len(str(found_long.value)) < 1000, "the message holds the text"
    else:
        assert world.take(path).kinds["refused"] == 1
    assert world.rows("select src_text from tm.unit") == [("One",)]
    assert lookup(world.db, store="demo", src="en", tgt="de", text=long) == []
    found = lookup_document(world.db, store="demo", src="en", tgt="de", texts=["One", long])
    assert [len(one) for one in found] == [1, 0]
    for side in Side:
        with contextlib.suppress(LookupRefused):
            assert concordance(world.db, store="demo", src="en", tgt="de", phrase=long, side=side) == []


@pytest.mark.parametrize(
    "name", ["'; drop table tm.unit; --.tmx", "$(reboot).tmx", "a b;c&d|e.tmx", "%s.tmx", "ü\u202e.tmx"]
)
def test_a_hostile_file_name_is_a_name(world: World, name: str) -> None:
    path = world.file(name, world.tmx(world.tu("One house", "Ein Haus")))
    with contextlib.suppress(TmError):
        world.take(path, pair=EN_DE)
        assert [row[0] for row in world.rows("select name from tm.document")] == [name]
    assert all(".." not in info.path for info in Storage(world.settings.storage).list())
    assert Path(path).exists()


def test_a_deposited_name_that_is_not_utf_8_is_one_file_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is in the books by a name that can be written, and the date goes on without it."""
    for name in ("home", "database_url", "include", "storage"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(world.settings, name)))
    storage = Storage(world.settings.storage)
    storage.write_atomic("raw/demo/2026-01-05/good.tmx", world.tmx(world.tu("One house", "Ein Haus")).encode())
    local = storage.local_path("raw/demo/2026-01-05")
    assert local is not None
    (local / "bad \udcff.tmx").write_bytes(b"x")
    assert main(["refresh-plan", "--date", "2026-01-05"]) == 0, capfd.readouterr().err
    rows = world.rows("select path, state from ops.file order by state")
    assert rows == [
        ("raw/demo/2026-01-05/good.tmx", "paired"),
        ("raw/demo/2026-01-05/bad \\udcff.tmx", "unsupported"),
    ]
