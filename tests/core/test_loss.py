"""What a pod died of, and what the next one is like: every row of the table in docs/kubernetes.md."""

import pickle
import random
from typing import Any

import pytest

from tm_core import loss
from tm_core.loss import (
    FINAL,
    LOST,
    NOT_STARTED,
    WORK,
    Cause,
    GiveUp,
    Mode,
    NextPod,
    PodEnd,
    PodRun,
    cause_of,
    error_of,
    next_pod,
)
from tm_core.pods import LossRules

RULES = LossRules(spot_losses=3, max_losses=5, wait_seconds=5.0)


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        ({"reason": "Evicted", "message": "The node was low on resource: memory"}, Cause.EVICTED),
        ({"reason": "EvictionByEvictionAPI", "exit_code": 143, "gone": True}, Cause.EVICTED),
        ({"reason": "Preempting", "exit_code": 137}, Cause.PREEMPTED),
        ({"reason": "Shutdown"}, Cause.PREEMPTED),
        ({"gone": True, "events": frozenset(["Scheduled", "Preempted"])}, Cause.PREEMPTED),
        ({"gone": True, "events": frozenset(["TaintManagerEviction"])}, Cause.NODE_GONE),
        ({"stuck": True, "gone": True, "events": frozenset()}, Cause.NODE_GONE),
        ({"reason": "NodeLost"}, Cause.NODE_GONE),
        ({"gone": True}, Cause.DELETED),
        ({"gone": True, "exit_code": 143}, Cause.DELETED),
        ({"exit_code": 137, "container_reason": "Error"}, Cause.KILLED),
        ({"exit_code": 137, "container_reason": "OOMKilled"}, Cause.OUT_OF_MEMORY),
        ({"exit_code": 137, "container_reason": "OOMKilled", "gone": True}, Cause.OUT_OF_MEMORY),
        ({"exit_code": 139, "container_reason": "Error"}, Cause.CRASHED),
        ({"exit_code": 134}, Cause.CRASHED),
        ({"reason": "DeadlineExceeded", "exit_code": 137}, Cause.DEADLINE),
        ({"exit_code": 0}, Cause.RESULT_LOST),
        ({"exit_code": 1}, Cause.FAILED),
        ({"exit_code": 7}, Cause.FAILED),
        ({"exit_code": 2}, Cause.HOPELESS),
        ({"exit_code": 3}, Cause.HOPELESS),
        ({"exit_code": 4}, Cause.SUPERSEDED),
        ({"exit_code": 128, "container_reason": "StartError"}, Cause.START_TIMEOUT),
        ({"waiting": "ErrImagePull", "scheduled": True}, Cause.IMAGE),
        ({"waiting": "ImagePullBackOff", "late": True, "scheduled": True}, Cause.IMAGE),
        ({"waiting": "CreateContainerConfigError"}, Cause.REJECTED),
        ({"waiting": "CreateContainerError"}, Cause.START_TIMEOUT),
        ({"waiting": "ContainerCreating", "late": True, "scheduled": True}, Cause.START_TIMEOUT),
        ({"late": True}, Cause.UNSCHEDULABLE),
        ({"api_status": 403, "message": "pods is forbidden"}, Cause.FORBIDDEN),
        ({"api_status": 403, "message": "exceeded quota: tm-shard"}, Cause.UNSCHEDULABLE),
        ({"api_status": 422, "message": "is invalid"}, Cause.REJECTED),
        ({"api_silent": True}, Cause.API_LOST),
        ({}, Cause.UNKNOWN),
    ],
)
def test_causes_are_told_apart(end: dict[str, Any], cause: Cause) -> None:
    assert cause_of(PodEnd(**end)) is cause


def test_every_cause_is_dealt_with_in_one_way() -> None:
    kinds = [LOST, NOT_STARTED, WORK, FINAL, {Cause.DONE}]
    assert sum(map(len, kinds)) == len(Cause)
    assert set().union(*kinds) == set(Cause)


def test_every_error_names_a_remedy_and_survives_pickling() -> None:
    errors = {
        type(error_of("tier", GiveUp(cause=cause, why="why"), "seen")) for cause in Cause if cause is not Cause.DONE
    }
    assert len(errors) >= 14
    for cause in Cause:
        error = error_of("lexical shard 3", GiveUp(cause=cause, why="why"), "seen it")
        said = str(pickle.loads(pickle.dumps(error)))
        assert said == str(error)
        assert said.startswith("lexical shard 3: ")
        assert "lear this task" in said


@pytest.mark.parametrize("cause", sorted(FINAL))
def test_what_stays_wrong_is_not_tried_again_in_this_try(cause: Cause) -> None:
    found = next_pod([PodRun(try_number=1, cause=cause)], RULES, 1)
    assert found == GiveUp(cause=cause, why="another pod would end alike")
    assert next_pod([PodRun(try_number=1, cause=cause)], RULES, 2) == NextPod(), "a person has cleared it"


def lost(number: int, *, cause: Cause = Cause.PREEMPTED, **more: Any) -> list[PodRun]:
    return [PodRun(try_number=1, cause=cause, **more)] * number


def test_losses_wait_longer_each_time_and_move_to_on_demand_nodes() -> None:
    found = [next_pod(lost(number), RULES, 1) for number in range(4)]
    assert [one.wait_seconds for one in found if isinstance(one, NextPod)] == [0, 5, 10, 20]
    assert [one.on_demand for one in found if isinstance(one, NextPod)] == [False, False, False, True]
    assert isinstance(next_pod(lost(5), RULES, 1), NextPod)
    assert next_pod(lost(6), RULES, 1) == GiveUp(cause=Cause.PREEMPTED, why="6 pods were lost in this try")
    again = next_pod(lost(6), RULES, 2)
    assert isinstance(again, NextPod)
    assert again.on_demand, "what was learned of the nodes holds"


def test_what_finds_no_spot_node_goes_to_an_on_demand_node_and_then_gives_up() -> None:
    runs = lost(1, cause=Cause.UNSCHEDULABLE)
    assert next_pod(runs, RULES, 1) == NextPod(on_demand=True)
    runs += lost(1, cause=Cause.UNSCHEDULABLE, on_demand=True)
    assert isinstance(next_pod(runs, RULES, 1), GiveUp)


def test_memory_is_raised_once_before_any_document_is_suspected() -> None:
    runs = [PodRun(try_number=1, cause=Cause.OUT_OF_MEMORY)]
    assert next_pod(runs, RULES, 1) == NextPod(memory_factor=2.0)
    runs.append(PodRun(try_number=1, cause=Cause.OUT_OF_MEMORY, memory_factor=2.0))
    assert next_pod(runs, RULES, 1) == NextPod(memory_factor=2.0, mode=Mode.CAREFUL)


@pytest.mark.parametrize("cause", sorted(WORK))
def test_a_poisonous_document_is_found_confirmed_and_left_out(cause: Cause) -> None:
    """A cluster in three lines: a pod dies at the poison, and notes where it is when it is careful."""
    runs: list[PodRun] = []
    for _ in range(10):
        wanted = next_pod(runs, RULES, 1)
        assert isinstance(wanted, NextPod)
        if "poison" in wanted.quarantine and wanted.mode is not Mode.ALONE:
            break
        suspect = "" if wanted.mode is Mode.WHOLE else "poison"
        runs.append(
            PodRun(
                try_number=1, cause=cause, mode=wanted.mode, document=wanted.document, suspect=suspect,
                memory_factor=wanted.memory_factor,
            )
        )  # fmt: skip
    assert wanted.quarantine["poison"].startswith(f"quarantined: the aligner's pod ended ({cause}) twice")
    modes = [run.mode for run in runs]
    assert modes[-2:] == [Mode.CAREFUL, Mode.ALONE]
    assert len(runs) == (4 if cause is Cause.OUT_OF_MEMORY else 3)


def test_a_suspect_that_is_innocent_is_not_quarantined() -> None:
    runs = [
        PodRun(try_number=1, cause=Cause.CRASHED),
        PodRun(try_number=1, cause=Cause.CRASHED, mode=Mode.CAREFUL, suspect="a"),
        PodRun(try_number=1, cause=Cause.DONE, mode=Mode.ALONE, document="a"),
    ]
    assert next_pod(runs, RULES, 1) == NextPod(mode=Mode.CAREFUL)


def test_a_loss_in_between_changes_nothing_of_the_search() -> None:
    runs = [PodRun(try_number=1, cause=Cause.CRASHED, mode=Mode.CAREFUL, suspect="a"), *lost(1)]
    found = next_pod(runs, RULES, 1)
    assert isinstance(found, NextPod)
    assert (found.mode, found.document) == (Mode.ALONE, "a")


def test_what_dies_before_any_document_is_no_documents_fault() -> None:
    runs = [PodRun(try_number=1, cause=Cause.CRASHED), PodRun(try_number=1, cause=Cause.CRASHED, mode=Mode.CAREFUL)]
    assert isinstance(next_pod(runs, RULES, 1), GiveUp)
    assert next_pod(runs, RULES, 2) == NextPod(mode=Mode.CAREFUL), "cleared: it is tried"


def test_many_poisonous_documents_are_a_fault_of_something_else() -> None:
    runs = [
        PodRun(try_number=1, cause=Cause.CRASHED, mode=Mode.ALONE, document=f"d{number}")
        for number in range(loss.MAX_QUARANTINED + 1)
    ]
    assert isinstance(next_pod(runs, RULES, 1), GiveUp)
    assert isinstance(next_pod(runs[:-1], RULES, 1), NextPod)


def test_a_finished_shard_that_is_cleared_begins_anew() -> None:
    runs = [
        *lost(4),
        PodRun(try_number=1, cause=Cause.CRASHED, mode=Mode.ALONE, document="a"),
        PodRun(try_number=1, cause=Cause.DONE, mode=Mode.CAREFUL),
    ]
    assert next_pod(runs, RULES, 2) == NextPod()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_a_try_ends(seed: int) -> None:
    """A cluster that throws dice: the rules come to an end, and never ask for a document in quarantine."""
    dice, runs = random.Random(seed), list[PodRun]()
    causes = sorted(set(Cause) - {Cause.DONE})
    for _ in range(200):
        wanted = next_pod(runs, RULES, 1)
        if isinstance(wanted, GiveUp):
            return
        assert wanted.document not in wanted.quarantine or wanted.document == ""
        runs.append(
            PodRun(
                try_number=1,
                cause=Cause.DONE if wanted.mode is Mode.ALONE and dice.random() < 0.3 else dice.choice(causes),
                mode=wanted.mode,
                document=wanted.document,
                suspect=dice.choice(["", "a", "b", "c"]) if wanted.mode is Mode.CAREFUL else "",
                on_demand=wanted.on_demand,
                memory_factor=wanted.memory_factor,
            )
        )
    raise AssertionError(f"still going on after {len(runs)} pods")
