"""A person's ruling on a slice: it stands above the gate's checks, except where the numbers cannot be right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tm_core.errors import ReleaseRefused
from tm_core.outcomes import Verdict
from tm_core.verdicts import GATE, TIMEOUT, WHO_CHARS, WHY_CHARS, Check, Decision, Level, Ruling, decide

KEPT = Check(name="the sums close", level=Level.STOP, passed=True, releasable=False)
OPEN = Check(name="the sums close", level=Level.STOP, passed=False, found="7 lost", releasable=False)
LEAKED = Check(name="no gold document", level=Level.STOP, passed=False, found="1 of 4")
ODD = Check(name="usual scores", level=Level.HOLD, passed=False, found="12 deviations")
WARNED = Check(name="few duplicates", level=Level.WARN, passed=False, found="60 %")


def said(verdict: Verdict, who: str = "maria", why: str = "looked at forty beads") -> Ruling:
    return Ruling(verdict=verdict, who=who, why=why)


def test_an_approval_stands_above_a_hold_and_a_releasable_stop_and_keeps_their_reasons() -> None:
    for check, reason in ((ODD, "usual scores: 12 deviations"), (LEAKED, "no gold document: 1 of 4")):
        assert decide([KEPT, check, WARNED], said(Verdict.ACCEPT)) == Decision(
            verdict=Verdict.ACCEPT,
            reasons=("approved by maria: looked at forty beads", reason),
            warnings=("few duplicates: 60 %",),
            decided_by="maria",
            why="looked at forty beads",
        )


def test_nobody_approves_what_cannot_be_right() -> None:
    decision = decide([OPEN, ODD], said(Verdict.ACCEPT))
    assert (decision.verdict, decision.decided_by, decision.releasable) == (Verdict.QUARANTINE, GATE, False)
    assert decision.reasons == ("the sums close: 7 lost", "usual scores: 12 deviations")


@pytest.mark.parametrize("verdict", [Verdict.QUARANTINE, Verdict.DISCARD])
@pytest.mark.parametrize("check", [KEPT, OPEN, LEAKED, ODD])
def test_a_refusal_stands_whatever_the_gate_says(verdict: Verdict, check: Check) -> None:
    assert decide([check], said(verdict)).verdict is verdict


def test_only_a_stop_that_cannot_be_right_is_not_releasable() -> None:
    assert [decide([check]).releasable for check in (KEPT, OPEN, LEAKED, ODD)] == [True, False, True, True]


@given(st.lists(st.tuples(st.sampled_from(Level), st.booleans(), st.booleans()), min_size=1))
def test_nothing_that_cannot_be_right_is_ever_accepted(drawn: list[tuple[Level, bool, bool]]) -> None:
    checks = [
        Check(name=str(number), level=level, passed=passed, releasable=releasable or level is not Level.STOP)
        for number, (level, passed, releasable) in enumerate(drawn)
    ]
    wrong = any(not one.passed and not one.releasable for one in checks)
    for ruling in (None, said(Verdict.ACCEPT)):
        assert not (wrong and decide(checks, ruling).verdict is Verdict.ACCEPT)
    assert decide(checks).verdict is not Verdict.DISCARD, "the gate throws nothing away"


@pytest.mark.parametrize(
    ("verdict", "who", "why", "words"),
    [
        (Verdict.HOLD, "maria", "a reason", "expected one of accept, quarantine, discard"),
        (Verdict.ACCEPT, "  ", "a reason", "the name of the person"),
        (Verdict.ACCEPT, GATE, "a reason", "the name of the person"),
        (Verdict.ACCEPT, "m" * (WHO_CHARS + 1), "a reason", "the name of the person"),
        (Verdict.ACCEPT, "maria", "", "a reason of 3 to 500 characters, found 0"),
        (Verdict.DISCARD, "maria", " ok ", "found 2"),
        (Verdict.ACCEPT, "maria", "x" * (WHY_CHARS[1] + 1), "found 501"),
    ],
)
def test_a_ruling_without_person_or_reason_is_refused(verdict: Verdict, who: str, why: str, words: str) -> None:
    with pytest.raises(ReleaseRefused, match=words):
        said(verdict, who, why)


def test_a_time_out_is_nobody() -> None:
    assert not said(Verdict.QUARANTINE, TIMEOUT).by_person
    assert said(Verdict.QUARANTINE).by_person
