"""The scorer's definition, by hand-counted examples and by what must always hold."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm_align.cli import main
from tm_align.score import score, score_documents

GOLD = [((0,), (0,)), ((1, 2), (1,)), ((3,), ()), ((4,), (2, 3)), ((5,), (4,))]


def test_beads_equal_to_gold_score_one():
    result = score(GOLD, GOLD)
    assert (result.precision_strict, result.recall_strict, result.f1_strict) == (1.0, 1.0, 1.0)
    assert (result.precision_lax, result.recall_lax, result.f1_lax) == (1.0, 1.0, 1.0)


def test_counts_by_hand():
    hyp = [((0,), (0,)), ((1,), (1,)), ((2,), ()), ((3,), ()), ((4,), (2,)), ((5,), (3, 4))]
    result = score(GOLD, hyp)
    # Strict: [0]:[0] and the null bead [3]:[] of six; of gold's four beads with both sides only [0]:[0].
    assert result.precision_strict == pytest.approx(2 / 6)
    assert result.recall_strict == pytest.approx(1 / 4)
    # Lax: [1]:[1], [4]:[2] and [5]:[3, 4] overlap as well; a null bead that gold lacks does not.
    assert result.precision_lax == pytest.approx(5 / 6)
    assert result.recall_lax == pytest.approx(4 / 4)


def test_overlap_needs_both_sides_of_one_bead():
    # Source 0 is gold's with target 0, source 1 with target 1: the crossed bead touches both, and neither.
    assert score([((0,), (0,)), ((1,), (1,))], [((0,), (1,))]).precision_lax == 0.0


def test_nothing_scores_zero_and_not_an_error():
    assert score([], []).f1_strict == 0.0
    assert score(GOLD, []).f1_strict == 0.0


def test_documents_are_counted_together():
    right, wrong = [((0,), (0,))], [((0,), (1,)), ((1,), (2,)), ((2,), (3,))]
    gold = [((0,), (0,)), ((1,), (1,)), ((2,), (2,))]
    assert score_documents([(right, right), (gold, wrong)]).precision_strict == pytest.approx(1 / 4)


@given(st.permutations(GOLD))
def test_order_of_beads_does_not_matter(beads):
    assert score(GOLD, beads).f1_strict == 1.0


def test_command_prints_the_table_and_reads_ladders(tmp_path: Path, capsys):
    (tmp_path / "gold").write_text("[0]:[0]\n[1, 2]:[1]\n")
    (tmp_path / "hyp.ladder").write_text("0\t0\t0.5\n1\t1\t0.5\n2\t2\t0.5\n3\t2\t0\n")
    assert main(["score", "--gold", str(tmp_path / "gold"), "--hyp", str(tmp_path / "hyp.ladder")]) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert table == [
        ["precision", "recall", "F1"],
        ["strict", "0.3333", "0.5000", "0.4000"],
        ["lax", "0.6667", "1.0000", "0.8000"],
    ]


def test_command_refuses_files_without_partners(tmp_path: Path, capsys):
    (tmp_path / "a").write_text("[0]:[0]\n")
    assert main(["score", "--gold", str(tmp_path / "a"), str(tmp_path / "a"), "--hyp", str(tmp_path / "a")]) == 1
    assert "as many hypothesis files as gold files, found 1 and 2" in capsys.readouterr().err
