"""``tm-align align``, ``overlap`` and ``encode``: what a user or a task types."""

import argparse
import io
import re
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from tm_align import Bead, align
from tm_align.arguments import language_code
from tm_align.beads import check_beads
from tm_align.cli import main
from tm_align.output import vecalign_lines
from tm_core.errors import AlignmentInputError
from tm_formats.tmx import read as read_tmx
from tm_formats.vecalign import read_beads, read_overlaps, write_vectors

SRC = ["Der Hund bellt 1957.", "Die Katze schläft.", "", "Das Haus ist groß. Der Baum auch."]
TGT = ["Le chien aboie 1957.", "Le chat dort.", "La maison est grande.", "L'arbre aussi."]


@pytest.fixture
def texts(tmp_path):
    (tmp_path / "a.de").write_text("".join(f"{line}\n" for line in SRC), encoding="utf-8")
    (tmp_path / "a.fr").write_text("".join(f"{line}\n" for line in TGT), encoding="utf-8")
    return tmp_path


def arguments(folder, *more):
    return ["align", str(folder / "a.de"), str(folder / "a.fr"), "--src-lang", "de", "--tgt-lang", "fr", *more]


def make_vectors(folder):
    """Vectors in which source and target line k of this toy say the same."""
    same = {SRC[0]: 0, TGT[0]: 0, SRC[1]: 1, TGT[1]: 1, SRC[3]: 2, f"{TGT[2]} {TGT[3]}": 2}
    for name in ("de", "fr"):
        assert main(["overlap", str(folder / f"a.{name}"), "-o", str(folder / f"overlaps.{name}")]) == 0
        lines = read_overlaps(folder / f"overlaps.{name}")
        rng = np.random.default_rng(len(name))
        vectors = rng.normal(size=(len(lines), 64)).astype(np.float32) / 8
        for line, row in lines.items():
            if line in same:
                vectors[row] = np.eye(64)[same[line]]
        write_vectors(folder / f"vectors.{name}", vectors)
    return [
        *("--src-embed", str(folder / "overlaps.de"), str(folder / "vectors.de")),
        *("--tgt-embed", str(folder / "overlaps.fr"), str(folder / "vectors.fr")),
    ]


def test_vectors_in_vecaligns_files_are_aligned(texts, capfdbinary):
    assert main(arguments(texts, *make_vectors(texts), "-o", str(texts / "out"))) == 0
    beads = [(bead.src, bead.tgt) for bead in read_beads(texts / "out")]
    assert ((0,), (0,)) in beads
    assert ((1,), (1,)) in beads
    assert ((3,), (2, 3)) in beads
    assert capfdbinary.readouterr().out == b""


def test_standard_output_takes_what_no_file_takes(texts, capfdbinary):
    assert main(arguments(texts, "--tier", "lexical")) == 0
    assert capfdbinary.readouterr().out.startswith(b"[0]:[0]:")


@pytest.mark.parametrize("tier", ["lexical", "embedding", "auto"])
def test_every_tier_uses_every_segment_once(texts, tier):
    assert main(arguments(texts, "--tier", tier, "-o", str(texts / "out"))) == 0
    beads = read_beads(texts / "out")
    assert sorted(i for bead in beads for i in bead.src) == [0, 1, 2, 3]
    assert sorted(j for bead in beads for j in bead.tgt) == [0, 1, 2, 3]


def test_the_ladder_has_a_rung_for_every_bead_and_one_to_close(texts):
    for form in ("ladder", "vecalign"):
        assert main(arguments(texts, "--format", form, "-o", str(texts / form))) == 0
    rungs = [line.split("\t") for line in (texts / "ladder").read_text().splitlines()]
    assert len(rungs) == len(read_beads(texts / "vecalign")) + 1
    assert (rungs[0][:2], rungs[-1][:2]) == (["0", "0"], ["4", "4"])


def test_a_dictionary_serves_as_a_lexicon(texts):
    (texts / "de-fr.tsv").write_text("Hund\tchien\nKatze\tchat\nBaum\tarbre\n", encoding="utf-8")
    assert main(arguments(texts, "--lexicon", str(texts / "de-fr.tsv"), "-o", str(texts / "out"))) == 0
    assert read_beads(texts / "out")


@pytest.mark.parametrize("command", ["align", "lexicon learn", "lexicon import", "lexicon-refresh"])
def test_every_command_checks_its_languages_alike(capsys, command):
    for lang in ("", "chinese"):
        with pytest.raises(SystemExit) as stopped:
            main([*command.split(), "--src-lang", "ach", "--tgt-lang", lang])
        assert stopped.value.code == 2
        assert "--tgt-lang: expected a language code" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code"), [("ach", "ach"), ("YUE_hant_hk", "yue-Hant-HK"), ("PT_br", "pt-BR"), ("fil", "fil"), ("DE", "de")]
)
def test_a_language_code_is_written_the_usual_way(text, code):
    assert language_code(text) == code


@pytest.mark.parametrize(
    "text", ["", "x", "xx", "qq-DE", "chinese", "ach-", "ach\n", "a1h", "ach-DE-x-private", "de DE"]
)
def test_what_is_no_language_code_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a language code of ISO 639"):
        language_code(text)


@pytest.mark.parametrize("code", ["ach", "yue", "nso", "kok"])
def test_languages_without_a_two_letter_code_are_aligned(texts, code):
    pair = ["--src-lang", code, "--tgt-lang", "ZH_hant"]
    assert main(arguments(texts, *pair, "--format", "tmx", "-o", str(texts / "out.tmx"))) == 0
    written = (texts / "out.tmx").read_text(encoding="utf-8")
    assert set(re.findall('xml:lang="([^"]*)"', written)) == {code, "zh-Hant"}


def test_old_line_ends_give_the_same_beads(texts):
    assert main(arguments(texts, "-o", str(texts / "out"))) == 0
    for name in ("a.de", "a.fr"):
        (texts / name).write_bytes((texts / name).read_bytes().replace(b"\n", b"\r"))
    assert main(arguments(texts, "-o", str(texts / "old"))) == 0
    assert (texts / "old").read_bytes() == (texts / "out").read_bytes()


@pytest.mark.parametrize(
    "command",
    [
        ["align", "a", "b", "--src-lang", "de", "--tgt-lang", "fr"],
        ["overlap", "a"],
        ["encode", "a", "--encoder", "laser2"],
        ["lexicon", "learn", "a", "b", "--src-lang", "de", "--tgt-lang", "fr"],
        ["lexicon", "import", "a.tsv", "--src-lang", "de", "--tgt-lang", "fr"],
    ],
)
def test_a_missing_folder_is_reported_before_anything_is_read(tmp_path, capsys, command):
    assert main([*command, "-o", str(tmp_path / "missing" / "out")]) == 1
    error = capsys.readouterr().err
    assert f"missing/out: expected the folder {tmp_path / 'missing'}, found none." in error
    assert error.count("\n") == 1


DICTIONARY = "Hund\tchien\nKatze\tchat\nBaum\tarbre\nParis\tParis\n"


def write_dictionary(folder, *, turned=False):
    rows = [line.split("\t") for line in DICTIONARY.splitlines()]
    text = "".join("\t".join(row[::-1] if turned else row) + "\n" for row in rows)
    (folder / "given.tsv").write_text(text, encoding="utf-8")
    return folder / "given.tsv"


def test_a_dictionary_of_the_right_direction_says_nothing(texts, capsys):
    assert main(arguments(texts, "--lexicon", str(write_dictionary(texts)))) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("own", [False, True])
def test_a_dictionary_of_the_wrong_direction_is_refused(texts, capsys, own):
    given = write_dictionary(texts, turned=True)
    if own:
        pair = ["--src-lang", "de", "--tgt-lang", "fr"]
        assert main(["lexicon", "import", str(given), *pair, "-o", str(texts / "given.lexicon")]) == 0
        given = texts / "given.lexicon"
    capsys.readouterr()
    for name in ("a.de", "a.fr"):
        with (texts / name).open("a", encoding="utf-8") as text:
            text.write("Paris.\n")  # a name meets in both directions and tells nothing
    assert main(arguments(texts, "--lexicon", str(given), "-o", str(texts / "out"))) == 1
    error = capsys.readouterr().err
    assert (
        f"{given}: expected word pairs from de to fr, found that 1 of its 4 pairs meet both texts, and 4 the" in error
    )
    assert "Most likely it is from fr to de" in error
    assert error.count("\n") == 1
    assert not (texts / "out").exists()


def test_a_lexicon_of_ours_may_be_in_either_direction(texts, capsys):
    given, pair = write_dictionary(texts, turned=True), ["--src-lang", "fr", "--tgt-lang", "de"]
    assert main(["lexicon", "import", str(given), *pair, "-o", str(texts / "given.lexicon")]) == 0
    assert main(arguments(texts, "--lexicon", str(texts / "given.lexicon"), "-o", str(texts / "out"))) == 0
    assert capsys.readouterr().err == ""


def test_a_dictionary_that_meets_nothing_is_reported_and_the_texts_are_aligned(texts, capsys):
    (texts / "given.tsv").write_text("koira\thund\n", encoding="utf-8")
    assert main(arguments(texts, "--lexicon", str(texts / "given.tsv"), "-o", str(texts / "out"))) == 0
    error = capsys.readouterr().err
    assert "given.tsv: 0 of its 1 word pairs meet both texts, in either direction." in error
    assert error.count("\n") == 1
    assert read_beads(texts / "out")


def test_a_text_without_words_says_nothing_of_a_dictionary(texts, capsys):
    (texts / "a.fr").write_text("\n\n")
    assert main(arguments(texts, "--lexicon", str(write_dictionary(texts)), "-o", str(texts / "out"))) == 0
    assert capsys.readouterr().err == ""


def test_vecalign_lines_print_no_cost_for_null_beads():
    beads = [Bead((0, 2), (0, 1), 0.9, 0.1234), Bead((2, 3), (1, 1), 0.5, 9.0)]
    assert list(vecalign_lines(beads)) == ["[0, 1]:[0]:0.123400", "[2]:[]:0.000000"]


def test_tsv_and_parquet_say_the_same(texts):
    for form in ("tsv", "parquet"):
        assert main(arguments(texts, "--format", form, "-o", str(texts / form))) == 0
    header, *rows = [line.split("\t") for line in (texts / "tsv").read_text(encoding="utf-8").splitlines()]
    table = pq.read_table(texts / "parquet")
    assert table.column_names == header
    assert rows
    for row, bead in zip(rows, table.to_pylist(), strict=True):
        assert row[:4] == [str(bead[name]) for name in header[:4]]
        assert row[5:] == [bead["src_text"], bead["tgt_text"]]


def test_tmx_holds_the_beads_with_two_sides(texts):
    assert main(arguments(texts, "--format", "tmx", "-o", str(texts / "out.tmx"))) == 0
    units = list(read_tmx(io.BytesIO((texts / "out.tmx").read_bytes())))
    assert units
    assert {variant.lang for unit in units for variant in unit.variants} == {"de", "fr"}
    assert all(variant.text.strip() for unit in units for variant in unit.variants)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--tier", "best"], "--tier"),
        (["--tgt-lang", ""], "--tgt-lang: expected a language code of ISO 639 such as de, pt-BR or yue, found ''"),
        (["--tgt-lang", "xx"], "found 'xx'. See"),
        (["--src-lang", "Chinese"], "found 'Chinese'; most likely zh is meant"),
        (["--src-lang", "jp"], "most likely ja is meant"),
        (["--max-merge", "1"], "expected 2 to 16, found 1"),
        (["--threshold", "2"], "expected 0 to 1"),
        (["--src-embed", "a", "b"], "--src-embed and --tgt-embed go together"),
        (["--src-embed", "a", "b", "--tgt-embed", "a", "b", "--encoder", "laser2"], "not both"),
        (["--tier", "lexical", "--encoder", "laser2"], "--tier lexical uses neither"),
        (["--hint", "--encoder", "laser2"], "--hint goes with the lexicon encoder alone"),
        (["--hint", "--src-embed", "a", "b", "--tgt-embed", "a", "b"], "--hint goes with the lexicon encoder alone"),
        (["--format", "parquet"], "needs -o FILE"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_2(texts, capsys, more, message):
    with pytest.raises(SystemExit) as stopped:
        main(arguments(texts, *more))
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_missing_text_is_one_line_and_status_1(texts, capsys):
    (texts / "a.fr").unlink()
    assert main(arguments(texts)) == 1
    error = capsys.readouterr().err
    assert "a.fr: there is no such file" in error
    assert error.count("\n") == 1


def test_a_text_in_another_encoding_is_named(texts, capsys):
    (texts / "a.de").write_bytes("schläft".encode("latin-1"))
    assert main(arguments(texts)) == 1
    assert "a.de, byte 4: expected UTF-8, found the byte 0xe4" in capsys.readouterr().err


def test_a_missing_model_is_an_error_and_no_fallback(texts, capsys):
    assert main(arguments(texts, "--encoder", "laser2", "--model-dir", str(texts), "-o", str(texts / "out"))) == 1
    assert "laser2.pt: expected LASER2's file" in capsys.readouterr().err
    assert not (texts / "out").exists()


def test_missing_overlaps_leave_the_old_result(texts, capsys):
    vectors = make_vectors(texts)
    (texts / "out").write_text("old")
    (texts / "a.de").write_text("Ganz anders.\n")
    assert main(arguments(texts, *vectors, "-o", str(texts / "out"))) == 1
    assert "first 'Ganz anders.'" in capsys.readouterr().err
    assert (texts / "out").read_text() == "old"
    assert not list(texts.glob(".*"))


def test_empty_sides(texts):
    (texts / "a.fr").write_text("")
    assert main(arguments(texts, "-o", str(texts / "out"))) == 0
    assert [str(bead) for bead in read_beads(texts / "out")] == [f"[{i}]:[]:0.000000" for i in range(4)]
    (texts / "a.de").write_text("")
    assert main(arguments(texts, "-o", str(texts / "out"))) == 0
    assert (texts / "out").read_text() == ""


def test_a_reader_that_leaves_early_is_no_error(texts):
    (texts / "a.de").write_text("Ein Satz.\n" * 20_000)
    (texts / "a.fr").write_text("")
    command = [sys.executable, "-m", "tm_align.cli", *arguments(texts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"[0]:[]:0.000000\n"
        process.stdout.close()
        assert process.stderr.read() == b""


def test_help_does_not_load_numba():
    script = (
        "import sys; from tm_align.cli import make_parser; make_parser();"
        "print([name for name in ('numba', 'torch', 'pyarrow') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout == b"[]\n"


@pytest.mark.parametrize("blanks", [[0], [1, 2], [0, 3, 7]])
def test_blank_segments_are_null_beads_and_change_nothing_else(blanks):
    src = [f"Satz Nummer {k} mit {k * k} Wörtern." for k in range(5)]
    tgt = [f"Phrase numéro {k} avec {k * k} mots." for k in range(5)]
    plain = align(src, tgt, src_lang="de", tgt_lang="fr", tier="embedding")
    holed = list(src)
    for at in blanks:
        holed.insert(at, " ")
    found = align(holed, tgt, src_lang="de", tgt_lang="fr", tier="embedding")
    check_beads(found.beads, len(holed), len(tgt))
    text = lambda beads, side: [" ".join(side[slice(*b.src)]).split() for b in beads if not b.is_null]  # noqa: E731
    assert text(found.beads, holed) == text(plain.beads, src)


def test_a_huge_segment_is_aligned():
    src = ["Kurz 1.", "Wort " * 20_000, "Ende 3."]
    tgt = ["Court 1.", "mot " * 20_000, "Fin 3."]
    found = align(src, tgt, src_lang="de", tgt_lang="fr", tier="embedding")
    assert [(bead.src, bead.tgt) for bead in found.beads] == [((k, k + 1), (k, k + 1)) for k in range(3)]


@pytest.mark.parametrize("merge", [1, 17])
def test_max_merge_has_bounds(merge):
    with pytest.raises(AlignmentInputError, match="2 to 16"):
        align(SRC, TGT, src_lang="de", tgt_lang="fr", max_merge=merge)


def test_paragraphs_must_fit_the_segments():
    with pytest.raises(AlignmentInputError, match="src_paragraphs: expected one number per segment, so 4, found 1"):
        align(SRC, TGT, src_lang="de", tgt_lang="fr", src_paragraphs=[0])
