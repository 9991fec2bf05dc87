"""Errors of the embedded stack.

::

    TmError
    └── StackError               the embedded stack cannot do what was asked
        ├── AlreadyRunning           another process runs a stack on this TM_HOME
        ├── PostgresFailed           the embedded Postgres cannot be made or started
        ├── ComponentFailed          a component died or never became healthy
        ├── CommandFailed            a command of the demo ended with an error
        ├── ApiError                 Airflow's REST API refused a request
        └── RunFailed                the demo's run did not succeed
"""

from pathlib import Path

from tm_core.errors import TmError


def last_lines(path: Path, count: int = 12) -> str:
    """The last `count` lines of a log, indented; a note when there are none."""
    try:
        # A log may be large: 16 KiB from its end hold any sensible dozen lines.
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - 16_384))
            lines = log.read().decode("utf-8", "replace").splitlines()[-count:]
    except OSError as error:
        return f"    (no log: {error.strerror})"
    return "\n".join(f"    {line}" for line in lines) or "    (the log is empty)"


class StackError(TmError):
    """The embedded stack cannot do what was asked."""


class AlreadyRunning(StackError):
    """Another process runs a stack on this TM_HOME."""


class PostgresFailed(StackError):
    """The embedded Postgres cannot be made or started."""


class ComponentFailed(StackError):
    """A component died or never became healthy."""

    def __init__(self, component: str, what: str, log: str) -> None:
        super().__init__(component, what, log)
        self.component, self.what, self.log = component, what, log

    def __str__(self) -> str:
        return (
            f"{self.component}: expected it to run, but {self.what}. The end of {self.log}:\n"
            f"{last_lines(Path(self.log))}\n"
            "  Read the log, mend the cause and start again; the databases are kept."
        )


class CommandFailed(StackError):
    """A command of the demo ended with an error."""


class ApiError(StackError):
    """Airflow's REST API refused a request."""


class RunFailed(StackError):
    """The demo's run did not succeed."""
