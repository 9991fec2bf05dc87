"""The benchmark's branches for hunalign and Vecalign, which no package index has: run with stand-ins of a few lines.

What they prove is that arguments, formats and scores fit together, not what those programs reach.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from tm_align.encode import VectorFiles
from tm_align.overlap import overlaps

BENCH = Path(__file__).parents[2] / "benchmarks" / "align.py"

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


@pytest.fixture
def bench(monkeypatch):
    spec = importlib.util.spec_from_file_location("bench_align", BENCH)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "bench_align", module)
    spec.loader.exec_module(module)
    return module


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
