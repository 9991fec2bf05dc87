"""Whether scores know: each kind of text, whole and damaged, with what the aligners say of their own beads.

    python benchmarks/scores.py

For every group of documents with gold (the samples, and what TM_TEST_DATA holds) and everything that happens to texts
on their way: one side cut finer, a part of the target missing, single segments missing, a beginning and an end that do
not belong, half of another text, and another text altogether. ECE is the expected calibration error of the beads in
ten bins; ``wrong`` the share of the beads with a score of .8 or more that are not in the gold; ``cells`` what was
searched, a segment of the source.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from align import documents

from tm_align.auto import align
from tm_align.beads import Alignment
from tm_align.score import GoldBead, calibration_error, indices, score_documents

SURE = 0.8
MARKS = tuple(",;:，；、：")
"""Where a side that is cut finer is cut."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Two texts with the gold of what belongs together; without gold they are unrelated."""

    langs: tuple[str, str]
    src: list[str]
    tgt: list[str]
    gold: list[GoldBead]


def with_target(case: Case, tgt: list[str], moved: Callable[[int], Sequence[int]]) -> Case:
    """A case with another target; ``moved`` gives the new numbers of an old segment, none if it is gone."""
    gold: list[GoldBead] = [(src, tuple(new for old in tgt for new in moved(old))) for src, tgt in case.gold]
    linked = [bead for bead in gold if all(bead)]
    left = sorted(set(range(len(tgt))).difference(*(bead[1] for bead in linked)))
    nulls: list[GoldBead] = [((one,), ()) for src, now in gold if not now for one in src]
    return Case(langs=case.langs, src=case.src, tgt=tgt, gold=linked + nulls + [((), (one,)) for one in left])


def finer(case: Case) -> Case:
    """The target cut at commas, semicolons and colons, in parts of ten characters and more."""
    parts, first = [], [0]
    for segment in case.tgt:
        parts += _cut(segment)
        first.append(len(parts))
    return with_target(case, parts, lambda old: range(first[old], first[old + 1]))


def _cut(segment: str) -> list[str]:
    parts = [""]
    for character in segment:
        parts[-1] += character
        if character in MARKS and len(parts[-1]) >= 10:
            parts.append("")
    return [part.strip() for part in parts if part.strip()] or [segment]


def without(case: Case, gone: set[int]) -> Case:
    """The target without some of its segments."""
    kept = [number for number in range(len(case.tgt)) if number not in gone]
    new = {old: number for number, old in enumerate(kept)}
    return with_target(case, [case.tgt[old] for old in kept], lambda old: (new[old],) if old in new else ())


def gap(case: Case) -> Case:
    """The middle 40 % of the target is missing."""
    size = len(case.tgt)
    return without(case, set(range(int(0.3 * size), int(0.7 * size))))


def thinned(case: Case) -> Case:
    """Every seventh segment of the target is missing."""
    return without(case, set(range(3, len(case.tgt), 7)))


def shifted(case: Case) -> Case:
    """The target begins a tenth later and ends with a tenth that says something else: its own beginning."""
    size = len(case.tgt)
    tenth = size // 10
    return with_target(case, case.tgt[tenth:] + case.tgt[:tenth], lambda old: (old - tenth,) if old >= tenth else ())


def glued(case: Case, other: Case) -> Case:
    """The second half of the target is another text."""
    half = len(case.tgt) // 2
    return with_target(case, case.tgt[:half] + other.tgt[:half], lambda old: (old,) if old < half else ())


def unrelated(case: Case, other: Case) -> Case:
    """Another text altogether."""
    return Case(langs=case.langs, src=case.src, tgt=other.tgt, gold=[])


ALONE: dict[str, Callable[[Case], Case]] = {
    "whole": lambda case: case, "cut finer": finer, "gap": gap, "thinned": thinned, "shifted": shifted,
}  # fmt: skip
WITH_ANOTHER: dict[str, Callable[[Case, Case], Case]] = {"glued": glued, "unrelated": unrelated}


def cases() -> Iterator[tuple[str, str, list[Case]]]:
    """Group, damage and documents of every set."""
    with tempfile.TemporaryDirectory() as scratch:
        groups: dict[str, list[Case]] = {}
        for document in documents(Path(scratch)):
            src, tgt = document.segments
            if "@" in document.texts[0].stem:
                continue  # a later version of a sample: no other text
            name = f"{document.group} {'-'.join(document.langs)}" if document.group == "samples" else document.group
            gold = [bead for bead in document.gold if max(bead[0], default=0) < len(src)]
            groups.setdefault(name, []).append(Case(langs=document.langs, src=src, tgt=tgt, gold=gold))
    for group, whole in sorted(groups.items()):
        for damage, change in ALONE.items():
            yield group, damage, [change(case) for case in whole]
        if len(whole) > 1:
            for damage, mix in WITH_ANOTHER.items():
                yield (
                    group,
                    damage,
                    [mix(case, other) for case, other in zip(whole, whole[1:] + whole[:1], strict=True)],
                )


def measured(found: Sequence[tuple[Case, Alignment]]) -> tuple[str, ...]:
    """The cells of one row."""
    linked = [(bead, bead_indices in set(case.gold)) for case, one in found for bead, bead_indices in
              zip(one.beads, indices(one.beads), strict=True) if not bead.is_null]  # fmt: skip
    scores, right = np.array([bead.score for bead, _ in linked]), np.array([is_right for _, is_right in linked])
    sure = scores >= SURE
    f1 = score_documents([(case.gold, indices(one.beads)) for case, one in found]).f1_strict
    per_segment = sum(int(one.details["cells"]) for _, one in found) / sum(len(case.src) for case, _ in found)
    return (
        f"{f1:.3f}" if any(case.gold for case, _ in found) else "-",
        f"{calibration_error(scores, right):.3f}",
        f"{sure.mean():.3f}",
        f"{(1 - right[sure].mean()) if sure.any() else 0:.3f}",
        f"{np.mean([one.confidence for _, one in found]):.2f}",
        f"{max(one.confidence for _, one in found):.2f}",
        f"{per_segment:.0f}",
    )


def main() -> None:
    """Print the table, tier 1 and tier 2 (``lexicon`` encoder) below each other."""
    heads = ("F1", "ECE", "at .8", "wrong", "document", "highest", "cells")
    sys.stdout.write(f"{'':22}{'':11}{'tier':11}" + "".join(f"{head:>10}" for head in heads) + "\n")
    for group, damage, whole in cases():
        for tier in ("lexical", "embedding"):
            found = [
                (case, align(case.src, case.tgt, src_lang=case.langs[0], tgt_lang=case.langs[1], tier=tier))
                for case in whole
            ]
            row = "".join(f"{cell:>10}" for cell in measured(found))
            sys.stdout.write(f"{group:22}{damage:11}{tier:11}{row}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
