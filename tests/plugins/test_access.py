"""Whoever may not, cannot: every route, asked by nobody, by the wrong role, by another site, and too loudly."""

from collections.abc import Callable

import httpx
import pytest

from tests.plugins.conftest import Site
from tests.plugins.items_made import BATCH, GUIDE, add_items

pytestmark = [pytest.mark.airflow, pytest.mark.db]

SignIn = Callable[[str], httpx.Client]
#: What a path's parameters are called -> something that is there nowhere.
UNKNOWN = {
    "item_id": "999999999",
    "batch_id": "2026-01-05-ffffffffffff",
    "store": "nowhere",
    "unit_key": "00" * 32,
    "slice_name": "nowhere.en-de",
}
#: Roles that may, by how a route writes. A route that writes and is not named here fails the test below.
READERS = ("viewer", "reviewer", "operator", "admin")
WRITERS = {
    "/api/queue/take": "reviewer",
    "/api/queue/items/{item_id}/release": "reviewer",
    "/api/queue/items/{item_id}/verdict": "reviewer",
    "/api/queue/items/{item_id}/edit": "reviewer",
    "/api/queue/items/{item_id}/boundary": "reviewer",
    "/api/queue/items/{item_id}/undo": "reviewer",
    "/api/slices/decide": "operator",
}
#: A decision on a slice that is not there.
DECISION = {"action": "release", "batch_id": BATCH, "store": "nowhere", "src_lang": "en", "tgt_lang": "de"}
BODIES: dict[str, dict[str, object]] = {
    "/api/queue/items/{item_id}/verdict": {"version": 0, "kind": "accept"},
    "/api/queue/items/{item_id}/edit": {"version": 0, "text": "x"},
    "/api/queue/items/{item_id}/boundary": {"version": 0, "moves": [{"side": "src", "edge": "after", "count": 1}]},
    "/api/queue/items/{item_id}/undo": {"version": 0},
    "/api/slices/decide": DECISION | {"generation": 1, "why": "looked at"},
}
LOWER = {"reviewer": ("viewer",), "operator": ("viewer", "reviewer")}


@pytest.fixture
def routes(site: Site) -> list[tuple[str, str]]:
    found = [(method, path) for method, path in site.routes if method != "MOUNT"]
    assert len(found) >= 15, found
    assert {"GET", "POST"} <= {method for method, _ in found}
    return found


def call(client: httpx.Client, method: str, path: str, **more: object) -> httpx.Response:
    if method == "POST" and "content" not in more:
        more.setdefault("json", BODIES.get(path, {}))
    return client.request(method, path.format(**UNKNOWN).lstrip("/") or "/", **more)  # type: ignore[arg-type]


def test_only_the_static_files_are_open(site: Site, sign_in: SignIn, routes: list[tuple[str, str]]) -> None:
    assert [path for method, path in site.routes if method == "MOUNT"] == ["/static"]
    nobody = sign_in("")
    for name in ("index.html", "app.js", "app.css", "theme.js", "icon.svg"):
        assert nobody.get(f"static/{name}").status_code == 200, name
    for name in ("../app.py", "%2e%2e/app.py", "", "nothing.js"):
        assert nobody.get(f"static/{name}").status_code == 404, name
    for name in ("docs", "redoc", "openapi.json"):
        assert nobody.get(name).status_code in (401, 404), name
        assert sign_in("admin").get(name).status_code == 404, name


def test_nobody_is_let_in(sign_in: SignIn, routes: list[tuple[str, str]]) -> None:
    nobody = sign_in("")
    nobody.headers["x-tm-review"] = "1"
    assert {(*route, call(nobody, *route).status_code) for route in routes} == {(*route, 401) for route in routes}
    nobody.cookies.set("_token", "ey.forged.token")
    assert {call(nobody, *route).status_code for route in routes} <= {401, 403}


def test_a_person_without_a_token_is_shown_the_way(sign_in: SignIn) -> None:
    answer = sign_in("").get("/", headers={"accept": "text/html"})
    assert answer.status_code == 401
    assert "sign in" in answer.text.lower()
    assert "/auth/login" in answer.text


def test_lower_roles_are_refused(sign_in: SignIn, routes: list[tuple[str, str]]) -> None:
    writing = [(method, path) for method, path in routes if method != "GET"]
    assert {path for _, path in writing} == set(WRITERS), "say in WRITERS who may call the new route"
    for method, path in writing:
        for role in LOWER[WRITERS[path]]:
            answer = call(sign_in(role), method, path)
            assert answer.status_code == 403, (role, method, path, answer.text)
            assert "may not" in answer.json()["detail"]
        allowed = call(sign_in(WRITERS[path]), method, path)
        assert allowed.status_code != 403, (path, allowed.text)


def test_every_role_reads(sign_in: SignIn, routes: list[tuple[str, str]]) -> None:
    for role in READERS:
        client = sign_in(role)
        for method, path in routes:
            if method == "GET":
                assert call(client, method, path).status_code not in (401, 403), (role, path)


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a form of another site: no header of ours
        {"x-tm-review": "1", "origin": "https://evil.example"},
        {"x-tm-review": "1", "origin": "null"},
        {"x-tm-review": "1", "sec-fetch-site": "cross-site"},
        {"x-tm-review": "1", "sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_are_refused(sign_in: SignIn, routes: list[tuple[str, str]], headers: dict[str, str]) -> None:
    admin = sign_in("admin")
    del admin.headers["x-tm-review"]
    for method, path in routes:
        if method != "GET":
            answer = call(admin, method, path, headers=headers)
            assert answer.status_code == 403, (path, answer.text)
            assert "Nothing was changed" in answer.json()["detail"]


def test_the_pages_own_origin_is_heard(site: Site, sign_in: SignIn) -> None:
    headers = {"origin": site.url, "sec-fetch-site": "same-origin"}
    assert sign_in("reviewer").post("api/queue/take", json={}, headers=headers).status_code == 200


def test_a_megabyte_is_refused(sign_in: SignIn, routes: list[tuple[str, str]]) -> None:
    admin = sign_in("admin")
    body = b'{"text": "' + b"x" * 1_000_000 + b'"}'
    for method, path in routes:
        if method != "GET":
            assert call(admin, method, path, content=body).status_code == 413, path
            # In chunks, without a Content-Length.
            chunks = (body[at : at + 10_000] for at in range(0, len(body), 10_000))
            assert call(admin, method, path, content=chunks).status_code == 413, path


def test_a_long_question_is_refused(sign_in: SignIn) -> None:
    asked = {"store": "s", "src": "en", "tgt": "de", "text": "x" * 30_000}
    for path in ("api/search/lookup", "api/search/concordance"):
        assert sign_in("viewer").get(path, params=asked).status_code in (414, 422), path


def test_unknown_things_are_404(sign_in: SignIn, routes: list[tuple[str, str]]) -> None:
    admin = sign_in("admin")
    named = [(method, path) for method, path in routes if "{" in path and not path.endswith("/release")]
    assert len(named) >= 6
    assert {(*route, call(admin, *route).status_code) for route in named} == {(*route, 404) for route in named}
    gone = admin.post("api/slices/decide", json=BODIES["/api/slices/decide"])
    assert gone.status_code == 409, gone.text
    assert "nothing was changed" in gone.json()["detail"]
    assert admin.get("api/queue/items/1e9").status_code == 422
    assert admin.get("api/queue/items/-1").status_code == 404
    assert admin.get(f"api/queue/items/{1 << 70}").status_code == 404
    for batch in ("..%2f..%2fsecrets.json", "2026-01-05-ffffffffffff%2f..", BATCH + "%00"):
        assert admin.get(f"gate/{batch}").status_code == 404, batch
    for name in ("..%2f..%2fverdict", "nowhere", "nowhere.en-de%00", "%2e%2e.en-de", "a%2fb.en-de"):
        assert admin.get(f"gate/{BATCH}/{name}.svg").status_code == 404, name


def test_every_answer_carries_the_policy(sign_in: SignIn, routes: list[tuple[str, str]]) -> None:
    viewer = sign_in("viewer")
    answers = [call(viewer, *route) for route in routes] + [viewer.get("static/app.js"), sign_in("").get("/")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_stale_version_is_refused(site: Site, sign_in: SignIn) -> None:
    with site.connect() as connection:
        first, second, *_ = add_items(connection, "stale", "en", "de", GUIDE)
    path = f"api/queue/items/{first}"
    done = sign_in("reviewer").post(f"{path}/verdict", json={"version": 0, "kind": "accept"})
    assert (done.status_code, done.json()["head"]["version"]) == (200, 1)
    writes = {
        "verdict": {"kind": "wrong"},
        "edit": {"text": "x"},
        "boundary": {"moves": [{"side": "src", "edge": "after", "count": 1}]},
        "undo": {},
    }
    for kind, body in writes.items():
        answer = sign_in("second").post(f"{path}/{kind}", json={"version": 0} | body)
        assert answer.status_code == 409, (kind, answer.text)
        assert "version" in answer.json()["detail"]
    held = sign_in("reviewer").post("api/queue/take", json={"filters": {"store": "stale"}, "count": 1})
    assert [one["head"]["item_id"] for one in held.json()] == [second]
    answer = sign_in("second").post(f"api/queue/items/{second}/verdict", json={"version": 0, "kind": "wrong"})
    assert answer.status_code == 409
    assert "held by reviewer" in answer.json()["detail"]


def test_who_judges_is_who_airflow_says(site: Site, sign_in: SignIn) -> None:
    with site.connect() as connection:
        item, *_ = add_items(connection, "names", "en", "de", GUIDE)
    path = f"api/queue/items/{item}/verdict"
    forged = sign_in("reviewer").post(path, json={"version": 0, "kind": "accept", "who": "admin"})
    assert forged.status_code == 422
    done = sign_in("reviewer").post(path, json={"version": 0, "kind": "accept"}).json()
    assert [one["who"] for one in done["events"]] == ["reviewer"]
