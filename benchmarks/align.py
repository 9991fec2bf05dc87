"""Both tiers: accuracy against gold, and processor time and memory against growth.

    python benchmarks/align.py [SEGMENTS ...]

Accuracy is strict and lax F1 by Vecalign's definition, over the samples' gold and, where TM_TEST_DATA names the real
data, over Text+Berg and ParIce. Growth is measured on made documents, each size in a process of its own, without
compiling, reading or making them: the time is of one thread; ``peak`` is the whole process, ``before`` what it held
when the alignment began (the vectors, for tier 2). ``hunalign`` on the PATH and an importable ``vecalign`` run beside
them; hunalign's times are of the whole process.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tm_align.auto import align
from tm_align.beads import Alignment
from tm_align.embedding import align_vectors
from tm_align.encode import Encoder, VectorFiles
from tm_align.files import read_segments
from tm_align.lattice import Side
from tm_align.lexical import align_lexical
from tm_align.score import GoldBead, indices, score_documents
from tm_align.vectors import DocumentVectors, quantised
from tm_formats.hunalign import read_ladder, spans
from tm_formats.vecalign import open_vectors, read_beads

HERE = Path(__file__).resolve().parent
SIZES = (1_500, 3_000, 6_000, 12_000, 25_000, 50_000)
DIMENSION, RUNS = 1024, 7
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


@dataclass(frozen=True, kw_only=True)
class Document:
    """A pair with gold."""

    group: str
    langs: tuple[str, str]
    texts: tuple[Path, Path]
    gold: list[GoldBead]
    vectors: VectorFiles | None = None

    @property
    def segments(self) -> tuple[list[str], list[str]]:
        return read_segments(self.texts[0]), read_segments(self.texts[1])


def documents(scratch: Path) -> Iterator[Document]:
    """The samples' gold, and what TM_TEST_DATA holds."""
    for path in sorted((HERE.parent / "include/samples/gold").glob("*.beads")):
        name, _, pair = path.stem.rpartition(".")
        yield _sample(path, name, pair.split("-"), scratch)
    data = Path(os.environ.get("TM_TEST_DATA", "/nonexistent"))
    for path in sorted(data.glob("parice/*.gold")):
        texts = path.with_suffix(".en"), path.with_suffix(".is")
        yield Document(group="ParIce en-is", langs=("en", "is"), texts=texts, gold=_gold(path))
    berg = data / "textberg-dev"
    if berg.is_dir():
        files = {lang: (berg / f"overlaps.{lang}", berg / f"overlaps.{lang}.npy") for lang in ("de", "fr")}
        yield Document(
            group="Text+Berg de-fr",
            langs=("de", "fr"),
            texts=(berg / "dev.de", berg / "dev.fr"),
            gold=_gold(berg / "dev.defr"),
            vectors=VectorFiles(src=files["de"], tgt=files["fr"]),
        )


def _sample(path: Path, name: str, langs: Sequence[str], scratch: Path) -> Document:
    """A sample's gold counts sentences; its files part paragraphs by blank lines."""
    texts = []
    for lang in langs:
        texts.append(scratch / f"{name}.{lang}")
        lines = [line for line in read_segments(path.parent / f"{name}.{lang}.sent") if line.strip()]
        texts[-1].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return Document(group="samples", langs=(langs[0], langs[1]), texts=(texts[0], texts[1]), gold=_gold(path))


def _gold(path: Path) -> list[GoldBead]:
    return [(bead.src, bead.tgt) for bead in read_beads(path)]


Aligner = Callable[[Document], list[GoldBead] | None]


def _ours(tier: str, *, vectors: bool = False) -> Aligner:
    def run(document: Document) -> list[GoldBead] | None:
        if vectors and document.vectors is None:
            return None
        encoder: Encoder | None = document.vectors if vectors else None
        langs = {"src_lang": document.langs[0], "tgt_lang": document.langs[1]}
        return indices(align(*document.segments, **langs, tier=tier, encoder=encoder).beads)

    return run


def _hunalign(document: Document) -> list[GoldBead]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "empty.dic").touch()
        (Path(folder) / "ladder").write_bytes(
            _output("hunalign", "-utf", "-realign", str(Path(folder) / "empty.dic"), *map(str, document.texts))
        )
        ranges = spans(read_ladder(Path(folder) / "ladder"))
        return [(tuple(range(*src)), tuple(range(*tgt))) for src, tgt in ranges]


def _vecalign(document: Document) -> list[GoldBead] | None:
    if document.vectors is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        embedded = []
        for flag, (lines, vectors) in (("--src_embed", document.vectors.src), ("--tgt_embed", document.vectors.tgt)):
            n_lines = lines.read_bytes().count(b"\n")
            raw = Path(folder) / vectors.stem
            open_vectors(vectors, n_lines=n_lines).astype("<f4").tofile(raw)
            embedded += [flag, str(lines), str(raw)]
        texts = ["-s", str(document.texts[0]), "-t", str(document.texts[1])]
        found = _output(sys.executable, "-m", "vecalign.vecalign", *texts, *embedded, "-a", "8")
        (Path(folder) / "beads").write_bytes(found)
        return _gold(Path(folder) / "beads")


def _output(*command: str) -> bytes:
    return subprocess.run(command, check=True, capture_output=True, env=os.environ | ONE_THREAD).stdout


def aligners() -> dict[str, Aligner]:
    """What can run here, by name."""
    found: dict[str, Aligner] = {
        "lexical": _ours("lexical"),
        "embedding, lexicon encoder": _ours("embedding"),
        "embedding, vectors": _ours("embedding", vectors=True),
    }
    if shutil.which("hunalign"):
        found["hunalign"] = _hunalign
    if importlib.util.find_spec("vecalign"):
        found["vecalign"] = _vecalign
    return found


def accuracy() -> None:
    """Print F1 of every aligner on every group of documents."""
    with tempfile.TemporaryDirectory() as scratch:
        pairs = list(documents(Path(scratch)))
        groups = sorted({pair.group for pair in pairs})
        _row("strict / lax F1", *groups)
        for name, aligner in aligners().items():
            cells = []
            for group in groups:
                found = [(pair.gold, aligner(pair)) for pair in pairs if pair.group == group]
                scored = score_documents([(gold, beads) for gold, beads in found if beads is not None])
                missing = all(beads is None for _, beads in found)
                cells.append("-" if missing else f"{scored.f1_strict:.3f} / {scored.f1_lax:.3f}")
            _row(name, *cells)


def growth(sizes: Sequence[int]) -> None:
    """Print processor time and memory of both tiers at every size, each in a process of its own."""
    _row("", "segments a side", "CPU s", "before MB", "peak MB")
    for tier in ("lexical", "embedding"):
        for size in sizes:
            _row(tier, f"{size:,}", *_output(sys.executable, __file__, tier, str(size)).decode().split())
    if shutil.which("hunalign"):
        for size in sizes:
            _row("hunalign", f"{size:,}", *_whole_process(size))


def _whole_process(size: int) -> tuple[str, str, str]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("src", "tgt", "empty.dic")]
        for path, lines in zip(paths, (*made_texts(size), []), strict=True):
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        command = ["hunalign", "-utf", "-realign", str(paths[2]), str(paths[0]), str(paths[1])]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            _, _, used = os.wait4(process.pid, 0)
            process.returncode = 0
        return f"{used.ru_utime + used.ru_stime:.2f}", "-", f"{used.ru_maxrss / 1024:.0f}"


def made_texts(size: int) -> tuple[list[str], list[str]]:
    """Sentences of 6 to 24 made words with a translation each; one in ten target sentences is cut in two."""
    rng = np.random.default_rng(0)
    ranks = np.minimum(rng.zipf(1.3, size * 15), 40_000)
    src, tgt, at = [], [], 0
    for length in rng.integers(6, 24, size):
        words = ranks[at : at + length] if at + length <= len(ranks) else ranks[:length]
        at += length
        src.append(" ".join(f"s{word * 7919 % 99991:x}" for word in words) + ".")
        translated = [f"t{word * 104729 % 99989:x}" for word in words if rng.random() > 0.1] or ["t"]
        parts = 2 if rng.random() < 0.1 else 1
        tgt += [" ".join(part) + "." for part in np.array_split(np.array(translated), parts) if len(part)]
    return src, tgt


def made_sides(size: int) -> tuple[Side, Side]:
    """Unit vectors of every run, int16 in memory; a run's is the sum of its segments' meanings, and noise."""
    rng = np.random.default_rng(0)
    meanings = rng.normal(size=(size, DIMENSION)).astype(np.float32)
    return _made_side(meanings, rng), _made_side(meanings, rng)


def _made_side(meanings: np.ndarray, rng: np.random.Generator) -> Side:
    size = len(meanings)
    stacked = np.zeros((RUNS, size, DIMENSION), np.int16)
    for k in range(RUNS):
        for start in range(0, size - k, 4096):
            end = min(start + 4096, size - k)
            total = np.sum([meanings[start + step : end + step] for step in range(k + 1)], axis=0)
            noise = rng.standard_normal(total.shape, np.float32) * (k + 1) ** 0.5
            stacked[k, start:end] = quantised(total + noise, name="made")
    return Side(vectors=DocumentVectors.stacked(stacked), lengths=rng.integers(30, 200, size).astype(float))


def measure(tier: str, size: int) -> None:
    """Print processor seconds, and MB before and at the peak, of one alignment in this process."""
    run: Callable[[], Alignment]
    if tier == "lexical":
        small, texts = made_texts(50), made_texts(size)
        align_lexical(*small, src_lang="xa", tgt_lang="xb")

        def run() -> Alignment:
            return align_lexical(*texts, src_lang="xa", tgt_lang="xb")
    else:
        align_vectors(*made_sides(50))
        sides = made_sides(size)

        def run() -> Alignment:
            return align_vectors(*sides)

    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak so far is forgotten (proc(5))
    before, began = _status_mb("VmRSS"), time.process_time()
    run()
    sys.stdout.write(f"{time.process_time() - began:.2f} {before:.0f} {_status_mb('VmHWM'):.0f}\n")


def _status_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def _row(first: str, *cells: str) -> None:
    sys.stdout.write(f"{first:28}" + "".join(f"{cell:>18}" for cell in cells) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] in (["lexical"], ["embedding"]):
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        accuracy()
        growth([int(size) for size in sys.argv[1:]] or SIZES)
