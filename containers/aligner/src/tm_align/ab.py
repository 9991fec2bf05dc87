"""One side of a comparison of aligners: the same documents, by a variant of ours or by an external command."""

import resource
import shlex
import subprocess
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tm_align.auto import Tier, align
from tm_align.beads import Bead
from tm_align.encode import Encoder, OverlapEncoder, load_line_encoder
from tm_align.lexicon import Lexicon
from tm_align.lexicon_refresh import read_lexicon
from tm_align.probe import machine
from tm_core.ab import Side, Variant, ab_folder
from tm_core.contracts import COMPARED, SEGMENTS
from tm_core.errors import AlignmentInputError, SettingsError
from tm_core.room import scratch
from tm_core.settings import Encoder as EncoderName
from tm_core.settings import Settings
from tm_formats.hunalign import read_ladder, spans
from tm_formats.manifest import read_manifest, write_manifest
from tm_formats.storage import Storage
from tm_formats.tables import read_columns, write_rows
from tm_formats.vecalign import read_beads

#: (first, count) of the source, then of the target.
_Spans = tuple[int, int, int, int]
_Texts = tuple[list[str], list[str]]
_Aligner = Callable[[Sequence[str], Sequence[str]], Iterable[_Spans]]


def align_side(settings: Settings, storage: Storage, run: str, side: Side) -> dict[str, Any]:
    """Align every document of ``work/<run>/input`` by one variant and write ``work/<run>/<side>``.

    Returns:
        The attestation: the side, documents, segments, beads, processor seconds of the alignment (children included,
        loading left out), the machine and versions.

    Raises:
        AlignmentInputError: an external aligner failed, or its beads are none of these documents.
        SettingsError: it is not in ``include/aligners.toml``.
    """
    facts: Any = read_manifest(storage, ab_folder(run)).facts
    pair = (facts["src_lang"], facts["tgt_lang"])
    aligner = _aligner(settings, storage, Variant(**facts["variants"][side.value]), *pair)
    documents = _documents(storage, run)
    rows, began = [], _cpu_seconds()
    for key, (src, tgt) in documents.items():
        rows += [dict(zip(COMPARED.names, (key, *found), strict=True)) for found in aligner(src, tgt)]
    folder = ab_folder(run, side)
    attestation: dict[str, Any] = {
        "side": side.value,
        "documents": len(documents),
        "segments": sum(len(src) + len(tgt) for src, tgt in documents.values()),
        "beads": len(rows),
        "cpu_seconds": round(_cpu_seconds() - began, 4),
        **machine(settings.device),
    }
    write_manifest(storage, folder, [write_rows(storage, f"{folder}/beads.parquet", COMPARED, rows)], attestation)
    return attestation


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _documents(storage: Storage, run: str) -> dict[str, _Texts]:
    table = read_columns(storage, f"{ab_folder(run)}/segments.parquet", SEGMENTS)
    found: dict[str, _Texts] = defaultdict(lambda: ([], []))
    for row in table.sort_by("position").to_pylist():
        found[row["document_key"]][row["side"]].append(row["text"])
    return dict(sorted(found.items()))


# Aligners ------------------------------------------------------------------------------------------


def _aligner(settings: Settings, storage: Storage, variant: Variant, src_lang: str, tgt_lang: str) -> _Aligner:
    if variant.command:
        return _external(settings.include, variant.command, src_lang, tgt_lang)
    lexicon = read_lexicon(storage, src_lang, tgt_lang, variant.lexicon) if variant.lexicon else None
    encoder = _encoder(settings, variant.encoder)

    def ours(src: Sequence[str], tgt: Sequence[str]) -> Iterable[_Spans]:
        return _ours(src, tgt, src_lang, tgt_lang, variant.threshold, lexicon, encoder)

    ours(["Warm up."], ["Warm up."])  # loads the compiled kernels, which is no cost of the documents
    return ours


def _encoder(settings: Settings, name: str) -> Encoder | None:
    if name == EncoderName.LEXICON:
        return None
    return OverlapEncoder(model=load_line_encoder(name, model_dir=settings.model_dir, device=settings.device))


def _ours(
    src: Sequence[str],
    tgt: Sequence[str],
    src_lang: str,
    tgt_lang: str,
    threshold: float,
    lexicon: Lexicon | None,
    encoder: Encoder | None,
) -> list[_Spans]:
    """Align as a refresh does: tier 1, and tier 2 where tier 1's confidence is under the threshold."""
    align_by = partial(align, src, tgt, src_lang=src_lang, tgt_lang=tgt_lang, lexicon=lexicon)
    found = align_by(tier=Tier.LEXICAL)
    if found.confidence < threshold:
        found = align_by(tier=Tier.EMBEDDING, encoder=encoder)
    return [_counted(bead) for bead in found.beads]


def _counted(bead: Bead) -> _Spans:
    return bead.src[0], bead.src[1] - bead.src[0], bead.tgt[0], bead.tgt[1] - bead.tgt[0]


def _external(include: Path, name: str, src_lang: str, tgt_lang: str) -> _Aligner:
    path = include / "aligners.toml"
    told = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if not (entry := told.get("aligner", {}).get(name)):
        raise SettingsError(f"{path}: expected an aligner '{name}', found none. Add it; nothing was aligned.")

    def run(src: Sequence[str], tgt: Sequence[str]) -> Iterable[_Spans]:
        with scratch(f"the texts for aligner '{name}'", need="as much as one document") as folder:
            return _run(folder, name, entry, {"src_lang": src_lang, "tgt_lang": tgt_lang}, src, tgt)

    return run


def _run(
    scratch: Path, name: str, entry: dict[str, str], langs: dict[str, str], src: Sequence[str], tgt: Sequence[str]
) -> list[_Spans]:
    places = {one: scratch / one for one in ("src", "tgt", "out")}
    for one, segments in (("src", src), ("tgt", tgt)):
        # A segment a line: a line break inside one would make two.
        places[one].write_text("".join(" ".join(text.split()) + "\n" for text in segments), encoding="utf-8")
    command = [part.format(**places, **langs) for part in shlex.split(entry["command"])]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise AlignmentInputError(f"aligner '{name}': cannot be started ({error}). Nothing was written.") from error
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-3:]
        raise AlignmentInputError(f"aligner '{name}': status {done.returncode}: {' / '.join(last)}")
    if not places["out"].exists():
        places["out"].write_bytes(done.stdout)
    return _checked(name, _read(places["out"], entry.get("format", "vecalign")), len(src), len(tgt))


def _read(path: Path, form: str) -> list[_Spans]:
    if form == "ladder":
        return [(a[0], a[1] - a[0], b[0], b[1] - b[0]) for a, b in spans(read_ladder(path))]
    return [(*_span(bead.src), *_span(bead.tgt)) for bead in read_beads(path)]


def _span(numbers: Sequence[int]) -> tuple[int, int]:
    return (min(numbers), len(numbers)) if numbers else (0, 0)


def _checked(name: str, found: list[_Spans], n_src: int, n_tgt: int) -> list[_Spans]:
    """Every segment once, or the two sides are no alignments of the same documents."""
    for side, first, count, total in (("source", 0, 1, n_src), ("target", 2, 3, n_tgt)):
        used = sorted(number for one in found for number in range(one[first], one[first] + one[count]))
        if used != list(range(total)):
            raise AlignmentInputError(
                f"aligner '{name}': expected each of {total:,} {side} segments in one bead, found {len(set(used)):,} "
                f"of them in {len(used):,} places. Most likely it splits or joins lines; nothing was written."
            )
    return found
