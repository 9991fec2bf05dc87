"""What a person sees of a run: one line a task, not one line a change."""

import io

import pytest

from tm_embedded.demo import log_tail
from tm_embedded.progress import Progress, group


def instance(task_id: str, state: str | None, duration: float | None = None, map_index: int = -1) -> dict[str, object]:
    return {"task_id": task_id, "state": state, "duration": duration, "map_index": map_index}


@pytest.mark.parametrize(
    ("states", "text"),
    [
        (["running"], "running"),
        (["success"], "done in 1.5 s"),
        (["success", "success"], "2 done in 1.5 s"),
        (["success", "running", None], "1/3 running"),
        (["success", "failed", "running"], "2/3 failed"),
        (["skipped"], "skipped"),
        (["success", "skipped"], "2 done in 1.5 s"),
        ([None], "waiting"),
    ],
)
def test_a_task_is_summarised(states: list[str | None], text: str) -> None:
    instances = [instance("align", state, 1.5, index) for index, state in enumerate(states)]
    assert group("align", instances).text == text


def lines_of(*looks: list[dict[str, object]]) -> list[str]:
    out = io.StringIO()
    progress = Progress(out=out)
    for look in looks:
        progress.update(look)
    return [line.split(" s  ", 1)[1] for line in out.getvalue().splitlines()]


def test_only_news_is_printed() -> None:
    waiting, running, done = (
        [instance("plan", None)],
        [instance("plan", "running")],
        [instance("plan", "success", 0.25)],
    )
    shown = lines_of(waiting, running, running, done, done)
    assert [line.split() for line in shown] == [["plan", "running"], ["plan", "done", "in", "0.2", "s"]]


def test_a_mapped_task_is_not_a_flood() -> None:
    looks = [[instance("work", "success" if i < n else "running", 1.0, i) for i in range(200)] for n in range(201)]
    shown = lines_of(*looks)
    assert shown[0].split() == ["work", "0/200", "running"]
    assert shown[-1].split() == ["work", "200", "done", "in", "1.0", "s"]
    assert len(shown) == 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_live_line() -> None:
    out = Terminal()
    progress = Progress(out=out)
    progress.update([instance("work", "running", None, 0)])
    progress.update([instance("work", "success", 1.0, 0)])
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().startswith("\r\x1b[K")


def test_a_task_log_is_made_readable(tmp_path) -> None:
    log = tmp_path / "attempt=1.log"
    log.write_text(
        '{"level":"info","event":"::group::Pre Execute"}\n'
        '{"level":"error","event":"Task failed","error_detail":[{"exc_type":"RuntimeError","exc_value":"no ü"}]}\n'
        "plain text of a crash\n"
    )
    assert log_tail(log) == ["error    Task failed", "         RuntimeError: no ü", "plain text of a crash"]
    assert log_tail(log, 1) == ["plain text of a crash"]
