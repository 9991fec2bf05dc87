"""Lexicons: learned, imported, written, read, refused."""

import gc
import pickle
import weakref
from pathlib import Path
from unittest.mock import create_autospec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aligner.test_lexical import f1, samples
from tm_align import align, lexicon_refresh
from tm_align import lexicon as lexicons
from tm_align.cli import main
from tm_align.learning import learn_lexicon, learned_from_pair
from tm_align.lexicon import Lexicon
from tm_core.errors import AlignmentInputError
from tm_formats.storage import Storage

UNITS = [
    ("the dog sleeps", "der hund schläft"),
    ("the cat sleeps", "die katze schläft"),
    ("a dog eats", "ein hund frisst"),
]
WORD = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=8)


KNOWN = {
    ("hund", "dog"): 1.0,
    ("katz", "cat"): 1.0,
    ("schlä", "sleep"): 0.5,
    **{(f"x{k}", f"y{k}"): 1.0 for k in range(90)},
}


class Untouchable(dict[tuple[str, str], float]):
    """Pairs that no document may go through."""

    def items(self):
        raise AssertionError("every pair of the lexicon is read")

    __iter__ = keys = values = items


def best(lexicon: Lexicon, word: str) -> str:
    return max(lexicon.rows[word].items(), key=lambda entry: entry[1])[0]


def test_learns_from_units():
    lexicon = learn_lexicon(UNITS * 3, src_lang="en", tgt_lang="de")
    assert best(lexicon, "dog") == "hund"
    assert best(lexicon, "sleep") == "schlä"
    assert all(0.0 < weight <= 1.0 for weight in lexicon.weights.values())


def test_a_pair_seen_once_is_not_learned():
    lexicon = learn_lexicon(UNITS, src_lang="en", tgt_lang="de")
    assert ("eats", "friss") not in lexicon.weights


def test_what_other_documents_taught_helps():
    documents = samples("de-fr")
    taught = learn_lexicon([(src, tgt) for src, tgt, _ in documents[1:]], src_lang="de", tgt_lang="fr")
    assert f1(documents[:1], "de-fr", lexicon=taught) > f1(documents[:1], "de-fr")


def test_learning_twice_gives_the_same_bytes(tmp_path: Path):
    documents = [(src, tgt) for src, tgt, _ in samples("en-de")]
    one, other = (learn_lexicon(documents, src_lang="en", tgt_lang="de") for _ in range(2))
    assert one.sha256 == other.sha256


def test_one_pair_teaches_shared_words_too():
    lexicon = learned_from_pair(["Anna saw 12 ducks."], ["Anna sah 12 Enten."], src_lang="en", tgt_lang="de")
    assert lexicon.weights[("anna", "anna")] == 1.0
    assert lexicon.weights[("12", "12")] == 1.0


@given(st.dictionaries(st.tuples(WORD, WORD), st.integers(1, 10_000).map(lambda k: k / 10_000)))
def test_written_and_read_again_it_is_the_same(tmp_path_factory, weights):
    path = tmp_path_factory.mktemp("lexicon") / "a.lex"
    lexicon = Lexicon(src_lang="en", tgt_lang="de", weights=weights)
    lexicon.save(path)
    assert Lexicon.load(path) == lexicon
    assert Lexicon.load(path).sha256 == lexicon.sha256


def test_mirrored_twice_it_is_the_same_and_once_it_is_not():
    lexicon = Lexicon(src_lang="en", tgt_lang="de", weights={("dog", "hund"): 0.5})
    assert lexicon.mirrored().mirrored() == lexicon
    assert lexicon.mirrored().sha256 != lexicon.sha256
    assert lexicon.turned("de", "en") == lexicon.mirrored()


def count_indexed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by the direction of each index that is made from now on."""
    made: list[int] = []
    index = lexicons._rows

    def counted(pairs: lexicons.Pairs, at: int) -> lexicons.Rows:
        if len(pairs) == len(KNOWN):  # not what a pair teaches about itself
            made.append(at)
        return index(pairs, at)

    monkeypatch.setattr(lexicons, "_rows", counted)
    return made


@pytest.mark.parametrize("known", [("de", "en"), ("en", "de")])
@pytest.mark.parametrize("texts", [("de", "en"), ("en", "de")])
@pytest.mark.parametrize("tier", ["lexical", "embedding"])
def test_each_direction_is_indexed_once_for_all_documents(monkeypatch, tier, texts, known):
    made = count_indexed(monkeypatch)
    weights = KNOWN if known == ("de", "en") else {pair[::-1]: weight for pair, weight in KNOWN.items()}
    lexicon = Lexicon(src_lang=known[0], tgt_lang=known[1], weights=weights)
    for count in (3, 4, 5):
        for src, tgt in (texts, texts[::-1]):
            sides = {"de": [f"Hund {k} schläft." for k in range(count)], "en": [f"Dog {k} sleeps." for k in range(4)]}
            align(sides[src], sides[tgt], src_lang=src, tgt_lang=tgt, tier=tier, lexicon=lexicon)
    assert made
    assert sorted(made) == sorted(set(made))


def test_a_document_asks_a_lexicon_for_its_own_words_alone(monkeypatch):
    lexicon = Lexicon(src_lang="de", tgt_lang="en", weights=KNOWN)
    for tier in ("lexical", "embedding"):
        align(["Hund."], ["Dog."], src_lang="de", tgt_lang="en", tier=tier, lexicon=lexicon)
    assert lexicon.sha256  # made once; what follows reads no pair of it
    for view in (lexicon, lexicon.mirrored()):
        view.rows  # noqa: B018
    object.__setattr__(lexicon, "weights", Untouchable(KNOWN))
    for src, tgt in (("de", "en"), ("en", "de")):
        for tier in ("lexical", "embedding"):
            texts = {"de": ["Hund.", "Katze."], "en": ["Dog.", "Cat."]}
            align(texts[src], texts[tgt], src_lang=src, tgt_lang=tgt, tier=tier, lexicon=lexicon)


def test_a_mirrored_lexicon_leaves_with_its_last_user():
    lexicon = Lexicon(src_lang="de", tgt_lang="en", weights=KNOWN)
    assert lexicon.mirrored().mirrored().rows["hund"] == {"dog": 1.0}
    gone = weakref.ref(lexicon)
    gc.disable()
    del lexicon
    assert gone() is None  # without the collector of cycles
    gc.enable()


def test_an_indexed_lexicon_survives_pickling():
    lexicon = Lexicon(src_lang="de", tgt_lang="en", weights=KNOWN).mirrored()
    assert lexicon.rows["dog"] == {"hund": 1.0}
    again = pickle.loads(pickle.dumps(lexicon))
    assert (again, again.rows, again.mirrored().rows) == (lexicon, lexicon.rows, lexicon.mirrored().rows)


def test_a_reader_reads_a_lexicon_once_and_holds_no_more_than_it_may(monkeypatch):
    read: list[str] = []
    monkeypatch.setattr(lexicon_refresh, "HELD_PAIRS", 2 * len(KNOWN))
    monkeypatch.setattr(
        lexicon_refresh,
        "read_lexicon",
        lambda _storage, src, tgt, sha: read.append(sha) or Lexicon(src_lang=src, tgt_lang=tgt, weights=KNOWN),
    )
    reader = lexicon_refresh.LexiconReader(create_autospec(Storage, instance=True))
    for sha in "abaab":
        assert reader.read("de", "en", sha).rows["hund"] == {"dog": 1.0}
    assert read == ["a", "b"]
    reader.read("de", "en", "c")
    reader.read("de", "en", "b")
    assert read == ["a", "b", "c"]
    reader.read("de", "en", "a")
    assert read == ["a", "b", "c", "a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a first line that begins '# tm-lexicon 1'"),
        ("# tm-lexicon 2 en de tokens-1\n", "expected a first line"),
        ("# tm-lexicon 1 en de tokens-0\n", "learn or import it again"),
        ("# tm-lexicon 1 en de tokens-1\ndog\thund\t0.5\ncat\tkat", ":3: expected"),
        ("# tm-lexicon 1 en de tokens-1\ndog\thund\t1.5\n", ":2: expected"),
        ("# tm-lexicon 1 en de tokens-1\ndog\thund\tnan\n", ":2: expected"),
    ],
)
def test_what_is_no_lexicon_is_refused(tmp_path: Path, text, message):
    path = tmp_path / "a.lex"
    path.write_text(text)
    with pytest.raises(AlignmentInputError, match=message):
        Lexicon.load(path)


def test_a_phrase_weighs_less_than_a_word():
    lexicon = Lexicon.from_dictionaries([("dog", "Hund"), ("hot dog", "heißer Hund")], src_lang="en", tgt_lang="de")
    assert lexicon.weights[("dog", "hund")] == 1.0
    assert lexicon.weights[("hot", "hund")] == 0.25


def test_commands_learn_import_and_show(tmp_path: Path, capsys):
    (tmp_path / "units.tsv").write_text("".join(f"{src}\t{tgt}\n" for src, tgt in UNITS * 3))
    (tmp_path / "hun.dic").write_text("Hund @ dog\nKatze @ cat\n")
    common = ["--src-lang", "en", "--tgt-lang", "de", "-o"]
    learned, imported = str(tmp_path / "learned.lex"), str(tmp_path / "imported.lex")
    assert main(["lexicon", "learn", "--units", str(tmp_path / "units.tsv"), *common, learned]) == 0
    assert main(["lexicon", "import", str(tmp_path / "hun.dic"), *common, imported]) == 0
    capsys.readouterr()
    assert main(["lexicon", "show", imported, "dogs", "Dog"]) == 0
    assert capsys.readouterr().out == "dog\thund\t1.0000\n"
    assert main(["lexicon", "show", learned]) == 0
    assert Lexicon.load(Path(learned)).sha256 in capsys.readouterr().out


def test_commands_refuse_nothing_and_odd_texts(tmp_path: Path, capsys):
    out = ["--src-lang", "en", "--tgt-lang", "de", "-o", str(tmp_path / "x")]
    assert main(["lexicon", "learn", *out]) == 1
    assert main(["lexicon", "learn", "a.txt", *out]) == 1
    assert main(["lexicon", "import", *out]) == 1
    assert capsys.readouterr().err.count("Nothing has been written.") == 3
    assert not (tmp_path / "x").exists()
