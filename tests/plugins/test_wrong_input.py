"""Input that no route can use is 422, and never an error of the server: every route, every field."""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.plugins.conftest import Site
from tests.plugins.items_made import GUIDE, add_items
from tests.plugins.test_access import BODIES, UNKNOWN

pytestmark = [pytest.mark.airflow, pytest.mark.db]

SignIn = Callable[[str], httpx.Client]
#: What JSON can say, as Python reads it, and no database, process or answer can hold.
BAD: dict[str, Any] = {
    "lone surrogate": "a\ud800b",
    "zero byte": "a\x00b",
    "not a number": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
}
ODD: dict[str, Any] = {"huge": 1 << 70, "a list": [[]], "an object": {"a": {}}, "null": None, "long": "9" * 5000}
#: Every field of every body, so that each can be spoilt. A route that writes and is missing fails the test below.
FULL: dict[str, dict[str, Any]] = {
    "/api/queue/take": {
        "filters": {"store": "", "src_lang": "", "tgt_lang": "", "tier": "", "score_bin": 1, "origin": ""},
        "count": 1,
        "held": [1],
    },
    "/api/queue/items/{item_id}/release": {},
    "/api/queue/items/{item_id}/verdict": {"version": 0, "kind": "accept", "note": "n", "seconds": 1.5},
    "/api/queue/items/{item_id}/edit": {"version": 0, "text": "x", "note": "n", "seconds": 1},
    "/api/queue/items/{item_id}/boundary": {
        "version": 0, "note": "n", "seconds": 1, "moves": [{"side": "src", "edge": "after", "count": 1}],
    },
    "/api/queue/items/{item_id}/undo": {"version": 0, "note": "n", "seconds": 1},
    "/api/slices/decide": BODIES["/api/slices/decide"] | {"generation": 1, "why": "looked at"},
}  # fmt: skip


def spoilt(body: Any, bad: Any) -> Iterator[Any]:
    """The body with each of its values, and each of its keys, replaced in turn; and the bad value alone."""
    yield bad
    if isinstance(body, dict):
        for key, value in body.items():
            yield from (body | {key: inner} for inner in spoilt(value, bad))
        if isinstance(bad, str):
            yield body | {bad: 1}
    elif isinstance(body, list):
        for inner in spoilt(body[0], bad):
            yield [inner, *body[1:]]


@pytest.fixture
def writing(site: Site) -> list[str]:
    found = [path for method, path in site.routes if method not in ("GET", "MOUNT")]
    assert len(found) >= 7
    assert set(found) == set(FULL), "give the new route's whole body in FULL"
    return found


@pytest.fixture(scope="module")
def item(site: Site) -> str:
    with site.connect() as connection:
        first, *_ = add_items(connection, "spoilt", "en", "de", GUIDE)
    return str(first)


def sent(client: httpx.Client, path: str, item: str, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(
        path.format(item_id=item).lstrip("/"), content=content, headers={"content-type": "application/json"}
    )


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_stored_is_422_in_every_field(sign_in: SignIn, writing: list[str], item: str, kind: str) -> None:
    admin, tried = sign_in("admin"), 0
    for path in writing:
        if not FULL[path]:
            continue
        for body in spoilt(FULL[path], BAD[kind]):
            answer = sent(admin, path, item, body)
            assert answer.status_code == 422, (path, body, answer.text)
            json.loads(answer.content)
            tried += 1
    assert tried > 40


@pytest.mark.parametrize("kind", ODD)
def test_odd_values_are_no_error_of_the_server(sign_in: SignIn, writing: list[str], item: str, kind: str) -> None:
    admin = sign_in("admin")
    for path in writing:
        for body in spoilt(FULL[path], ODD[kind]):
            answer = sent(admin, path, item, body)
            assert 200 <= answer.status_code < 500, (path, body, answer.text)
            assert answer.status_code != 200 or kind in ("null", "long", "huge") or not FULL[path], (path, body)


@pytest.mark.parametrize("body", [b"\xff", b"{", b"[" * 20_000, b'"\xed\xa0\x80"', b"1" * 5000, b"1e999", b"NaN"])
def test_what_is_no_json_is_422(sign_in: SignIn, writing: list[str], item: str, body: bytes) -> None:
    admin = sign_in("admin")
    for path in writing:
        if FULL[path]:
            assert sent(admin, path, item, body).status_code == 422, path


#: In an address: what cannot be decoded, a zero byte, and numbers that are none.
IN_QUERIES = ("%ed%a0%80", "a%00b", "%ff", "nan", "inf", "-inf", "9" * 40, "1e999")
NAMES = (
    "store src_lang tgt_lang tier score_bin origin state after limit days src tgt text side min_score date to_date "
    "reprocess unheard_of"
).split()


def test_queries_are_no_error_of_the_server(site: Site, sign_in: SignIn) -> None:
    admin, whole = sign_in("admin"), {"store": "spoilt", "src": "en", "tgt": "de", "text": "x"}
    reading = [path for method, path in site.routes if method == "GET"]
    assert len(reading) >= 12
    for path in reading:
        for bad in IN_QUERIES:
            undecodable = "%" in bad
            # Every name at once, then each beside right ones: the first that is refused hides the others.
            for names in [NAMES, *([name] for name in whole if "search" in path)]:
                query = "&".join([f"{key}={value}" for key, value in whole.items() if key not in names])
                query += "&" + "&".join(f"{name}={bad}" for name in names)
                answer = admin.get(f"{path.format(**UNKNOWN).lstrip('/') or '/'}?{query}")
                wanted = [422] if undecodable else range(200, 500)
                assert answer.status_code in wanted, (path, query, answer.text)


def test_addresses_are_no_error_of_the_server(site: Site, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    named = [(method, path) for method, path in site.routes if "{" in path and method != "MOUNT"]
    assert len(named) >= 8
    for method, path in named:
        for bad in (*IN_QUERIES, "1" * 5000, "%c3%28"):
            address = path.format(**dict.fromkeys(UNKNOWN, bad)).lstrip("/")
            body = {"json": FULL[path]} if method == "POST" else {}
            answer = admin.request(method, address, **body)
            assert 200 <= answer.status_code < 500, (method, address, answer.text)
