"""A mail server for the tests of what is told to people."""

import email
import json
import socketserver
import threading
from collections.abc import Iterator
from email.message import Message

import pytest


class Sink(socketserver.ThreadingTCPServer):
    """A mail server that keeps what it is given."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SinkHandler)
        self.mails: list[Message] = []
        self.recipients: list[str] = []


class SinkHandler(socketserver.StreamRequestHandler):
    server: Sink

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.mails.append(email.message_from_string(self.data()))
            elif verb == "RCPT":
                self.server.recipients.append(line.partition(":")[2].strip("<> "))
            self.wfile.write(b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n")

    def data(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            lines.append(line)
        return "\n".join(lines)


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    server = Sink()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    use_smtp(monkeypatch, server.server_address[1])
    yield server
    server.shutdown()
    server.server_close()


def use_smtp(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "tm@example.org", "retry_limit": 0, "timeout": 5}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("TM_NOTIFY", "smtp")
    monkeypatch.setenv("TM_NOTIFY_TO", "ops@example.org,lead@example.org")
