"""Settings: a wrong value is an error that names its variable, and a secret is never shown."""

import pickle
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest

from tm_core.errors import SettingsError
from tm_core.settings import Encoder, Notify, Runtime, Settings, hide_password, variable

SECRET = "hunter2"


def wrong(**env: str) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(env)
    return str(caught.value)


def test_defaults_are_valid_and_complete() -> None:
    settings = Settings.from_env({})
    assert (settings.runtime, settings.encoder, settings.notify) == (Runtime.PROCESS, Encoder.LEXICON, Notify.LOG)
    assert settings.home.is_absolute()
    assert settings.storage == f"file://{settings.home}/storage"
    assert (settings.include / "sql" / "schema").is_dir()
    assert settings.first_date is None


def test_values_are_read_as_their_types(tmp_path: Path) -> None:
    env = {
        "TM_HOME": str(tmp_path),
        "TM_STORAGE": "s3://bucket/prefix",
        "TM_ENCODER": "laser2",
        "TM_MODEL_DIR": str(tmp_path / "model"),
        "TM_MAX_SHARDS": "7",
        "TM_SETTLE_SECONDS": "0",
        "TM_FIRST_DATE": "2026-01-05",
    }
    settings = Settings.from_env(env)
    assert settings.encoder is Encoder.LASER2
    assert settings.model_dir == tmp_path / "model"
    assert (settings.max_shards, settings.settle_seconds) == (7, 0.0)
    assert settings.first_date == date(2026, 1, 5)
    assert settings.storage == "s3://bucket/prefix"


def test_an_empty_variable_is_an_unset_one() -> None:
    assert Settings.from_env({"TM_MAX_SHARDS": "", "TM_FIRST_DATE": ""}) == Settings.from_env({})


def test_a_folder_with_odd_letters_becomes_a_uri(tmp_path: Path) -> None:
    settings = Settings.from_env({"TM_HOME": str(tmp_path / "mein Ordner 100%")})
    assert settings.storage.endswith("/mein%20Ordner%20100%25/storage")


def test_the_current_folder_is_not_no_folder() -> None:
    assert Settings.from_env({"TM_MODEL_DIR": "."}).model_dir == Path.cwd()
    assert Settings.from_env({}).model_dir == Path()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("TM_RUNTIME", "docker", "one of process"),
        ("TM_ENCODER", "Lexicon", "one of lexicon, laser2"),
        ("TM_DEVICE", "auto", "one of cpu, cuda"),
        ("TM_NOTIFY", "pager", "one of log, smtp, slack"),
        ("TM_MAX_SHARDS", "many", "a whole number"),
        ("TM_MAX_SHARDS", "1.5", "a whole number"),
        ("TM_MAX_SHARDS", "1001", "from 1 to 1000"),
        ("TM_BACKUP_DAYS", "0", "from 1 to"),
        ("TM_BACKUP_DAYS", "999999999999", "from 1 to"),
        ("TM_TIER_THRESHOLD", "1.01", "from 0 to 1"),
        ("TM_REVIEW_RATE", "nan", "from 0 to 1"),
        ("TM_SETTLE_SECONDS", "inf", "from 0 to 3600"),
        ("TM_FIRST_DATE", "05.01.2026", "YYYY-MM-DD"),
        ("TM_FIRST_DATE", "2026-02-30", "YYYY-MM-DD"),
        ("TM_FIRST_DATE", "20260105", "YYYY-MM-DD"),
        ("TM_STORAGE", "/var/lib/tm", "file:///folder"),
        ("TM_STORAGE", "file://relative", "file:///folder"),
        ("TM_STORAGE", "s3://", "s3://bucket"),
        ("TM_STORAGE", "http://[bad", "file:///folder"),
        ("TM_HOME", "~nobody-of-this-name/tm", "a path"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, value: str, expected: str) -> None:
    message = wrong(**{name: value})
    assert message.startswith(f"{name} is '{value}'. Expected ")
    assert expected in message
    assert "nothing has run" in message


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://tm:{SECRET}@host/tm",
        f"host=db user=tm password={SECRET}",
        f"tm:{SECRET}@host/tm",
        f"postgresql:/tm:{SECRET}@host",
    ],
)
def test_a_wrong_database_url_is_named_and_not_shown(url: str) -> None:
    message = wrong(TM_DATABASE_URL=url)
    assert message.startswith("TM_DATABASE_URL is ")
    assert "postgresql://user:password@host/db" in message
    assert SECRET not in message


def test_what_an_encoder_needs_is_asked_for() -> None:
    assert wrong(TM_ENCODER="laser2").startswith("TM_MODEL_DIR is not set")


@pytest.mark.parametrize("notify", ["smtp", "slack"])
def test_a_notification_needs_an_address(notify: str) -> None:
    message = wrong(TM_NOTIFY=notify)
    assert message.startswith("TM_NOTIFY_TO is not set")
    assert f"TM_NOTIFY={notify}" in message
    assert Settings.from_env({"TM_NOTIFY": notify, "TM_NOTIFY_TO": "ops"}).notify_to == "ops"


def test_an_unknown_variable_is_refused() -> None:
    message = wrong(TM_BACKUPDAYS="3")
    assert message.startswith("TM_BACKUPDAYS is not a setting")
    assert "TM_BACKUP_DAYS" in message


def test_variables_of_tests_and_of_others_are_left_alone() -> None:
    env = {"TM_TEST_DATA": "/data", "TMPDIR": "/tmp", "HOME": "/root"}
    assert Settings.from_env(env) == Settings.from_env({})


def test_a_missing_database_says_how_to_get_one() -> None:
    with pytest.raises(SettingsError, match=r"TM_DATABASE_URL is not set.*make up"):
        Settings.from_env({}).require_database()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql://tm:{SECRET}@host:5432/tm", "postgresql://tm:***@host:5432/tm"),
        (f"postgresql://tm:{SECRET}@one:5432,two:5433/tm", "postgresql://tm:***@one:5432,two:5433/tm"),
        (f"postgresql://tm:{SECRET}@[::1]:5432/tm", "postgresql://tm:***@[::1]:5432/tm"),
        (f"postgresql://tm:{SECRET}@host:port/tm", "postgresql://tm:***@host:port/tm"),
        (f"postgresql://tm:a@{SECRET}@host/tm", "postgresql://tm:***@host/tm"),
        (f"postgresql://host/tm?user=tm&password={SECRET}&sslmode=require", "***&sslmode=require"),
        (f"postgresql://host/tm?sslpassword={SECRET}", "?sslpassword=***"),
        (f"host=db user=tm password={SECRET} dbname=tm", "host=db user=tm password=*** dbname=tm"),
        (f"host=db password = 'two {SECRET} \\' words' dbname=tm", "password = *** dbname=tm"),
        ("postgresql://tm@host:5432/tm", "postgresql://tm@host:5432/tm"),
        ("", ""),
    ],
)
def test_passwords_are_hidden(url: str, shown: str) -> None:
    hidden = hide_password(url)
    assert SECRET not in hidden
    assert hidden.endswith(shown)


def test_shown_and_repr_hide_secrets() -> None:
    settings = Settings.from_env({"TM_DATABASE_URL": f"postgresql://tm:{SECRET}@host/tm"})
    rows = {name: value for name, value, _ in settings.shown()}
    assert rows["TM_DATABASE_URL"] == "postgresql://tm:***@host/tm"
    assert SECRET not in str(rows)
    assert SECRET not in repr(settings)


def test_every_setting_is_shown_and_documented() -> None:
    rows = Settings.from_env({}).shown()
    assert len(rows) == len(fields(Settings)) > 10
    undocumented = [name for name, _, doc in rows if len(doc) < 10]
    assert not undocumented, f"say in the field's metadata what these are for: {undocumented}"


def test_every_number_has_bounds_that_its_default_keeps() -> None:
    numbers = [item for item in fields(Settings) if isinstance(item.default, int | float)]
    assert len(numbers) >= 5
    for item in numbers:
        low, high = item.metadata["low"], item.metadata["high"]
        assert low is not None, f"{variable(item)} has no lower bound"
        assert high is not None, f"{variable(item)} has no upper bound"
        assert low <= item.default <= high


def test_the_error_survives_pickling() -> None:
    error = SettingsError("TM_X is not a setting.")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
