"""Learn one language pair's lexicon from the memory's units and score it on gold: ``tm-align lexicon refresh``."""

import json
from collections.abc import Iterable
from typing import Any, Final

from tm_align.learning import learn_lexicon
from tm_align.lexical import align_lexical
from tm_align.lexicon import Lexicon
from tm_align.score import GoldBead, indices, score_documents
from tm_core.contracts import LEXICON_UNITS
from tm_core.errors import ContractError
from tm_core.lexicons import lexicon_path, refresh_folder
from tm_core.room import scratch
from tm_formats.storage import Storage
from tm_formats.tables import read_columns
from tm_formats.vecalign import parse_bead_lines

HELD_PAIRS: Final = 500_000
"""Word pairs that a reader holds in all its lexicons: 500 bytes each, once both directions are indexed."""

Gold = tuple[list[str], list[str], list[GoldBead]]


def refresh_lexicon(storage: Storage, run: str, src_lang: str, tgt_lang: str, promoted: str) -> dict[str, Any]:
    """Make a candidate of the collected units and score it against what is in use.

    Args:
        run: the folder below ``work/`` in which ``tm_store.lexicons.collect`` has put units and gold.
        promoted: hash of the lexicon in use; "" if there is none.

    Returns:
        The result, as it is written to ``result.json`` beside ``candidate.lex``.
    """
    folder = refresh_folder(run, src_lang, tgt_lang)
    table = read_columns(storage, f"{folder}/units.parquet", LEXICON_UNITS)
    units = list(zip(table["src_text"].to_pylist(), table["tgt_text"].to_pylist(), strict=True))
    candidate = learn_lexicon(units, src_lang=src_lang, tgt_lang=tgt_lang)
    gold = list(_gold(storage, folder, src_lang, tgt_lang))
    before = read_lexicon(storage, src_lang, tgt_lang, promoted) if promoted else None
    result = {
        "src_lang": src_lang,
        "tgt_lang": tgt_lang,
        "sha256": candidate.sha256,
        "entries": len(candidate),
        "units": len(units),
        "f1": _f1(gold, candidate, src_lang, tgt_lang),
        "f1_before": _f1(gold, before, src_lang, tgt_lang),
        "gold_documents": len(gold),
    }
    with scratch("a learned lexicon", need="as much as the lexicon, some megabytes") as disk:
        path = disk / "candidate.lex"
        candidate.save(path)
        storage.write_atomic(f"{folder}/candidate.lex", path.read_bytes())
    storage.write_atomic(f"{folder}/result.json", json.dumps(result, sort_keys=True).encode())
    return result


def read_lexicon(storage: Storage, src_lang: str, tgt_lang: str, sha256: str) -> Lexicon:
    """Read a lexicon by its hash.

    Raises:
        ContractError: the file is not the one of that hash.
    """
    path = lexicon_path(src_lang, tgt_lang, sha256)
    with scratch("a copy of a lexicon", need="as much as the lexicon, some megabytes") as disk:
        local = disk / "pinned.lex"
        local.write_bytes(storage.read(path))
        lexicon = Lexicon.load(local)
    if lexicon.sha256 != sha256:
        raise ContractError(
            f"{storage.uri_of(path)}: expected the lexicon {sha256[:12]}, found {lexicon.sha256[:12]}. The file was "
            "changed. Put it back from a backup, or promote another lexicon; nothing was written."
        )
    return lexicon


class LexiconReader:
    """Reads lexicons by hash and holds the last ones: documents of one pair share what is read and indexed once."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._held: dict[tuple[str, str, str], Lexicon] = {}

    def read(self, src_lang: str, tgt_lang: str, sha256: str) -> Lexicon:
        """Read a lexicon, or give the one that is held. Raises as ``read_lexicon`` does."""
        key = src_lang, tgt_lang, sha256
        lexicon = self._held.pop(key, None) or read_lexicon(self._storage, *key)
        while self._held and len(lexicon) + sum(map(len, self._held.values())) > HELD_PAIRS:
            del self._held[next(iter(self._held))]  # the one that was asked for longest ago
        self._held[key] = lexicon
        return lexicon


def _gold(storage: Storage, folder: str, src_lang: str, tgt_lang: str) -> Iterable[Gold]:
    paths = {info.path for info in storage.list(f"{folder}/gold")}
    for path in sorted(path for path in paths if path.endswith(".beads")):
        stem = path.removesuffix(f".{src_lang}-{tgt_lang}.beads")
        src, tgt = (_sentences(storage, f"{stem}.{lang}.sent") for lang in (src_lang, tgt_lang))
        lines = storage.read(path).decode("utf-8").splitlines()
        beads = [(line.src, line.tgt) for line in parse_bead_lines(lines, name=path)]
        yield src, tgt, beads


def _sentences(storage: Storage, path: str) -> list[str]:
    return [line for line in storage.read(path).decode("utf-8").splitlines() if line.strip()]


def _f1(gold: list[Gold], lexicon: Lexicon | None, src_lang: str, tgt_lang: str) -> float | None:
    if not gold:
        return None
    scored = score_documents(
        (beads, indices(align_lexical(src, tgt, src_lang=src_lang, tgt_lang=tgt_lang, lexicon=lexicon).beads))
        for src, tgt, beads in gold
    )
    return round(scored.f1_strict, 4)
