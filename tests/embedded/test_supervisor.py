"""What the supervisor promises without a stack: signals that end it in order, and a shell's environment."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.waiting import HANG_S
from tm_embedded.airflow import OF_ONE_STACK, SHELL_MARK, Workload, environment, shell_environment, wish
from tm_embedded.cli import exports, other_wishes
from tm_embedded.home import Home, RunningStack
from tm_embedded.postgres import MEMBERS, ROLES, Address
from tm_embedded.processes import MARK
from tm_embedded.supervisor import interruptible, undisturbed

KEYS = {name: f"{name}-secret" for name in (*ROLES, *MEMBERS, "fernet", "api_secret", "jwt")}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_block_in_order_and_the_handler_is_put_back(number: signal.Signals) -> None:
    before, tidied = signal.getsignal(number), []

    def block() -> None:
        with interruptible():
            try:
                os.kill(os.getpid(), number)
                threading.Event().wait(HANG_S)
            finally:
                with undisturbed():
                    os.kill(os.getpid(), number)  # an impatient second Ctrl-C does not cut the stop short
                    tidied.append(number)

    with pytest.raises(KeyboardInterrupt, match=number.name):
        block()
    assert tidied == [number]
    assert signal.getsignal(number) is before


def stack_environment(home: Path, caller: dict[str, str], *, port: int = 4001) -> dict[str, str]:
    address = Address(port=port, passwords=KEYS)
    return environment(Home(path=home), Workload.of(Path("/project")), address, KEYS, 4002, caller)


def test_the_callers_settings_pass_on_and_the_stacks_own_win(tmp_path: Path) -> None:
    caller = {"TM_DATABASE_URL": "postgresql://mine", "TM_ENCODER": "laser2", "KUBECONFIG": "/x", "AIRFLOW_HOME": "/y"}
    found = stack_environment(tmp_path, caller)
    assert found["TM_DATABASE_URL"] == "postgresql://mine"
    assert not {"TM_DATABASE_READ_URL", "TM_DATABASE_OWNER_URL"} & set(found), "of another database than the caller's"
    assert found["TM_ENCODER"] == "laser2"
    assert found["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert "KUBECONFIG" not in found


def test_a_shell_gets_the_stack_and_never_the_mark_of_its_processes(tmp_path: Path) -> None:
    stack = stack_environment(tmp_path, {"TM_ENCODER": "laser2", "HOME": "/root", "PATH": "/mine"})
    shell = shell_environment(stack)
    assert {"TM_HOME", "TM_DATABASE_URL", "TM_STORAGE", "TM_ENCODER", "AIRFLOW_HOME", SHELL_MARK} <= set(shell)
    assert not {"HOME", MARK} & set(shell)
    assert shell["PATH"].endswith(":/mine")
    # Asked for again and again in one shell, the lists do not grow.
    assert shell_environment(stack_environment(tmp_path, shell)) == shell


def test_the_next_stack_does_not_take_an_old_stacks_database_from_the_shell(tmp_path: Path) -> None:
    shell = shell_environment(stack_environment(tmp_path, {}))
    assert ":4001/" in shell["TM_DATABASE_URL"]
    assert ":4999/" in stack_environment(tmp_path, shell, port=4999)["TM_DATABASE_URL"]
    # What a person has set since then is a person's wish.
    changed = shell | {"TM_DATABASE_URL": "postgresql://mine"}
    found = stack_environment(tmp_path, changed, port=4999)
    assert found["TM_DATABASE_URL"] == "postgresql://mine"
    assert not {"TM_DATABASE_READ_URL", "TM_DATABASE_OWNER_URL"} & set(found)


@pytest.mark.parametrize(
    "own", [{}, {"TM_STORAGE": "s3://mine"}, {"TM_DATABASE_URL": "postgresql://me:secret@there/tm"}]
)
def test_a_persons_memory_and_storage_win_in_every_stack_of_a_shell(tmp_path: Path, own: dict[str, str]) -> None:
    """Set by a person, `make up`, `eval "$(tm-embedded env)"`, `make down`, `make up`, and again."""
    shell = dict(own)
    first = stack_environment(tmp_path, shell)
    for port in (4001, 4002, 4003):
        stack = stack_environment(tmp_path, shell, port=port)
        assert {name: stack[name] for name in own} == own
        assert {name for name in OF_ONE_STACK if name in stack} == {name for name in OF_ONE_STACK if name in first}
        assert all(f":{port}/" in stack[name] for name in OF_ONE_STACK if name in stack and name not in own | NO_PORT)
        assert wish(shell) == own
        shell |= shell_environment(stack)
    # And what a person sets later, after a stack of its own memory.
    changed = shell | {"TM_STORAGE": "s3://later", "TM_DATABASE_URL": "postgresql://later"}
    assert wish(changed) == {"TM_STORAGE": "s3://later", "TM_DATABASE_URL": "postgresql://later"}
    assert stack_environment(tmp_path, changed) | wish(changed) == stack_environment(tmp_path, changed)


NO_PORT = {"TM_STORAGE": ""}


def test_an_empty_value_is_none(tmp_path: Path) -> None:
    found = stack_environment(tmp_path, {"TM_STORAGE": "", "TM_DATABASE_URL": "", "TM_DATABASE_READ_URL": ""})
    assert found == stack_environment(tmp_path, {})
    assert wish({"TM_STORAGE": ""}) == {}


def test_up_says_which_values_of_the_shell_a_running_stack_does_not_use() -> None:
    there = RunningStack(
        pid=1, kind="make up", started="", project="", postgres_port=1, api_port=2,
        memory="postgresql://me:***@there/tm", storage="s3://mine",
    )  # fmt: skip
    same = {"TM_DATABASE_URL": "postgresql://me:secret@there/tm", "TM_STORAGE": "s3://mine"}
    assert list(other_wishes(there, same)) == []
    assert list(other_wishes(there, {})) == []
    said = list(other_wishes(there, {"TM_DATABASE_URL": "postgresql://me:secret@here/tm", "TM_STORAGE": "s3://other"}))
    assert [line.split(":  ", 1)[1].partition(": the stack")[0] for line in said] == [
        "TM_DATABASE_URL=postgresql://me:***@here/tm",
        "TM_STORAGE=s3://other",
    ]


def test_tasks_load_and_look_up_with_logins_that_own_nothing(tmp_path: Path) -> None:
    found = stack_environment(tmp_path, {})
    logins = {name: found[name].split("//")[1].split(":")[0] for name in found if name.startswith("TM_DATABASE_")}
    assert found["TM_AIRFLOW_DATABASE_URL"].endswith("/airflow"), "a backup would leave Airflow's metadata out"
    assert logins == {"TM_DATABASE_URL": "tm_load", "TM_DATABASE_READ_URL": "tm_read", "TM_DATABASE_OWNER_URL": "tm"}


def test_a_shell_reads_back_what_was_written() -> None:
    awkward = {"TM_HOME": '/a b/it\'s $HOME `x` \\ "ü"\nnext', "TM_EMPTY": ""}
    script = "\n".join(exports(awkward)) + '\nprintf \'%s\\0%s\' "$TM_HOME" "$TM_EMPTY"'
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split("\0") == list(awkward.values())
