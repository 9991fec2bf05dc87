"""``tm report``: what one date's refresh did, for somebody who has never seen one."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from tm_core.outcomes import FileState, Outcome
from tm_core.rules import Rule
from tm_store.db import Database

_PROBLEMS_SHOWN = 12
_WIDTH = 110
_PATH_CHARS = 60
# Steps in the order of the flow; the tiers stand in ops.shard_run under the names of what they do.
_ORDER = ("plan", "lexical", "route", "embedding", "filter", "gate", "load", "sample", "publish", "backup")


def report(db: Database, day: date, *, since: datetime | None = None) -> str:
    """The report on the date's current batch as text.

    Args:
        since: when the run that is reported on began: a batch finished before it was found complete by that run.
    """
    current = db.run("ops/select_current_batch", day=day)
    if not current:
        return f"Nothing was deposited for {day}: there is no batch of this date.\nNext: tm deposit --help"
    batch = db.one("ops/select_batch", batch_id=current[0].batch_id)
    sections = [
        _head(batch, since) + _put_away(db, day),
        _files(db, batch),
        _documents(db, batch) + _tier2_down(db, batch),
        _filter(db, batch),
        _slices(db, batch),
        _memory(db, batch),
        _backup(db, batch),
        _seconds(db, batch),
        _units(db, batch),
        _next(day),
    ]
    return "\n\n".join(sections)


def table(rows: Iterable[Sequence[object]], *, indent: int = 2) -> str:
    """Rows as aligned columns: numbers to the right, text to the left."""
    shown = [[_cell(value) for value in row] for row in rows]
    if not shown:
        return ""
    numeric = [
        all(cell.removeprefix("-").replace(",", "").replace(".", "").isdigit() for cell in column)
        for column in zip(*shown, strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in shown
    ]
    return textwrap.indent("\n".join(lines), " " * indent)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _head(batch: Any, since: datetime | None) -> str:
    lines = [f"Refresh of {batch.partition_date}: batch {batch.batch_id}, {batch.state}"]
    if since and batch.done_at and batch.done_at < since:
        lines.append(
            f"Nothing new: the same documents were refined with the same versions at {batch.done_at:%Y-%m-%d %H:%M} "
            "UTC. No row was changed by this run. What that refresh did:"
        )
    return "\n".join(lines)


def _put_away(db: Database, day: date) -> str:
    """Where the books of the date's month lie, if they are no longer in the database (tm_store.upkeep_books)."""
    rows = db.run("report/select_put_away", month=day)
    if not rows:
        return ""
    return (
        f"\nThe books of {day:%Y-%m} were put away on {rows[0].put_away_at:%Y-%m-%d} (TM_BOOKS_MONTHS): what is "
        f"counted by file, document and bead lies below TM_STORAGE in\n  {', '.join(row.path for row in rows)}"
    )


def _files(db: Database, batch: Any) -> str:
    rows = db.run("report/files", batch_id=batch.batch_id, day=batch.partition_date)
    counts = Counter(row.state for row in rows)
    told = ", ".join(f"{counts[state]:,} {state}" for state in FileState if counts[state])
    lines = [f"Files deposited: {len(rows):,} ({told})"]
    problems = _grouped(row for row in rows if row.state != FileState.PAIRED)
    lines += ["  " + _problem(*problem) for problem in problems[:_PROBLEMS_SHOWN]]
    if len(problems) > _PROBLEMS_SHOWN:
        left = sum(len(paths) for _, _, paths in problems[_PROBLEMS_SHOWN:])
        lines.append(f"  … and {left:,} more: tm explain NAME")
    return "\n".join(lines)


def _grouped(rows: Iterable[Any]) -> list[tuple[str, str, list[str]]]:
    """(state, reason, paths): files that were left out for the same reason are told together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        groups.setdefault((row.state, _reason(row)), []).append(_path(row.path))
    return [(state, reason, paths) for (state, reason), paths in groups.items()]


def _problem(state: str, reason: str, paths: list[str]) -> str:
    if len(paths) == 1:
        return textwrap.shorten(f"{state}: {paths[0]}: {reason}", _WIDTH, placeholder=" …")
    head = textwrap.shorten(f"{len(paths):,} {state}: {reason}", _WIDTH, placeholder=" …")
    return head + "\n    " + textwrap.shorten(", ".join(paths), _WIDTH, placeholder=" …")


def _path(path: str) -> str:
    """The path below raw/, its middle left out if it is long: a name is told whatever its length."""
    path, half = path.removeprefix("raw/"), _PATH_CHARS // 2
    return path if len(path) <= _PATH_CHARS else f"{path[:half]}…{path[-half:]}"


def _reason(row: Any) -> str:
    """The reason without the path, or the end of it, that it begins with."""
    where, _, reason = str(row.reason).partition(": ")
    return reason if reason and row.path.endswith(where.strip("'")) else str(row.reason)


def _documents(db: Database, batch: Any) -> str:
    rows = db.run("report/documents", batch_id=batch.batch_id, day=batch.partition_date)
    states, tiers = Counter[str](), Counter[str]()
    for row in rows:
        states[row.state] += row.documents
        tiers[row.tier] += row.beads
    told = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
    segments = sum(row.src_segments + row.tgt_segments for row in rows)
    beads = ", ".join(f"{count:,} {tier}" for tier, count in sorted(tiers.items()) if count)
    return (
        f"Document pairs:  {sum(states.values()):,} ({told})\n"
        f"Segments:        {segments:,} on both sides\n"
        f"Beads by tier:   {beads or 'none'}"
    )


def _tier2_down(db: Database, batch: Any) -> str:
    """What tier 2 should have aligned and could not: never left out, however the rest went."""
    rows = db.run("report/tier2_down", batch_id=batch.batch_id, day=batch.partition_date)
    lines = [f"{row.documents:,} document pairs: {row.reason}\n  {_some(row.names, row.documents)}" for row in rows]
    return "".join(f"\nTIER 2 WAS DOWN: {line}" for line in lines)


def _some(names: Sequence[str], documents: int) -> str:
    return ", ".join(names) + (", …" if documents > len(names) else "")


def _filter(db: Database, batch: Any) -> str:
    rows = db.run("report/outcomes", batch_id=batch.batch_id, day=batch.partition_date)
    by_rule = {row.rule: row.beads for row in rows if row.outcome == Outcome.REJECTED}
    lines = [(rule.value.replace("_", " "), by_rule.get(rule, 0)) for rule in Rule]
    duplicates = sum(row.beads for row in rows if row.outcome == Outcome.DUPLICATE)
    lines.append(("duplicate in batch", duplicates))
    return f"Beads rejected by rule: {sum(by_rule.values()):,}, and {duplicates:,} duplicates\n" + table(lines)


def _slices(db: Database, batch: Any) -> str:
    slices = db.run("ops/select_slices", batch_id=batch.batch_id)
    verdicts = Counter(one.verdict or "no verdict yet" for one in slices)
    told = ", ".join(f"{count:,} slices {verdict}" for verdict, count in sorted(verdicts.items()))
    lines = [f"Gate: {told or 'no slice yet'}"]
    for one in slices:
        said = [*one.reasons, *(f"warning: {warning}" for warning in one.warnings)]
        if said:
            lines.append(f"  {one.store} {one.src_lang}-{one.tgt_lang}: {one.verdict}: {'; '.join(said)}")
    return "\n".join(lines)


def _memory(db: Database, batch: Any) -> str:
    rows = db.run("report/outcomes", batch_id=batch.batch_id, day=batch.partition_date)
    counts = Counter[str]()
    for row in rows:
        counts[row.outcome] += row.beads
    told = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts[outcome] or outcome in _ALWAYS)
    review = db.one("report/review_items", batch_id=batch.batch_id)
    holds = [(row.store, row.units, "units", row.pairs, "language pairs") for row in db.run("report/memory")]
    return (
        f"Load: {told}\nReview queue: {review.items:,} items sampled from {review.strata:,} strata\n"
        f"The memory now holds:\n{table(holds) or '  nothing'}"
    )


_ALWAYS = (Outcome.NEW, Outcome.UPDATED, Outcome.DUPLICATE)


def _backup(db: Database, batch: Any) -> str:
    found = db.run("report/backup", batch_id=batch.batch_id)
    if not found:
        return "Backup: none yet"
    one = found[0]
    return (
        f"Backup: {one.uri}\n  {one.files:,} files, {one.bytes / 1e6:,.2f} MB, manifest SHA-256 {one.manifest_sha256}"
    )


def _seconds(db: Database, batch: Any) -> str:
    rows = {row.step: row for row in db.run("report/steps", batch_id=batch.batch_id, day=batch.partition_date)}
    lines = [
        (step, float(rows[step].seconds), f"in {rows[step].shards} tasks" if rows[step].shards else "")
        for step in _ORDER
        if step in rows
    ]
    return "Seconds a step:\n" + (table(lines) or "  no step has finished")


def _units(db: Database, batch: Any) -> str:
    units = db.run("report/units", batch_id=batch.batch_id, wanted=3)
    lines = [
        "Three units of the memory: of each language pair the middle one by score"
        if units
        else "Units of the memory: none comes from this batch"
    ]
    for one in units:
        lines.append(f"  {one.store}, {one.tier}, score {one.score:.2f}")
        lines += [
            textwrap.fill(f"{lang}: {text}", _WIDTH, initial_indent="    ", subsequent_indent="        ")
            for lang, text in ((one.src_lang, one.src_text), (one.tgt_lang, one.tgt_text))
        ]
    return "\n".join(lines)


def _next(day: date) -> str:
    return (
        "What to try next:\n"
        "  make up                       the same stack with the Airflow UI; prints address and login\n"
        "  tm explain NAME               a document's way through the run, NAME as in\n"
        f"                                raw/<store>/{day}/NAME.<lang>.<ext>\n"
        "  tm deposit --help             deposit your own documents; include/stores.toml has the language pairs\n"
        "  tm doctor                     what runs, what is missing, and the command that mends it"
    )
