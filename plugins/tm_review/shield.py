"""What every answer carries and no request may exceed, as one ASGI layer around the application."""

import json
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]

#: Bytes of a request's body: a corrected target of 2,000 characters needs at most 24,000, escaped as JSON.
BODY_BYTES = 65_536

#: Scripts and styles from our own files only, none inline; no frame but Airflow's own pages; text stays text.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"cache-control": b"no-store",
}


class Shield:
    """Refuses bodies over BODY_BYTES with 413 and what cannot be stored with 422, and adds HEADERS to every answer."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def headed(message: Any) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *((n, v) for n, v in HEADERS.items() if n not in there)]
            await send(message)

        body = await whole_body(receive)
        if body is None:
            await refuse_long(headed)
        elif found := _unusable(scope["query_string"], body):
            await _refuse(headed, 422, f"Expected numbers and texts of Unicode characters, found {found}.")
        else:
            await self.app(scope, replay(body, receive), headed)


async def whole_body(receive: Receive) -> bytes | None:
    """The body; None as soon as it is too long, whatever its Content-Length says."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_BYTES:
            return None
    return body


def replay(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that hands out a body that was read already."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return waiting.pop() if waiting else await receive()

    return again


async def refuse_long(send: Send) -> None:
    """Answer 413."""
    await _refuse(send, 413, "The request is longer than 64 KiB.")


async def _refuse(send: Send, status: int, reason: str) -> None:
    text = json.dumps({"detail": f"{reason} Nothing was changed."}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def _unusable(query: bytes, body: bytes) -> str:
    """What a request says that no database, process or answer can hold; "" if there is nothing of it.

    JSON's escapes can say half a character, and Python's reader takes NaN for a number. A body that is no JSON is left
    to the route.
    """
    try:
        asked = unquote_to_bytes(query).decode()
        said = body.decode()
    except UnicodeDecodeError:
        return "bytes that are not UTF-8"
    try:
        values = list(_values(json.loads(said))) if said else []
    except json.JSONDecodeError:
        values = []
    except (ValueError, RecursionError):
        return "a number too long, or lists too deep, to be read"
    return _fault([asked, *values])


def _values(value: Any) -> Iterator[Any]:
    """Every string, number and key of what JSON says."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    else:
        yield value


def _fault(values: Iterable[Any]) -> str:
    for value in values:
        if isinstance(value, float) and not math.isfinite(value):
            return "a number that is none: NaN or infinity"
        if isinstance(value, str) and "\0" in value:
            return "a zero byte"
        if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
            return "half a character (a lone surrogate)"
    return ""
