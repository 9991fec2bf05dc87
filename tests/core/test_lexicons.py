"""When a candidate takes the place of the lexicon in use."""

import pytest

from tm_core.lexicons import decide, lexicon_path


@pytest.mark.parametrize(
    ("f1", "before", "same", "promoted"),
    [
        (0.81, 0.80, False, True),
        (0.80, 0.80, False, True),
        (0.79, 0.80, False, False),
        (None, None, False, False),
        (0.9, None, False, False),
        (None, None, True, True),
    ],
)
def test_promoted_only_if_no_worse(f1: float | None, before: float | None, same: bool, promoted: bool) -> None:
    decision = decide(f1=f1, f1_before=before, same=same)
    assert decision.promoted is promoted
    assert decision.reason


def test_the_path_names_pair_and_hash() -> None:
    assert lexicon_path("en", "pt-BR", "ab") == "lexicons/en-pt-BR/ab.lex"
