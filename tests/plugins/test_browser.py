"""The review page in a real Chromium, inside the real Airflow UI: signed in by the form, judged by the keyboard.

TM_TEST_CHROMIUM names the program if it is not on the PATH; TM_TEST_SHOTS a folder that keeps the screenshots.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing
from tests.plugins.conftest import Site
from tests.plugins.items_made import ARABIC, CHINESE, GUIDE, HOSTILE, add_items
from tests.waiting import HANG_S, pause, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.airflow, pytest.mark.db]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# A sandbox of its own needs rights that a container's root lacks; the page is our own.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
PAIRS = 6  # of GUIDE: its null bead is no item
Open = Callable[..., "Window"]


class Window:
    """A signed-in browser window; what its console says against the page is kept."""

    def __init__(self, site: Site, context: Any, user: str, shots: Path) -> None:
        self.site, self.page, self.user, self.shots = site, context.new_page(), user, shots
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)
        self.page.goto(f"{site.url}/auth/login")
        self.page.fill("input[name=username]", user)
        self.page.fill("input[name=password]", user)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/auth/" not in url)

    def _heard(self, message: Any) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def open(self, *parts: str, framed: bool = True) -> Any:
        """Open a part of the page; returns the frame that it is in."""
        fragment = "#/" + "/".join(parts)
        if not framed:
            self.page.goto(f"{self.site.page}/{fragment}")
            return self.page
        self.page.goto(f"{self.site.url}/plugin/tm-review")
        frame = self.page.locator("iframe").element_handle().content_frame()
        frame.wait_for_url("**/tm-review/**")
        frame.get_by_role("link", name="Queue", exact=True).wait_for()
        frame.evaluate("address => { location.hash = address }", fragment)
        return frame

    def shot(self, name: str) -> None:
        self.page.screenshot(path=self.shots / f"{name}.png")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api") if not os.environ.get("CI") else _playwright()
    program = os.environ.get("TM_TEST_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not program:
        missing("a Chromium", "Install it (Debian: apt-get install chromium) or set TM_TEST_CHROMIUM to one.")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


def _playwright() -> Any:
    try:
        from playwright import sync_api
    except ImportError:
        missing("playwright", "Install it: pip install -c constraints.txt playwright")
    return sync_api


@pytest.fixture
def window(site: Site, chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """``window("reviewer")``: a window of its own, signed in."""
    contexts = []
    shots = Path(os.environ.get("TM_TEST_SHOTS", "") or tmp_path)
    shots.mkdir(parents=True, exist_ok=True)

    def make(user: str, **options: Any) -> Window:
        contexts.append(chromium.new_context(**({"viewport": {"width": 1400, "height": 900}} | options)))
        contexts[-1].set_default_timeout(1000 * HANG_S)
        return Window(site, contexts[-1], user, shots)

    yield make
    for context in contexts:
        context.close()


def judged(site: Site, store: str) -> list[tuple[str, str, str]]:
    """(who, kind, correction) of a store's verdicts, oldest first."""
    with site.connect() as connection:
        return connection.execute(
            "select who, kind, correction from review.verdict where store = %s order by verdict_id", (store,)
        ).fetchall()


def own_text(frame: Any) -> str:
    return str(frame.locator(".row.own .text").first.inner_text())


def test_a_reviewer_judges_by_keyboard_and_the_statistics_move(site: Site, window: Open) -> None:
    with site.connect() as connection:
        add_items(connection, "keyboard", "en", "de", GUIDE, documents=4)
    reviewer = window("reviewer")
    frame = reviewer.open("queue", "keyboard", "en", "de")
    frame.get_by_text("0 of 24 judged").wait_for()
    frame.get_by_role("button", name="Accept").wait_for()
    reviewer.shot("review-light")
    key = reviewer.page.keyboard.press
    for number in range(19):
        before = own_text(frame)
        if number == 2:  # the dog barks: its second target segment belongs to the next bead
            key("b")
            frame.get_by_role("button", name="Move the lower boundary of the target up").wait_for()
            key("Shift+ArrowUp")
            reviewer.shot("boundary")
            key("Enter")
        elif number == 4:
            key("e")
            frame.get_by_role("textbox", name="Target").fill("Drücken Sie <b>{key}</b> 3 Mal.")
            reviewer.shot("edit")
            key("Control+Enter")
        else:
            key("w" if number == 10 else "a")
        frame.wait_for_function("old => document.querySelector('.row.own .text')?.innerText !== old", arg=before)
    before = own_text(frame)
    key("w")
    frame.wait_for_function("old => document.querySelector('.row.own .text')?.innerText !== old", arg=before)
    key("u")
    frame.get_by_text("Taken back.").wait_for()
    assert own_text(frame) == before
    key("a")
    frame.get_by_text("20 of 24 judged").wait_for()
    # Verdicts are sent behind what the page shows.
    wait_until(lambda: len(judged(site, "keyboard")) >= 20, "the verdicts have arrived")
    said = judged(site, "keyboard")
    kinds = [kind for _, kind, _ in said]
    assert {who for who, _, _ in said} == {"reviewer"}
    assert (kinds.count("accept"), kinds.count("wrong"), kinds.count("undo")) == (17, 2, 1)
    assert [correction for _, _, correction in said if correction] == ["boundary", "edit"]
    with site.connect() as connection:
        units = dict(connection.execute("select src_text, tgt_text from tm.unit join tm.store using (store_id)"
                                        " where name = 'keyboard'").fetchall())  # fmt: skip
    assert (units["The dog barks."], units["It rains."]) == ("Der Hund bellt.", "Es regnet. Alle werden nass.")

    frame = reviewer.open("statistics")
    row = frame.get_by_role("row", name=re.compile("keyboard"))
    row.get_by_text("17 of 20").wait_for()
    reviewer.shot("statistics-light")
    assert reviewer.complaints == []


def test_a_viewer_reads_and_cannot_judge(site: Site, window: Open) -> None:
    with site.connect() as connection:
        add_items(connection, "viewed", "en", "de", GUIDE)
    viewer = window("viewer")
    frame = viewer.open("queue", "viewed", "en", "de")
    frame.get_by_text("may read here, not judge").wait_for()
    frame.get_by_role("link", name="The cat sleeps.").wait_for()
    assert frame.get_by_role("button", name="Accept").count() == 0
    viewer.page.keyboard.press("a")
    answer = frame.evaluate(
        "fetch('api/queue/take', {method: 'POST', headers: {'x-tm-review': '1', 'content-type': 'application/json'},"
        " body: '{}'}).then((one) => one.status)"
    )
    assert answer == 403
    assert judged(site, "viewed") == []
    viewer.shot("viewer")


def test_two_reviewers_never_get_the_same_item(site: Site, window: Open) -> None:
    with site.connect() as connection:
        add_items(connection, "both", "en", "de", GUIDE, documents=4)
    windows = [window(user) for user in ("reviewer", "second")]
    frames = [one.open("queue", "both", "en", "de") for one in windows]
    for frame in frames:
        frame.get_by_role("button", name="Accept").wait_for()
    assert own_text(frames[0]) != own_text(frames[1])

    def judge_in_turns() -> bool:
        for one, frame in zip(windows, frames, strict=True):
            if frame.get_by_role("button", name="Accept").count():
                one.page.keyboard.press("a")
        return all(frame.get_by_role("heading", name="All judged").count() for frame in frames)

    wait_until(judge_in_turns, "all is judged")
    for one, frame in zip(windows, frames, strict=True):
        frame.get_by_role("heading", name="All judged").wait_for()
        one.shot(f"all-judged-{one.user}")
    said = judged(site, "both")
    assert len(said) == 24
    assert {who for who, _, _ in said} == {"reviewer", "second"}


def test_a_refused_verdict_comes_back_with_the_reason(site: Site, window: Open, sign_in: Callable[[str], Any]) -> None:
    with site.connect() as connection:
        first, *_ = add_items(connection, "race", "en", "de", GUIDE)
    reviewer = window("reviewer")
    frame = reviewer.open("queue", "race", "en", "de")
    frame.get_by_role("button", name="Accept").wait_for()
    with site.connect() as connection:  # the claim runs out, and another reviewer is faster
        connection.execute("update review.item set claimed_by = '', claimed_until = now() where store = 'race'")
    done = sign_in("second").post(f"api/queue/items/{first}/verdict", json={"version": 0, "kind": "accept"})
    assert done.status_code == 200
    reviewer.page.keyboard.press("w")
    frame.get_by_role("alert").get_by_text("somebody has judged it since").wait_for()
    assert own_text(frame) == "It dreams of 12 mice."
    reviewer.shot("refused")
    assert judged(site, "race") == [("second", "accept", "")]


def test_text_is_text(site: Site, window: Open) -> None:
    with site.connect() as connection:
        add_items(connection, "hostile", "en", "de", HOSTILE)
    reviewer = window("reviewer")
    frame = reviewer.open("queue", "hostile", "en", "de")
    frame.get_by_text("<script>window.hacked = 1</script>Open").first.wait_for()
    assert frame.evaluate("[window.hacked, document.images.length]") == [None, 0]
    frame = reviewer.open("queue", "hostile", "en", "de", "open")
    frame.get_by_role("link", name="<script>").wait_for()
    assert frame.evaluate("window.hacked") is None
    assert reviewer.complaints == []


@pytest.mark.parametrize(("tgt", "beads", "direction"), [("ar", ARABIC, "rtl"), ("zh", CHINESE, "ltr")])
def test_other_scripts_are_in_their_language_and_direction(
    site: Site, window: Open, tgt: str, beads: Any, direction: str
) -> None:
    with site.connect() as connection:
        add_items(connection, "scripts", "en", tgt, beads)
    reviewer = window("reviewer", viewport={"width": 420, "height": 860})
    frame = reviewer.open("queue", "scripts", "en", tgt, framed=False)
    target = frame.locator(f".row.own [lang={tgt}]").first
    target.wait_for()
    assert target.evaluate("(one) => getComputedStyle(one).direction") == direction
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the narrow page scrolls sideways"
    reviewer.shot(f"narrow-{tgt}")


def test_the_theme_is_airflows_own(window: Open) -> None:
    reviewer = window("reviewer", color_scheme="light")
    frame = reviewer.open("queue")
    frame.get_by_role("heading", name="Review queue").wait_for()
    assert frame.evaluate("document.documentElement.dataset.theme") == "light"
    # Airflow's own switch writes this key in the page around the frame; the frame follows without a reload.
    reviewer.page.evaluate("localStorage.setItem('theme', 'dark')")
    frame.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    reviewer.page.reload()
    reviewer.page.frame_locator("iframe").get_by_role("heading", name="Review queue").wait_for()
    reviewer.shot("queue-dark")
    frame = reviewer.open("statistics")
    frame.get_by_role("heading", name="Statistics").wait_for()
    pause(0.8, "the picture is not taken in the middle of a movement")
    reviewer.shot("statistics-dark")


def test_the_keys_are_listed_and_can_be_switched_off(site: Site, window: Open) -> None:
    with site.connect() as connection:
        add_items(connection, "keys", "en", "de", GUIDE)
    reviewer = window("reviewer", color_scheme="dark")
    frame = reviewer.open("queue", "keys", "en", "de")
    frame.get_by_role("button", name="Accept").wait_for()
    reviewer.page.keyboard.press("?")
    frame.get_by_role("dialog", name="Keys").wait_for()
    reviewer.shot("keys-dark")
    frame.get_by_role("checkbox").uncheck()
    reviewer.page.keyboard.press("Escape")
    reviewer.page.keyboard.press("a")
    frame.evaluate("() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    assert own_text(frame) == "The cat sleeps."
    assert judged(site, "keys") == []


def test_the_memory_is_searched(site: Site, window: Open) -> None:
    with site.connect() as connection:
        add_items(connection, "demo", "en", "de", GUIDE)
    from tm_core.settings import Settings
    from tm_store.db import open_database
    from tm_store.lookup_index import index_pending

    with open_database(Settings(database_url=site.database_url, include=Path("include").absolute())) as db:
        index_pending(db)
    viewer = window("viewer")
    frame = viewer.open("search")
    frame.get_by_label("Store and pair").select_option(label="demo · en → de")
    frame.get_by_role("searchbox").fill("The cat sleeps!")
    frame.get_by_role("button", name="Search").click()
    frame.get_by_role("link", name="The cat sleeps.").click()
    frame.get_by_text("in the memory", exact=True).wait_for()
    frame.get_by_text("says it now").wait_for()
    viewer.shot("unit")
    viewer.open("slices").get_by_role("heading", name="Nothing waits").wait_for()
    viewer.shot("slices-empty")
    assert viewer.complaints == []
