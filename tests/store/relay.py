"""A relay between a program and a Postgres server: it notes the statements that pass, and holds chosen ones back."""

import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# A hold that nothing ends is a deadlock: nothing else passes any more. The statement is passed on then, and the test
# finds `stuck`. Looks are counted and not seconds: a machine that stands still for a minute has looked once.
_QUIET_LOOKS = 120
_LOOK_SECONDS = 0.5
_COPY = re.compile(rb"COPY (\S+) ")
#: The message that ends a COPY, before the server has named the number of its rows.
_COPIED = re.compile(rb"C\0\0\0.COPY \d+\0", re.DOTALL)


@dataclass(kw_only=True)
class Relay:
    """One server's statements on their way.

    Attributes:
        held: the beginning of a statement -> the table whose rows must be there before it is passed on.
        passed: every statement, and ``rows of <table>`` where the server has said that a COPY is done; in their order.
        stuck: statements that waited in vain.
    """

    host: str
    port: int
    held: Mapping[str, str] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    _copied: set[str] = field(default_factory=set)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def serve(self, door: socket.socket) -> None:
        """Relay every connection that comes through the door, until it is closed."""
        with suppress(OSError):
            while True:
                near, far = door.accept()[0], socket.create_connection((self.host, self.port))
                tables: list[str] = []
                for pump, ends in ((self._ask, (near, far)), (self._answer, (far, near))):
                    threading.Thread(target=pump, args=(*ends, tables), daemon=True).start()

    def _ask(self, near: socket.socket, far: socket.socket, tables: list[str]) -> None:
        for data in _chunks(near, far):
            if data[:1] == b"Q":
                self._note(data[5:].rstrip(b"\0").strip().decode("utf-8", "replace"))
            if found := _COPY.search(data[:200]):
                tables.append(found[1].decode())
            far.sendall(data)

    def _answer(self, far: socket.socket, near: socket.socket, tables: list[str]) -> None:
        for data in _chunks(far, near):
            if tables and _COPIED.search(data):
                with self._changed:
                    self._copied.add(tables[-1])
                    self.passed.append(f"rows of {tables.pop()}")
                    self._changed.notify_all()
            near.sendall(data)

    def _note(self, statement: str) -> None:
        """Wait until a statement may pass, and note it."""
        table = next((table for start, table in self.held.items() if statement.startswith(start)), None)
        with self._changed:
            if table and not self._has_come(table):
                self.stuck.append(statement)
            self.passed.append(statement)

    def _has_come(self, table: str) -> bool:
        """Wait until a table's rows are there; False if nothing passes any more and they are not."""
        seen = quiet = 0
        while table not in self._copied and quiet < _QUIET_LOOKS:
            self._changed.wait(_LOOK_SECONDS)
            quiet = quiet + 1 if len(self.passed) == seen else 0
            seen = len(self.passed)
        return table in self._copied


def _chunks(source: socket.socket, target: socket.socket) -> Iterator[bytes]:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            yield data
        target.shutdown(socket.SHUT_WR)


@contextmanager
def relayed(url: str, held: Mapping[str, str]) -> Iterator[tuple[str, Relay]]:
    """Put a relay before a server; yields the address to use instead of its own."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    relay = Relay(host=parts.hostname, port=parts.port, held=held)
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        threading.Thread(target=relay.serve, args=(door,), daemon=True).start()
        netloc = parts.netloc.replace(f":{parts.port}", f":{door.getsockname()[1]}")
        yield parts._replace(netloc=netloc).geturl(), relay
