"""Lexicons of the memory: collect what they are learned from, decide on the candidate, keep the last ones."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tm_core.contracts import LEXICON_UNITS
from tm_core.errors import DepositError
from tm_core.identity import text_hash
from tm_core.lexicons import KEPT, decide, lexicon_path, refresh_folder
from tm_core.settings import Settings
from tm_core.stores import Pair, load_stores
from tm_formats.storage import Storage
from tm_formats.tables import write_rows
from tm_store.db import Database

#: Confidence from which an aligned unit that nobody has reviewed teaches a lexicon. Not calibrated yet.
MIN_SCORE = 0.9
#: Units a pair is learned from at the most: more teach the rare words only, and the learner holds them in memory.
MAX_UNITS = 500_000
#: Units below which a pair is left alone: a handful teaches accidents.
MIN_UNITS = 200


def collect(settings: Settings, db: Database, storage: Storage, run: str) -> list[dict[str, str]]:
    """Write each language pair's approved units and gold documents to ``work/<run>/<pair>``.

    Returns:
        For each pair with enough units: src_lang, tgt_lang, and the hash of the lexicon in use ("" if none).
    """
    stores = load_stores(settings.include / "stores.toml")
    promoted = {(row.src_lang, row.tgt_lang): row.sha256 for row in db.run("lexicon/select_promoted")}
    held_out = _gold_hashes(settings.include)
    work = []
    for pair in sorted({pair for store in stores.values() for pair in store.pairs}):
        rows = db.run(
            "lexicon/select_units",
            src_lang=pair.src,
            tgt_lang=pair.tgt,
            min_score=MIN_SCORE,
            held_out=held_out,
            most=MAX_UNITS,
        )
        if len(rows) >= MIN_UNITS:
            _write(storage, run, pair, rows, _gold_files(settings.include, pair))
            work.append(
                {"src_lang": pair.src, "tgt_lang": pair.tgt, "promoted": promoted.get((pair.src, pair.tgt), "")}
            )
    return work


def _write(storage: Storage, run: str, pair: Pair, rows: Sequence[Any], gold: Sequence[Path]) -> None:
    folder = refresh_folder(run, pair.src, pair.tgt)
    units = ({"src_text": row.src_text, "tgt_text": row.tgt_text} for row in rows)
    write_rows(storage, f"{folder}/units.parquet", LEXICON_UNITS, units)
    for path in gold:
        storage.write_atomic(f"{folder}/gold/{path.name}", path.read_bytes())


def _gold_files(include: Path, pair: Pair) -> list[Path]:
    """The gold documents of a pair: beads and both texts."""
    folder = include / "samples" / "gold"
    suffix = f".{pair.src}-{pair.tgt}.beads"
    beads = sorted(folder.glob("*" + suffix))
    texts = [
        folder / f"{path.name.removesuffix(suffix)}.{lang}.sent" for path in beads for lang in (pair.src, pair.tgt)
    ]
    return [*beads, *texts]


def _gold_hashes(include: Path) -> list[bytes]:
    """Hashes of all gold sentences: a unit made of one would test the lexicon on what it was taught."""
    sentences = {
        line
        for path in sorted((include / "samples" / "gold").glob("*.sent"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    }
    return sorted(bytes.fromhex(text_hash(sentence)) for sentence in sentences)


def promote(db: Database, storage: Storage, run: str, pairs: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """Decide on each candidate: promoted if it aligns gold no worse than what is in use; thin out older files."""
    decided = []
    for pair in pairs:
        folder = refresh_folder(run, pair["src_lang"], pair["tgt_lang"])
        result: dict[str, Any] = json.loads(storage.read(f"{folder}/result.json"))
        decision = decide(f1=result["f1"], f1_before=result["f1_before"], same=result["sha256"] == pair["promoted"])
        if decision.promoted:
            path = lexicon_path(result["src_lang"], result["tgt_lang"], result["sha256"])
            storage.write_atomic(path, storage.read(f"{folder}/candidate.lex"))
        _record(db, result, "promoted" if decision.promoted else "refused", decision.reason)
        _thin_out(db, storage, result["src_lang"], result["tgt_lang"])
        decided.append({**result, "promoted": decision.promoted, "reason": decision.reason})
    return decided


def _record(db: Database, result: dict[str, Any], state: str, reason: str) -> None:
    place = {name: result[name] for name in ("src_lang", "tgt_lang", "sha256")}
    with db.transaction():
        if state == "promoted":
            db.run("lexicon/retire", **place)
        db.run(
            "lexicon/upsert",
            **place,
            state=state,
            reason=reason,
            **{name: result[name] for name in ("entries", "units", "f1", "f1_before")},
        )


def _thin_out(db: Database, storage: Storage, src_lang: str, tgt_lang: str) -> None:
    """Keep the files of the last few; the rows stay as the record of what was in use when."""
    mine = [row for row in db.run("lexicon/select_all") if (row.src_lang, row.tgt_lang) == (src_lang, tgt_lang)]
    used = [row for row in mine if row.state in ("promoted", "retired")]
    for row in used[KEPT:]:
        if row.state != "promoted":
            storage.delete(lexicon_path(src_lang, tgt_lang, row.sha256))


def use_file(db: Database, storage: Storage, pair: Pair, path: Path) -> str:
    """Put a given lexicon (an imported dictionary, say) into use for a pair, by a person's decision.

    Returns:
        Its hash.

    Raises:
        DepositError: the file is not a lexicon of this pair.
    """
    data = path.read_bytes()
    header = data.partition(b"\n")[0].decode("utf-8", "replace").split()
    if header[:2] != ["#", "tm-lexicon"] or header[3:5] != [pair.src, pair.tgt]:
        raise DepositError(
            f"{path}: expected a lexicon file of {pair}, found a first line '{' '.join(header)[:60]}'. "
            "Make one with `tm-align lexicon import` or `learn`; nothing was changed."
        )
    sha256 = hashlib.sha256(data).hexdigest()
    storage.write_atomic(lexicon_path(pair.src, pair.tgt, sha256), data)
    _use(db, pair, sha256, entries=data.count(b"\n") - 1, reason=f"given by hand: {path.name}")
    return sha256


def use_older(db: Database, storage: Storage, pair: Pair, prefix: str) -> str:
    """Put a lexicon of the list into use again; returns its hash.

    Raises:
        DepositError: none, or more than one, has a hash with this beginning, or its file is gone.
    """
    found = [
        row
        for row in db.run("lexicon/select_all")
        if (row.src_lang, row.tgt_lang) == (pair.src, pair.tgt) and row.sha256.startswith(prefix)
    ]
    if len(found) != 1 or not storage.exists(lexicon_path(pair.src, pair.tgt, found[0].sha256)):
        raise DepositError(
            f"{pair} {prefix}: expected the beginning of one hash of `tm lexicon list` whose file is kept, "
            f"found {len(found)}. Give more digits, or a file; nothing was changed."
        )
    _use(db, pair, found[0].sha256, entries=found[0].entries, reason="put back by hand")
    return str(found[0].sha256)


def _use(db: Database, pair: Pair, sha256: str, *, entries: int, reason: str) -> None:
    numbers: dict[str, Any] = {"entries": entries, "units": 0, "f1": None, "f1_before": None}
    place = {"src_lang": pair.src, "tgt_lang": pair.tgt, "sha256": sha256}
    _record(db, place | numbers, "promoted", reason)


def render(rows: Sequence[Any]) -> list[tuple[object, ...]]:
    """Rows of ``lexicon/select_all`` for a table."""
    return [
        (f"{row.src_lang}-{row.tgt_lang}", row.state, row.sha256[:12], row.entries, _minute(row.decided_at), row.reason)
        for row in rows
    ]


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
