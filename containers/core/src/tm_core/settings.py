"""Every setting of the system, read from the environment in one place.

A setting is a field of :class:`Settings`; its variable is ``TM_`` and the field's name in capitals. ``tm settings``
prints them all, with secrets hidden; a wrong value is a :class:`~tm_core.errors.SettingsError` that names the variable.
"""

import os
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tm_core.errors import SettingsError


class Runtime(StrEnum):
    """Where the mapped tasks run."""

    PROCESS = "process"
    KUBERNETES = "kubernetes"


class Encoder(StrEnum):
    """What turns a segment into a vector for tier 2."""

    LEXICON = "lexicon"
    LASER2 = "laser2"


class Device(StrEnum):
    """What a neural encoder runs on. There is no "auto": a wanted device that is missing is an error."""

    CPU = "cpu"
    CUDA = "cuda"


class Tier2Down(StrEnum):
    """What becomes of documents that tier 2 should align while it is unavailable."""

    HOLD = "hold"
    TIER1 = "tier1"


class Approvals(StrEnum):
    """How many people an approval wants: the asker and another one, or one who may be both."""

    TWO = "two"
    ONE = "one"


class Notify(StrEnum):
    """Where the news of a failed task goes."""

    LOG = "log"
    SMTP = "smtp"
    SLACK = "slack"


def _setting(
    default: Any, doc: str, *, secret: bool = False, low: float | None = None, high: float | None = None
) -> Any:
    # A secret stays out of repr(), which ends up in logs and tracebacks.
    return field(default=default, repr=not secret, metadata={"doc": doc, "secret": secret, "low": low, "high": high})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, typed and validated. ``doc`` in each field's metadata is its documentation."""

    home: Path = _setting(Path(".tm"), "folder of the embedded stack: databases, storage, logs")
    storage: str = _setting("", "object storage, file:///folder or s3://bucket/prefix; empty: TM_HOME/storage")
    database_url: str = _setting("", "Postgres of the memory, postgresql://user:password@host/db", secret=True)
    database_owner_url: str = _setting(
        "", "the same database as a member of tm_owner, for migrations and upkeep; empty: TM_DATABASE_URL", secret=True
    )
    database_read_url: str = _setting(
        "",
        "a read replica, or the same database as a member of tm_reader: look-ups and exports; empty: none",
        secret=True,
    )
    read_lag_seconds: float = _setting(
        1.0, "a replica further behind its primary than this is not used, seconds", low=0, high=3600
    )
    lookup_seconds: int = _setting(10, "time-out of one SQL statement of a look-up, seconds", low=1, high=86_400)
    include: Path = _setting(Path(), "folder with sql/, gx/, samples/ and stores.toml; empty: the checkout's include/")
    pool_size: int = _setting(8, "most connections of a service's pool; not calibrated yet", low=1, high=1000)
    pool_seconds: float = _setting(
        5.0, "longest wait for a connection of a pool, seconds; not calibrated yet", low=0.1, high=600
    )
    runtime: Runtime = _setting(Runtime.PROCESS, "where mapped tasks run: process or kubernetes")
    pods: Path = _setting(Path(), "settings of the pods (TM_RUNTIME=kubernetes); empty: pods.toml in TM_INCLUDE")
    encoder: Encoder = _setting(Encoder.LEXICON, "encoder of tier 2: lexicon (no model) or laser2")
    device: Device = _setting(Device.CPU, "device of a neural encoder: cpu or cuda; never a silent fallback")
    model_dir: Path = _setting(Path(), "folder with laser2.pt, laser2.spm and laser2.cvocab, for TM_ENCODER=laser2")
    tier_threshold: float | None = _setting(
        None,
        "documents under this tier 1 confidence go to tier 2, 0 to 1; empty: 0.7, and none with TM_ENCODER=lexicon",
        low=0,
        high=1,
    )
    tier2_pool: str = _setting("default_pool", "Airflow pool of tier 2's tasks; its slots bound the GPUs in use")
    tier2_down: Tier2Down = _setting(
        Tier2Down.HOLD, "documents while tier 2 is unavailable: hold (for the next run) or tier1 (its beads, stamped)"
    )
    tier2_wait_seconds: float = _setting(
        600.0, "tier 2 may be unavailable this long before TM_TIER2_DOWN is done, seconds", low=0, high=86_400
    )
    breaker_failures: int = _setting(10, "failures in a row after which tier 2 is left alone", low=1, high=1000)
    breaker_seconds: float = _setting(
        60.0, "tier 2 is left alone this long before one probe, seconds", low=1, high=86_400
    )
    settle_seconds: float = _setting(
        2.0, "a file younger than this is looked at again before it is read, seconds", low=0, high=3600
    )
    shard_chars: int = _setting(
        400_000, "text of one mapped task, characters on both sides; not calibrated yet", low=1000, high=10**9
    )
    max_shards: int = _setting(200, "most mapped tasks a tier; Airflow's own limit is 1,024", low=1, high=1000)
    review_rate: float = _setting(0.01, "share of accepted beads sampled for review, 0 to 1", low=0, high=1)
    review_budget: int = _setting(200, "most review items a night", low=0, high=100_000)
    review_double: float = _setting(0.1, "share of review items that two people judge, 0 to 1", low=0, high=1)
    review_target: float = _setting(0.9, "precision that a stratum must prove to be trusted", low=0.01, high=0.999)
    review_confidence: float = _setting(0.95, "two-sided confidence of precision's intervals", low=0.5, high=0.9999)
    review_window_days: int = _setting(
        90, "partition dates whose verdicts count, days; not calibrated yet", low=1, high=36_500
    )
    backup_days: int = _setting(
        30, "every backup is kept so long, days; the newest good and proven ones always", low=1, high=36_500
    )
    backup_weeks: int = _setting(12, "then the newest good backup of a week, weeks", low=0, high=5_000)
    backup_months: int = _setting(12, "then the newest good backup of a month, months", low=0, high=1_200)
    backup_recipients: str = _setting(
        "", "age public keys (age1…, parted by commas) that backups are encrypted to; empty: not encrypted"
    )
    backup_identity: Path = _setting(
        Path(), "file with the age secret key that opens encrypted backups; a restore and a drill need it"
    )
    airflow_database_url: str = _setting(
        "", "Airflow's metadata database, of which a backup keeps variables and run history; empty: none", secret=True
    )
    months_ahead: int = _setting(3, "month partitions of the books made ahead, months", low=1, high=120)
    books_months: int = _setting(
        24, "months of the books kept in the database; older ones are put away as Parquet, months", low=1, high=1200
    )
    work_days: int = _setting(
        30, "work files and staged rows of superseded batches older than this are removed, days", low=1, high=36_500
    )
    held_out: Path = _setting(
        Path(), "file of hashes (`tm held-out`) of gold texts that no store may learn from; empty: none"
    )
    hold_days: float = _setting(
        7.0, "a held slice that nobody decides on becomes quarantined after this long, days", low=0.0001, high=365
    )
    approvers: str = _setting(
        "",
        "who may answer what a DAG asks (release, erase, restore, promote): ids of Airflow's users, a comma between "
        "them, who need the operator's right too; empty: whoever has it",
    )
    approvals: Approvals = _setting(
        Approvals.TWO,
        "people whom an erasure, a restore or a promotion needs: two (another operator than the one who asked approves "
        "it) or one (the same person may)",
    )
    first_date: date | None = _setting(None, "first partition date to catch up from, YYYY-MM-DD; empty: no catch-up")
    retry_seconds: float = _setting(60.0, "pause before a failed task is tried again, seconds", low=0, high=86_400)
    statement_seconds: int = _setting(1800, "time-out of one SQL statement, seconds", low=1, high=86_400)
    notify: Notify = _setting(Notify.LOG, "news of a failed task: log, smtp or slack (Airflow's own notifiers)")
    notify_to: str = _setting("", "address (smtp) or channel (slack) for the news of a failed task")

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        """Read and validate every ``TM_`` variable.

        Raises:
            SettingsError: a value cannot be used, or a ``TM_`` variable is unknown (a misspelt one would
                otherwise be ignored in silence).
        """
        env = os.environ if env is None else env
        known = {variable(item): item for item in fields(cls)}
        _refuse_unknown(env, known)
        hints = typing.get_type_hints(cls)
        values = {
            item.name: _parse(name, env[name], hints[item.name], item)
            for name, item in known.items()
            if env.get(name, "") != ""
        }
        return cls(**values)._resolved()

    def _resolved(self) -> "Settings":
        """Fill what depends on other settings, and check what depends on several."""
        home = self.home.absolute()
        storage = self.storage or "file://" + quote(str(home / "storage"))
        if not _STORAGE.fullmatch(storage):
            raise _wrong("TM_STORAGE", storage, "file:///folder or s3://bucket/prefix")
        for name, url in (
            ("TM_DATABASE_URL", self.database_url),
            ("TM_DATABASE_OWNER_URL", self.database_owner_url),
            ("TM_DATABASE_READ_URL", self.database_read_url),
            ("TM_AIRFLOW_DATABASE_URL", self.airflow_database_url),
        ):
            if foreign := _FOREIGN_DATABASE.match(url):
                part = foreign["java"] or foreign["driver"]
                program = "Java" if foreign["java"] else "SQLAlchemy, as Airflow's own setting has it"
                shown = f"'{foreign[0]}…', an address for {program}"
                raise _wrong(name, shown, f"{_DATABASE_FORM}: the same without '{part}'", quoted=False)
            if url and not _DATABASE.match(url):
                # Where the password stands in a text that is no URL cannot be known.
                hidden = "a text that is not shown, as it may hold a password"
                raise _wrong(name, hidden, _DATABASE_FORM, quoted=False)
        if self.encoder is Encoder.LASER2 and self.model_dir == Path():
            raise _wrong(
                "TM_MODEL_DIR", "", "a folder with laser2.pt, laser2.spm and laser2.cvocab (TM_ENCODER=laser2)"
            )
        if self.notify is not Notify.LOG and not self.notify_to:
            raise _wrong("TM_NOTIFY_TO", "", f"an address or channel, because TM_NOTIFY={self.notify}")
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return type(self)(**values | {"home": home, "storage": storage, "include": self.include_or_default()})

    def include_or_default(self) -> Path:
        """The ``include`` folder: the setting, or the one of the checkout this code lies in."""
        if self.include != Path():
            return self.include.absolute()
        for parent in Path(__file__).resolve().parents:
            if (parent / "include" / "sql").is_dir():
                return parent / "include"
        return Path("include").absolute()

    def require_database(self) -> str:
        """The database's URL, or a SettingsError that says how to get one."""
        if not self.database_url:
            raise _wrong("TM_DATABASE_URL", "", _DATABASE_FORM + ". `make up` starts one and prints it")
        return self.database_url

    def as_owner(self) -> "Settings":
        """These settings with the owner's URL as the database's: for what makes, changes and drops tables."""
        return replace(self, database_url=self.database_owner_url or self.database_url)

    def shown(self) -> list[tuple[str, str, str]]:
        """(variable, value with secrets hidden, documentation) of every setting."""
        rows = []
        for item in fields(self):
            value = getattr(self, item.name)
            text = "" if value is None or value == Path() else str(value)
            rows.append(
                (variable(item), hide_password(text) if item.metadata["secret"] else text, item.metadata["doc"])
            )
        return rows


_DATABASE_FORM = "postgresql://user:password@host/db"
_DATABASE = re.compile(r"postgres(ql)?://")
#: The same server in the words of another program: with a driver's name, or Java's prefix.
_FOREIGN_DATABASE = re.compile(r"((?P<java>jdbc:)postgres(ql)?|postgres(ql)?(?P<driver>\+\w+))://")
_STORAGE = re.compile(r"file:///.+|s3://[^/].*")

#: ``TM_`` variables that belong to the tests, the Makefile and the stack, not to a run.
FOREIGN = ("TM_TEST_",)


def variable(item: Field[Any]) -> str:
    """The environment variable of a field."""
    return "TM_" + item.name.upper()


def hide_password(url: str) -> str:
    """The URL, or libpq's ``key=value`` form, its passwords as ``***``. Never raises: it is asked of wrong ones."""
    # By hand, because urllib refuses what libpq takes: several hosts, each with a port.
    without = re.sub(r"^([\w+.-]+://[^/?#@]*?:).*@", r"\1***@", url)
    return re.sub(r"((?:ssl)?password\s*=\s*)(?:'(?:[^'\\]|\\.)*'?|[^&\s]*)", r"\1***", without)


def _refuse_unknown(env: Mapping[str, str], known: Mapping[str, object]) -> None:
    unknown = sorted(
        name for name in env if name.startswith("TM_") and name not in known and not name.startswith(FOREIGN)
    )
    if unknown:
        raise SettingsError(
            f"{unknown[0]} is not a setting. Expected one of {', '.join(sorted(known))}. "
            "Correct or unset it; nothing has run."
        )


def _parse(name: str, text: str, hint: Any, item: Field[Any]) -> Any:
    kind = next(arg for arg in typing.get_args(hint) if arg is not types.NoneType) if typing.get_args(hint) else hint
    try:
        value = _READERS.get(kind, kind)(text)
    except (ValueError, RuntimeError):  # RuntimeError: ~user of a user that does not exist
        raise _wrong(name, text, _expected(kind)) from None
    low, high = item.metadata["low"], item.metadata["high"]
    if (low is not None and value < low) or (high is not None and value > high) or value != value:
        bounds = f"a number from {low}" + ("" if high is None else f" to {high}")
        raise _wrong(name, text, bounds)
    return value


def _day(text: str) -> date:
    # date.fromisoformat alone also takes 20260105 and 2026-W02-1.
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()


# Absolute, so that TM_MODEL_DIR=. is the current folder and not, as Path() is, "not set".
_READERS: Mapping[Any, Any] = {date: _day, Path: lambda text: Path(text).expanduser().absolute()}


def _expected(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "one of " + ", ".join(kind)
    return {int: "a whole number", float: "a number", date: "a date YYYY-MM-DD", Path: "a path"}.get(kind, "a text")


def _wrong(name: str, found: str, expected: str, *, quoted: bool = True) -> SettingsError:
    shown = (f"'{found}'" if quoted else found) if found else "not set"
    return SettingsError(f"{name} is {shown}. Expected {expected}. Set it in the environment; nothing has run.")


assert all(item.default is not MISSING for item in fields(Settings))  # noqa: S101 - a setting without default breaks from_env
