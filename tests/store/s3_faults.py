"""An S3 server that fails on purpose: a proxy before moto's, which answers chosen uploads with a fault."""

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Fault -> HTTP status and S3's own code for it; "cut" closes the connection in the middle of the upload.
FAULTS = {
    "500": (500, "InternalError"),
    "slow down": (503, "SlowDown"),
    "expired": (403, "ExpiredToken"),
    "too large": (400, "EntityTooLarge"),
    "cut": (0, ""),
}


class Faulty:
    """``fault``, while ``is_hit`` says so of an upload's number, counted from 0; None lets all pass."""

    def __init__(self, host: str, port: int) -> None:
        self.upstream = (host, port)
        self.fault = ""
        self.is_hit: Callable[[int], bool] = lambda number: False
        self.uploads = self.hits = 0
        self._lock = threading.Lock()
        owner = self

        class Handler(_Handler):
            faulty = owner

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def plan(self, fault: str, is_hit: Callable[[int], bool]) -> None:
        self.fault, self.is_hit, self.uploads, self.hits = fault, is_hit, 0, 0

    def asks(self) -> str:
        """The fault for the upload that has just begun, or ""."""
        with self._lock:
            hit = self.is_hit(self.uploads)
            self.uploads += 1
            self.hits += hit
        return self.fault if hit else ""


class _Handler(BaseHTTPRequestHandler):
    faulty: Faulty
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        pass

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _pass(self) -> None:
        body = self._body()
        headers = {name: value for name, value in self.headers.items() if name.lower() != "transfer-encoding"}
        upstream = http.client.HTTPConnection(*self.faulty.upstream)
        upstream.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
        answer = upstream.getresponse()
        self._answer(answer.status, answer.getheaders(), answer.read())
        upstream.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        size = dict((name.lower(), value) for name, value in headers).get("content-length", str(len(body)))
        self.send_header("Content-Length", size if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _upload(self) -> None:
        fault = self.faulty.asks()
        if not fault:
            return self._pass()
        status, code = FAULTS[fault]
        if not status:
            self.rfile.read(min(16, int(self.headers.get("Content-Length", 16))))
            self.close_connection = True
            self.connection.close()
            return None
        self._body()
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>a planted fault</Message></Error>'.encode()
        return self._answer(status, [("Content-Type", "application/xml")], body)

    do_GET = do_HEAD = do_DELETE = _pass
    do_PUT = do_POST = _upload
