"""What the benchmarks would measure wrong without a word.

The branches for hunalign and Vecalign, which no package index has, run with stand-ins of a few lines: what they prove
is that arguments, formats and scores fit together, not what those programs reach. Of damaged texts it is the gold.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from tm_align.beads import Alignment, Bead
from tm_align.encode import VectorFiles
from tm_align.overlap import overlaps

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

HUNALIGN = """#!{python}
import sys
options, (dictionary, src, tgt) = sys.argv[1:3], sys.argv[3:]
assert options == ["-utf", "-realign"] and open(dictionary).read() == "", sys.argv
n = [len(open(path).readlines()) for path in (src, tgt)]
sys.stdout.writelines(f"{{k}}\\t{{k}}\\t0.5\\n" for k in range(min(n) + 1))
"""

VECALIGN = """
import os, sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
overlaps, vectors = sys.argv[sys.argv.index("--src_embed") + 1 :][:2]
assert os.path.getsize(vectors) == 4 * 8 * len(open(overlaps).readlines()), "raw float32 of 8 components a line"
n = len(open(options["-s"]).readlines())
sys.stdout.writelines(f"[{k}]:[{k}]:0.1\\n" for k in range(n))
"""


def loaded(name, monkeypatch):
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bench(monkeypatch):
    return loaded("align", monkeypatch)


@pytest.fixture
def scores(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return loaded("scores", monkeypatch)


TARGET = [f"der erste Teil von {number}, und sein zweiter" for number in range(20)]


def texts_of(case):
    """What the gold says belongs together, null beads left out, as texts."""
    linked = [bead for bead in case.gold if all(bead)]
    return [(" ".join(case.src[i] for i in src), " ".join(case.tgt[j] for j in tgt)) for src, tgt in linked]


@pytest.mark.parametrize("damage", ["cut finer", "gap", "thinned", "shifted"])
def test_gold_follows_the_damage(scores, damage):
    one_to_one = [((k,), (k,)) for k in range(18)]
    whole = scores.Case(
        langs=("en", "de"),
        src=[f"sentence {number}" for number in range(19)],
        tgt=TARGET,
        gold=[*one_to_one, ((18,), (18, 19))],
    )
    case = scores.ALONE[damage](whole)
    assert case.tgt != whole.tgt
    assert 8 < len(texts_of(case)) <= len(texts_of(whole))
    alike = set(texts_of(case)) & set(texts_of(whole))
    assert len(alike) >= len(texts_of(case)) - 1  # all but the last bead, where one of its two targets is missing
    for side, segments in ((0, case.src), (1, case.tgt)):
        used = [number for bead in case.gold for number in bead[side]]
        assert sorted(used) == list(range(len(segments))), "every segment in one bead"


def test_another_text_has_no_gold_and_half_a_text_half(scores):
    one, other = (
        scores.Case(
            langs=("en", "de"), src=[f"{name} {k}" for k in range(10)], tgt=[f"{name} {k}" for k in range(10)],
            gold=[((k,), (k,)) for k in range(10)],
        )
        for name in "ab"
    )  # fmt: skip
    assert scores.unrelated(one, other).gold == []
    glued = scores.glued(one, other)
    assert texts_of(glued) == [(f"a {k}", f"a {k}") for k in range(5)]
    assert glued.tgt[5:] == [f"b {k}" for k in range(5)]


def test_rows_tell_what_is_wrong_where_scores_are_high(scores):
    case = scores.Case(langs=("en", "de"), src=["a", "b", "c", "d"], tgt=["a", "b", "c", "d"],
                       gold=[((k,), (k,)) for k in range(3)])  # fmt: skip
    beads = tuple(Bead((k, k + 1), (k, k + 1), score, 0.5) for k, score in enumerate((0.9, 0.95, 0.3, 0.85)))
    found = Alignment(beads=beads, confidence=0.8, tier="lexical", details={"cells": 40})
    f1, ece, sure, wrong, *_, cells = scores.measured([(case, found)])
    assert (f1, sure, wrong, cells) == ("0.857", "0.750", "0.333", "10")
    assert float(ece) == pytest.approx((0.15 + 0.7 + 0.85) / 4)


@pytest.fixture
def document(bench, tmp_path):
    texts, files = {}, {}
    for lang in ("de", "fr"):
        texts[lang] = tmp_path / f"text.{lang}"
        lines = [f"{lang} {number}." for number in range(3)]
        texts[lang].write_text("".join(f"{line}\n" for line in lines))
        runs = overlaps(lines, runs=7).lines
        files[lang] = tmp_path / f"overlaps.{lang}", tmp_path / f"overlaps.{lang}.npy"
        files[lang][0].write_text("".join(f"{line}\n" for line in runs))
        np.save(files[lang][1], np.ones((len(runs), 8), np.float16))
    return bench.Document(
        group="made",
        langs=("de", "fr"),
        texts=(texts["de"], texts["fr"]),
        gold=[((k,), (k,)) for k in range(3)],
        vectors=VectorFiles(src=files["de"], tgt=files["fr"]),
    )


def test_hunalign_runs_where_it_is_on_the_path(bench, document, tmp_path, monkeypatch):
    program = tmp_path / "bin" / "hunalign"
    program.parent.mkdir()
    program.write_text(HUNALIGN.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    assert bench.aligners()["hunalign"](document) == document.gold


def test_vecalign_runs_where_it_can_be_imported(bench, document, tmp_path, monkeypatch):
    package = tmp_path / "site" / "vecalign"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "vecalign.py").write_text(VECALIGN)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    assert bench.aligners()["vecalign"](document) == document.gold
