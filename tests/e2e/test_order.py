"""The memory is a function of what was deposited: not of the order of the runs, nor of how often they ran."""

from itertools import permutations

import pytest

pytestmark = pytest.mark.db

DAYS = ("2026-01-05", "2026-01-06", "2026-01-07")


@pytest.fixture
def week(make_world):
    world = make_world()
    for day in DAYS:
        world.deposit_day(day)
    return world


@pytest.fixture(scope="module")
def in_order(make_lasting_world):
    """The week refreshed in order, with its checksum."""
    world = make_lasting_world()
    for day in DAYS:
        world.deposit_day(day)
    return world, world.refreshed(*DAYS)


def texts(world, src_lang="en", tgt_lang="de"):
    return set(
        world.rows("select src_text, tgt_text from tm.unit where src_lang = %s and tgt_lang = %s", src_lang, tgt_lang)
    )


def sources(world, tgt_lang):
    return {source for source, _ in texts(world, tgt_lang=tgt_lang)}


def test_the_week_is_what_the_tests_need(in_order):
    world, _ = in_order
    tiers = dict(world.rows("select tier, count(*) from tm.unit group by tier"))
    assert set(tiers) == {"lexical", "embedding", "imported"}, tiers
    assert world.value("select count(*) from ops.document where state = 'failed'") == 3
    assert world.value("select count(*) from ops.slice where verdict <> 'accept'") == 0
    outcomes = {outcome for day in DAYS for outcome in world.outcomes(day)}
    assert {"new", "duplicate", "rejected", "unchanged"} <= outcomes, outcomes
    for day in DAYS:
        world.check_books(day)


SOME = [("2026-01-07", "2026-01-06", "2026-01-05"), ("2026-01-06", "2026-01-05", "2026-01-07")]
OTHERS = [order for order in permutations(DAYS) if order not in (DAYS, *SOME)]


@pytest.mark.parametrize(
    "order", [*SOME, *(pytest.param(order, marks=pytest.mark.slow) for order in OTHERS)], ids="-".join
)
def test_every_order_gives_the_same_memory(in_order, week, order):
    _, expected = in_order
    assert week.refreshed(*order) == expected
    for day in DAYS:
        week.check_books(day)


def test_each_date_a_second_time_changes_no_row(in_order):
    world, expected = in_order
    before = world.every_row()
    for day in (*DAYS, *reversed(DAYS)):
        assert world.refresh(day).json["nothing_new"]
    assert world.every_row() == before
    assert world.checksum() == expected


def test_reprocessing_aligns_again_and_changes_no_unit(in_order):
    world, expected = in_order
    units = {name: digest for name, digest in world.every_row().items() if name.startswith(("tm.unit", "tm.evidence"))}
    assert len(units) == 16
    for day in (DAYS[1], DAYS[0]):
        facts = world.refresh(day, "--reprocess").json
        assert not facts["nothing_new"]
        assert (facts["load"]["inserted"], facts["load"]["removed"]) == (0, 0)
        world.check_books(day)
    assert {name: digest for name, digest in world.every_row().items() if name in units} == units
    assert world.checksum() == expected


@pytest.mark.parametrize("order", [DAYS[:2], DAYS[1::-1]], ids=["in order", "the correction first"])
def test_a_corrected_document_supersedes_its_units(make_world, order):
    world = make_world()
    first, second = order
    for day in order:
        world.deposit(day, *(f"{day}/weather-station.{lang}.txt" for lang in ("en", "de")))
    world.refresh(first).ok()
    assert any(f"each tip is {'0.5' if first == DAYS[0] else '0.2'} mm" in text for text in sources(world, "de"))
    world.refresh(second).ok()
    found = sources(world, "de")
    assert "Take one reading a day, always at the same time." in found
    assert "Read the station once a day, always at the same time." not in found
    assert any("each tip is 0.2 mm" in text for text in found)
    assert not any("each tip is 0.5 mm" in text for text in found)
    if second == DAYS[0]:
        assert set(world.outcomes(DAYS[0])) == {"superseded", "rejected"}


def test_a_unit_lives_as_long_as_one_document_says_it(in_order):
    """weather-station was corrected; its copy under another name, in en and de alone, was not."""
    world, _ = in_order
    old = "Read the station once a day, always at the same time."
    assert old in sources(world, "de")
    assert old not in sources(world, "fr")
    names = world.rows(
        "select document.name from tm.unit join tm.document using (store_id, document_key) where src_text = %s", old
    )
    assert names == [("weather-station-final",)]


def test_a_late_file_of_an_old_date(in_order, week):
    _, expected = in_order
    late = {
        name: week.storage.read(f"raw/demo/{DAYS[0]}/{name}")
        for name in ("weather-station.fr.txt", "seven-minutes.de.txt")
    }
    for name in late:
        week.take_away(DAYS[0], name)
    assert week.refreshed(*DAYS) != expected
    for name, content in late.items():
        week.put(DAYS[0], name, content)
    assert week.refreshed(DAYS[0]) == expected
    # What was aligned before is not aligned again: only the story, and the station in its new language's two pairs.
    states = week.rows("select state, count(*) from ops.document where batch_id = %s group by 1", week.batch(DAYS[0]))
    assert dict(states) == {"ledger": 5, "aligned": 3, "failed": 1}
    week.check_books(DAYS[0])


def test_a_file_corrected_on_the_same_date_and_put_back(in_order, week):
    _, expected = in_order
    week.refreshed(*DAYS)
    right = {name: week.storage.read(f"raw/demo/{DAYS[2]}/{name}") for name in ("lighthouse-audio.de.txt", "shop.tmx")}
    first = week.batch(DAYS[2])
    week.put(DAYS[2], "lighthouse-audio.de.txt", right["lighthouse-audio.de.txt"].replace(b"Leuchtturm", b"Kirchturm"))
    week.put(DAYS[2], "shop.tmx", week.tmx(("Closed", "Zu")))
    changed = week.refreshed(DAYS[2])
    found = texts(week)
    assert changed != expected
    assert ("Closed", "Zu") in found
    assert ("Closed", "Geschlossen") not in found
    assert not any("Leuchtturm" in target for _, target in found)
    assert week.batch(DAYS[2]) != first

    for name, content in right.items():
        week.put(DAYS[2], name, content)
    assert week.refreshed(DAYS[2]) == expected
    assert week.batch(DAYS[2]) == first
    week.check_books(DAYS[2])
    assert week.refresh(DAYS[2]).json["nothing_new"]


def test_the_installed_programs_do_what_their_forks_do(in_order, week):
    """Every other test runs forks of one warm process: the programs themselves, once."""
    _, expected = in_order
    week.refresh(DAYS[2], cold=True).ok()
    assert week.refreshed(*DAYS) == expected
