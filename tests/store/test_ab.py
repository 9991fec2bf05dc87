"""A comparison of two aligners over a memory that was really aligned, from the documents to the way back."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.store.test_review_sample import DAY, Night
from tm_core.ab import Side
from tm_core.commands import ab_command
from tm_core.contracts import SEGMENTS
from tm_core.errors import ReviewError
from tm_core.precision import Judgement
from tm_core.settings import Settings
from tm_core.stores import Pair
from tm_formats.storage import Storage
from tm_formats.tables import read_rows
from tm_store.ab import Wanted, collect, current_variant, measure, promote, undo, weigh
from tm_store.cli import main
from tm_store.db import Database
from tm_store.erase import What, erase
from tm_store.erase_files import sweep
from tm_store.review import Filters, item, queue
from tm_store.review_threshold import approve, decisions
from tm_store.review_verdicts import judge

pytestmark = pytest.mark.db
RUN = "ab-000000000001"
PAIR = Pair(src="en", tgt="de")


class Comparison:
    """A comparison of en-de over one refreshed night."""

    def __init__(self, night: Night) -> None:
        night.refresh()
        self.night, self.db, self.storage, self.settings = night, night.db, night.storage, night.settings

    def make(self, b: str, *, run: str = RUN, a: str = "current", items: int = 40) -> dict[str, Any]:
        wanted = Wanted(store="demo", pair="en-de", a=a, b=b, items=items)
        collected = collect(self.settings, self.db, self.storage, run, wanted, day=DAY)
        self.costs = {side: self.align(run, side) for side in Side}
        return collected | measure(self.db, self.storage, run, run_id="r", day=DAY)

    def align(self, run: str, side: Side) -> dict[str, Any]:
        command = ab_command(run, side.value)
        command[0] = str(Path(sys.executable).with_name(command[0]))
        done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def blind(self) -> list[Any]:
        return list(queue(self.db, "ann", Filters(origin="blind", batch_id=RUN), limit=200).items)

    def sides(self, run: str = RUN) -> dict[int, str]:
        return dict(
            self.night.rows(
                "select item.item_id, blind.side from review.item as item join review.blind as blind"
                f" using (batch_id, document_key, position) where batch_id = '{run}'"
            )
        )

    def judge_all(self, right: Side) -> None:
        sides = self.sides()
        for one in self.blind():
            said = Judgement.ACCEPT if sides[one.item_id] == right else Judgement.WRONG
            judge(self.db, self.storage, one.item_id, who="ann", version=one.version, verdict=said)


@pytest.fixture
def compared(settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> Comparison:
    return Comparison(Night(settings, db, monkeypatch))


@pytest.mark.slow
def test_people_judge_without_knowing_whose_a_bead_is(compared: Comparison, capsys: pytest.CaptureFixture[str]) -> None:
    before = current_variant(compared.settings, compared.db, PAIR)
    made = compared.make("tier=embedding", a="tier=lexical")
    assert made["gold"] >= 3
    assert made["documents"] >= 2
    assert compared.costs[Side.A]["segments"] == compared.costs[Side.B]["segments"] == made["segments"]
    assert compared.costs[Side.B]["cpu_seconds"] > 0
    # Nothing with a text stays in object storage.
    assert compared.storage.list(f"work/{RUN}") == []
    found = weigh(compared.db, RUN)
    assert 0.5 < found.finding.gold.a < 1
    assert 0.5 < found.finding.gold.b < 1
    assert found.open == made["items"]

    heads, sides = compared.blind(), compared.sides()
    assert heads, "the two tiers agree on everything: the samples say nothing here"
    assert set(sides.values()) == {"a", "b"}
    for head in heads:
        shown = item(compared.db, head.item_id, "bob")
        assert (shown.head.tier, shown.head.score, shown.head.score_bin) == ("", 0.0, -1)
        assert not shown.can_move
        assert {(bead.tier, bead.score) for bead in (*shown.before, *shown.after)} <= {("", 0.0)}
        assert (shown.own.tier, shown.own.score) == ("compared", 0.0)
    drawn = _drawn(compared, RUN)
    compared.make("tier=embedding", a="tier=lexical", run="ab-000000000002")
    assert _drawn(compared, "ab-000000000002") == drawn, "asked again the same is drawn"
    # Done again it changes nothing, though the files are gone.
    assert measure(compared.db, compared.storage, RUN, run_id="r", day=DAY) == {"items": found.open}

    compared.judge_all(right=Side.B)
    assert weigh(compared.db, RUN).open == 0
    ever = {"since": date(2000, 1, 1), "until": date(2100, 1, 1)}
    counted = compared.db.run("review/select_tallies", store="demo", src_lang=None, tgt_lang=None, **ever)
    assert counted == [], "blind verdicts are no sample, and do not count for precision"
    assert current_variant(compared.settings, compared.db, PAIR) == before, "comparing changes nothing"
    main(["ab", "list"])
    assert RUN in capsys.readouterr().out


def _drawn(compared: Comparison, run: str) -> list[Any]:
    return compared.night.rows(
        "select document_key, position, src_text, tgt_text, side from review.item join review.blind"
        f" using (batch_id, document_key, position) where batch_id = '{run}' order by 2"
    )


@pytest.mark.slow
def test_an_approval_promotes_and_one_command_takes_it_back(compared: Comparison, monkeypatch: Any) -> None:
    settings, db, storage = compared.settings, compared.db, compared.storage
    before = current_variant(settings, db, PAIR)
    compared.make("threshold=0.4")
    _plant(compared, 30)
    found = weigh(db, RUN)
    assert found.finding.verdicts.sign == 1
    assert found.finding.proposed
    with pytest.raises(ReviewError, match="approved"):
        promote(settings, db, storage, RUN, who="ann", named="another", day=DAY)
    approve(settings, db, 0.33, who="eve", why="by hand", day=DAY)
    with pytest.raises(ReviewError, match="somebody has changed it"):
        promote(settings, db, storage, RUN, who="ann", named=found.named, day=DAY)
    with pytest.raises(ReviewError, match="promoted"):
        undo(settings, db, storage, RUN, who="ann", why="x", day=DAY)
    approve(settings, db, None, who="eve", why="back", day=DAY)
    done = promote(settings, db, storage, RUN, who="ann", named=found.named, day=DAY)
    assert done["before"] == {"threshold": None, "lexicon": ""}
    assert current_variant(settings, db, PAIR).threshold == 0.4
    assert promote(settings, db, storage, RUN, who="ann", named=found.named, day=DAY)["done_before"]
    monkeypatch.setattr("getpass.getuser", lambda: "bob")
    assert main(["ab", "undo", RUN, "--why", "translators complain"]) == 0
    assert current_variant(settings, db, PAIR) == before
    assert [row[3] for row in decisions(db)][:2] == ["bob", "ann"]
    assert main(["ab", "undo", RUN, "--why", "again"]) == 1


def _plant(compared: Comparison, count: int) -> None:
    """Verdicts on beads of both sides, as many as it takes: all of b's right, half of a's wrong."""
    run = compared.db.connection.execute
    for number in range(2 * count):
        side, key = "ab"[number % 2], bytes([number]) * 32
        kind = "wrong" if side == "a" and number % 4 else "accept"
        run("insert into review.blind values (%s, %s, %s, %s)", (RUN, key, 1000 + number, side))
        run(
            "insert into review.verdict (verdict_key, who, kind, batch_id, document_key, position, partition_date,"
            " store, src_lang, tgt_lang, tier, score_bin, score, confidence, weight, origin, unit_key)"
            " values (%s, 'ann', %s, %s, %s, %s, %s, 'demo', 'en', 'de', 'compared', 0, 0, 0, 0, 'blind', '')",
            (key, kind, RUN, key, 1000 + number, DAY),
        )


@pytest.mark.slow
def test_an_erasure_ends_the_comparisons_that_quote_its_texts(compared: Comparison) -> None:
    settings, db, storage, folder = compared.settings, compared.db, compared.storage, f"work/{RUN}"

    def wipe(text: str) -> Any:
        return erase(settings, db, storage, What(store="demo", match=text), who="ann", why="asked to", dry_run=False)

    wanted = Wanted(store="demo", pair="en-de", a="tier=lexical", b="tier=embedding", items=4)
    collect(settings, db, storage, RUN, wanted, day=DAY)
    compared.align(RUN, Side.A)
    texts = {row["text"] for row in read_rows(storage, f"{folder}/input/segments.parquet", SEGMENTS)}
    units = [src for (src,) in compared.night.rows("select src_text from tm.unit order by src_text")]
    quoted = next(one for one in units if one in texts and len(one) > 30)
    other = next(one for one in units if not any(text in one or one in text for text in texts) and len(one) > 30)
    wipe(other)
    assert len(storage.list(folder)) > 3
    assert wipe(quoted).files.under_way == (folder,), "a task that aligns now may still write"
    assert storage.list(folder) == []
    storage.write_atomic(f"{folder}/b/beads.parquet", b"what such a task wrote")
    assert sweep(db, storage).under_way == ()
    assert storage.list(folder) == []


@pytest.mark.slow
def test_an_external_aligner_is_compared_and_not_promoted(
    compared: Comparison, tmp_path: Path, monkeypatch: Any
) -> None:
    include = tmp_path / "include"
    include.mkdir()
    for one in compared.settings.include.iterdir():
        if one.name != "aligners.toml":
            (include / one.name).symlink_to(one)
    script = "import sys; n=[len(open(p).readlines()) for p in sys.argv[1:]]; k=min(n)\n"
    script += "for i in range(k-1): print(f'[{i}]:[{i}]')\nprint(list(range(k-1,n[0])),list(range(k-1,n[1])),sep=':')\n"
    (tmp_path / "diagonal.py").write_text(script)
    command = f"{sys.executable} {tmp_path}/diagonal.py {{src}} {{tgt}}"
    (include / "aligners.toml").write_text(
        f'[aligner.diagonal]\ncommand = "{command}"\n[aligner.broken]\ncommand = "{sys.executable} -c pass"\n'
    )
    monkeypatch.setenv("TM_INCLUDE", str(include))
    compared.make("command=diagonal")
    found = weigh(compared.db, RUN)
    assert found.finding.gold.sign == -1, "a diagonal is worse than an aligner"
    assert compared.costs[Side.B]["cpu_seconds"] > 0
    wanted = Wanted(store="demo", pair="en-de", b="command=broken")
    collect(compared.settings, compared.db, compared.storage, "ab-000000000003", wanted, day=DAY)
    command_line = ab_command("ab-000000000003", "b")
    command_line[0] = str(Path(sys.executable).with_name(command_line[0]))
    done = subprocess.run(command_line, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "expected each of" in done.stderr


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(store="demo", pair="en-ja", b="tier=lexical"), "one of its pairs"),
        (Wanted(store="nobody", pair="en-de", b="tier=lexical"), "one of its pairs"),
        (Wanted(store="demo", pair="en-de", b="lexicon=abcd1234"), "found 0"),
        (Wanted(store="demo", pair="en-de", b="tier=best"), "expected tier="),
    ],
)
def test_what_cannot_be_compared_is_named(settings: Any, db: Any, wanted: Wanted, said: str) -> None:

    with pytest.raises(ReviewError, match=said):
        collect(settings, db, Storage(settings.storage), RUN, wanted, day=DAY)
    with pytest.raises(ReviewError, match="none of this name"):
        weigh(db, RUN)
