"""A storage that is not there fails in every command and every DAG: it is no empty night and no empty list."""

import argparse
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from operators.ab import CollectDocumentsOperator
from operators.erase import PreviewErasureOperator
from operators.export import CloseExportOperator
from operators.lexicon import CollectUnitsOperator
from operators.maintenance import MaintainOperator
from operators.plan import PlanOperator
from operators.recovery import CheckDeadlinesOperator, DrillOperator, PreviewRestoreOperator, TakeBackupOperator
from operators.release import SettleOperator
from tests.store.batches_made import load
from tests.store.s3_faults import Faulty
from tm_core.errors import StorageUnavailable
from tm_core.settings import Settings
from tm_store import cli
from tm_store.db import Database

pytestmark = [pytest.mark.airflow, pytest.mark.db]

ROOT = Path(__file__).resolve().parents[2]
DAY = "2026-01-05"
TMX = (
    '<?xml version="1.0"?><tmx version="1.4"><header srclang="en"/><body><tu><tuv xml:lang="en"><seg>One</seg></tuv>'
    '<tuv xml:lang="de"><seg>Eins</seg></tuv></tu></body></tmx>'
)
_SLICE = ["{batch}", "demo", "en-de"]
_RULING = ["--who", "a test", "--why", "it is time"]
_URI = "backups/20260105T040000000Z-manual"

#: Every command that touches the storage, with arguments that get it there.
TOUCHING: dict[str, list[str]] = {
    "deposit": ["--store", "demo", "--date", DAY, "--lang", "en", "{folder}"],
    "report": ["--date", DAY],
    "explain": ["guide"],
    "doctor": [],
    "lexicon use": ["--pair", "en-de", "--sha256", "ab"],
    "import": ["--store", "demo", "--src", "en", "--tgt", "de", "{folder}/one.tmx"],
    "plan": ["--date", DAY],
    "quarantine release": [*_SLICE, *_RULING],
    "quarantine discard": [*_SLICE, *_RULING],
    "review verdict": ["1", "accept", "--version", "1"],
    "ab undo": ["comparison", "--why", "it is time"],
    "rollback": ["--batch", "{batch}"],
    "erase": ["--store", "demo", "--match", "house"],
    "erase --lift": ["1", "--store", "demo", "--why", "it is time"],
    "erase --sweep": [],
    "erase --list": [],
    "maintain": ["--dry-run"],
    "backup": [],
    "backup --list": [],
    "backup --if-due": [],
    "backup --check": [],
    "backup --verify": [_URI],
    "backup --prune": [],
    "backup --hold": [_URI],
    "backup --lift": [_URI],
    "backup --unpack": [_URI, "--to", "{folder}/empty"],
    "restore": [],
    "restore --swap": [],
    "restore --swap-back": [],
    "restore --catch-up": [],
    "drill": [],
    "refresh-plan": ["--date", DAY],
    "refresh-step": ["sample", "--batch", "{batch}"],
    "refresh": ["--date", DAY],
}
#: The others: they read or write the database, or a file that they are given.
UNTOUCHED = {
    *("migrate", "checksum", "settings", "roles", "lexicon list", "export", "lookup", "concordance", "log", "diff"),
    *("quarantine list", "quarantine show", "held-out", "review queue", "review stats", "review kappa"),
    *("review threshold --set", "review threshold --clear", "review threshold", "ab list", "ab show"),
    *("backup --make-key", "restore --list", "restore --drop"),
    *("erase --document", "erase --match", "erase --regex", "erase --source-hash"),  # as "erase"
    *("lexicon use --sha256", "lexicon use --file"),  # as "lexicon use"
}


def commands(parser: argparse.ArgumentParser, name: str = "") -> Iterator[str]:
    """Every command of a parser, and every option of it that makes it another one."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield from commands(below, f"{name} {word}".strip())
            return
    yield name
    for group in parser._mutually_exclusive_groups:
        yield from (f"{name} {action.option_strings[-1]}" for action in group._group_actions)


def test_every_command_is_known_to_this_test() -> None:
    found = set(commands(cli._parser()))
    assert len(found) >= 40
    assert found == TOUCHING.keys() | UNTOUCHED, "say above whether a new command touches the storage"


class Everything(BaseHTTPRequestHandler):
    """A web server that answers every address with a page: the console of an S3 server, taken for the server."""

    def answer(self) -> None:
        body = b"<!doctype html><p>Please log in</p>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(scope="module")
def console() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Everything)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


Environment = Callable[[str, str], None]


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Set what a person's shell says: the memory, a storage and the server it is on."""
    for name in ("home", "database_url", "include"):
        monkeypatch.setenv(f"TM_{name.upper()}", str(getattr(settings, name)))
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)

    def choose(storage: str, endpoint: str) -> None:
        monkeypatch.setenv("TM_STORAGE", storage)
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)

    return choose


@pytest.fixture(params=["bucket", "console", "folder"])
def absent(
    request: pytest.FixtureRequest, environment: Environment, moto: str, console: str, tmp_path: Path
) -> tuple[str, ...]:
    """A storage that is not there, by three ways to misname it; what its error has to say."""
    if request.param == "folder":
        folder = tmp_path / "mnt" / "tm"
        environment(f"file://{folder}", moto)
        return (
            f"file://{folder}",
            "expected a folder, found none",
            "Correct TM_STORAGE",
            "Nothing was read or written",
        )
    endpoint = moto if request.param == "bucket" else console
    environment("s3://misnamed/memory", endpoint)
    found = "found no such bucket" if request.param == "bucket" else "found one that has a file of every name"
    return ("s3://misnamed/memory", endpoint, found, "AWS_ENDPOINT_URL", "Nothing was read or written")


@pytest.fixture
def words(db: Database, tmp_path: Path) -> dict[str, str]:
    """What stands for the braces in the commands' arguments."""
    batch, _ = load(db, date(2026, 1, 6), {"guide": [("One house", "Ein Haus")]})
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "one.tmx").write_text(TMX)
    return {"batch": batch, "folder": str(tmp_path / "files")}


def test_every_command_fails(
    absent: tuple[str, ...], words: dict[str, str], db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {}
    before = db.connection.execute("select count(*) from ops.journal").fetchone()
    for command, more in TOUCHING.items():
        is_file_deposit = command == "deposit" and absent[0].startswith("file:")
        if is_file_deposit:  # it makes the folder, and says so
            continue
        status = cli.main([*command.split(), *(word.format(**words) for word in more)])
        said = capsys.readouterr()
        flat = " ".join((said.out + said.err).split())
        missing = [part for part in absent if part not in flat]
        expected = 1 if command != "doctor" or absent[0].startswith("file:") else 2
        if status != expected or missing or "Traceback" in flat:
            wrong[command] = (status, missing, flat[-300:])
        if command != "doctor" and said.out:
            wrong[command] = (status, "said something of a storage that is not there", said.out)
    assert wrong == {}
    assert db.connection.execute("select count(*) from ops.journal").fetchone() == before, "nothing was changed"


def test_a_report_of_a_known_date_is_printed_before_the_error(
    absent: tuple[str, ...], words: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", "--date", "2026-01-06"]) == 1
    said = capsys.readouterr()
    assert "Refresh of 2026-01-06" in said.out
    assert absent[0] in said.err


def test_doctor_looks_for_deposits_in_a_storage_that_is_there_alone(
    absent: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["doctor"]) > 0
    assert capsys.readouterr().out.count(absent[0]) == 1, "one fault, one line"


# The DAGs -----------------------------------------------------------------------------------------------

FORM = {"dry_run": False, "backup": "", "time": "", "batch": "", "replay": True, "cut": False}
ERASURE = {"store": "demo", "by": "text", "what": "house", "src": "", "tgt": "", "why": "it is time"}
COMPARISON = {"store": "demo", "pair": "en-de", "a": "lexical", "b": "embedding", "documents": 1, "items": 1}
RELEASE = {"batch_id": "{batch}", "store": "demo", "src": "en", "tgt": "de"}

#: DAG -> the task of it that touches the storage first.
TASKS: dict[str, Callable[[], Any]] = {
    "tm_refresh": lambda: PlanOperator(task_id="task"),
    "tm_backup": lambda: TakeBackupOperator(task_id="task", always=True),
    "tm_backup, deadlines": lambda: CheckDeadlinesOperator(task_id="task"),
    "tm_restore_drill": lambda: DrillOperator(task_id="task", uri=""),
    "tm_restore": lambda: PreviewRestoreOperator(task_id="task", form=FORM),
    "tm_maintenance": lambda: MaintainOperator(task_id="task", part="leftovers", preview=True),
    "tm_erase": lambda: PreviewErasureOperator(task_id="task", form=ERASURE),
    "tm_export": lambda: CloseExportOperator(task_id="task", written=[], filters={}),
    "tm_release": lambda: SettleOperator(
        task_id="task",
        form=RELEASE,
        shown={},
        said={"verdict": "quarantine", "who": "time-out", "why": "nobody decided"},
        answered_in="ask",
    ),
    "lexicon_refresh": lambda: CollectUnitsOperator(task_id="task"),
    "aligner_ab": lambda: CollectDocumentsOperator(task_id="task", form=COMPARISON),
}
#: It reads the database and starts runs of tm_refresh.
DATABASE_ALONE = {"tm_deferred"}


def test_every_dag_is_known_to_this_test() -> None:
    dags = {path.stem for path in (ROOT / "dags").glob("*.py")}
    assert len(dags) >= 10
    assert dags == {name.partition(",")[0] for name in TASKS} | DATABASE_ALONE


def test_every_dag_fails(absent: tuple[str, ...], words: dict[str, str]) -> None:
    run = SimpleNamespace(partition_key=DAY, logical_date=None, run_after=datetime(2026, 1, 6, tzinfo=UTC), conf={})
    context = {"run_id": "manual__1", "dag_run": run, "params": {}}
    for name, make in TASKS.items():
        with pytest.raises(StorageUnavailable) as caught:
            make().execute(context)
        missing = [part for part in absent if part not in str(caught.value)]
        assert not missing, f"{name}: {caught.value}"


#: Where a storage is opened without a look at it: in doctor, whose finding it is; in deposit, which makes the folder;
#: on the review page, whose verdicts are shipped later where the storage is away; for parts of the upkeep that need
#: none.
UNLOOKED = {"doctor.py": 4, "cli.py": 1, "memory.py": 1, "upkeep.py": 1}


def test_the_storage_is_opened_in_one_way() -> None:
    opened = {"open_storage": 0}
    for folder in ("containers/store/src", "containers/aligner/src", "operators", "plugins"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            opened["open_storage"] += len(re.findall(r"\bopen_storage\(", text))
            if count := len(re.findall(r"\bStorage\(.*\.storage\)", text)):
                opened[path.name] = count
    assert opened.pop("open_storage") >= 30
    assert opened == UNLOOKED, "use tm_formats.storage.open_storage, which fails where the storage is not there"


# A storage that comes or goes ----------------------------------------------------------------------------


def test_tms_own_folder_is_made_when_it_is_first_used(
    settings: Settings, environment: Environment, words: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """TM_HOME/storage belongs to tm as work/ and logs/ do: a new stack has no deposits, and no fault."""
    environment("", "")
    folder = settings.home / "storage"
    assert not folder.exists()
    assert cli.main(["plan", "--date", DAY]) == 0
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_deposit_makes_the_folder_that_a_person_names(
    environment: Environment, words: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "storage"
    environment(f"file://{folder}", "")
    arguments = ["deposit", "--store", "demo", "--date", DAY, "--lang", "en", words["folder"]]
    assert cli.main(arguments) == 0
    assert f"file://{folder}: there was no such folder; it has been made" in capsys.readouterr().out
    assert cli.main(arguments) == 0
    assert "has been made" not in capsys.readouterr().out
    assert cli.main(["plan", "--date", DAY]) == 0


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(12):
        (folder / f"page{number:02}.txt").write_text(f"Page {number}.")
    return folder


@pytest.mark.parametrize("fault", ["expired", "slow down"])
def test_an_outage_while_depositing_ends_it_at_the_first_error(
    environment: Environment, moto: str, many: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    host, _, port = moto.rpartition("://")[2].partition(":")
    faulty = Faulty(host, int(port))
    bucket = f"going-{fault.replace(' ', '-')}"
    environment(f"s3://{bucket}/memory", faulty.url)
    boto3.client("s3", region_name="us-east-1", endpoint_url=moto).create_bucket(Bucket=bucket)
    arguments = ["deposit", "--store", "demo", "--date", DAY, "--lang", "en", str(many)]

    faulty.plan(fault, lambda number: number >= 4)
    assert cli.main(arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("could not write") == 1
    for part in (
        "page04.en.txt: could not write",
        "Deposited until then: 4 files written, 0 were there already, 0 refused; 8 of 12 are left, from",
        "Repeat the command once the storage answers: that is safe",
    ):
        assert part in said.err

    faulty.plan("", lambda number: False)
    assert cli.main(arguments) == 0
    assert "8 files written, 4 were there already" in capsys.readouterr().out


def test_a_file_whose_name_cannot_be_written_does_not_end_a_deposit(
    environment: Environment, many: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(f"file://{tmp_path / 'new'}", "")
    (many / ("x" * 251 + ".txt")).write_text("Its name grows by its language.")
    assert cli.main(["deposit", "--store", "demo", "--date", DAY, "--lang", "en", str(many)]) == 0
    said = capsys.readouterr().out
    assert "12 files written" in said
    assert "the name is too long" in said
