"""The tasks of tm_backup, tm_restore_drill and tm_restore: what ``tm backup``, ``tm drill`` and ``tm restore`` do."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from operators.question import APPROVE, granted_by
from tm_core.errors import DeadlineMissed, DrillFailed
from tm_core.settings import Settings


class Ending(StrEnum):
    """What a person decides on after a swap."""

    KEEP = "Keep both for now"
    DROP = "Drop the old one"
    BACK = "Swap back"


def _storage(settings: Settings) -> Any:
    from tm_formats.storage import open_storage

    return open_storage(settings)


# Backups -------------------------------------------------------------------------------------------


class TakeBackupOperator(BaseOperator):
    """Take a backup; returns where it is and whether it was taken now.

    Args:
        always: also where a good one is so young that none is due.
    """

    template_fields: Sequence[str] = ("always",)

    def __init__(self, *, always: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.always = always

    def execute(self, context: Context) -> dict[str, Any]:
        from tm_store.backup import recent_backup, render, take_backup
        from tm_store.journal import ship
        from tm_store.migrate import open_memory

        settings = Settings.from_env()
        storage = _storage(settings)
        with open_memory(settings) as db:
            ship(db, storage)
            if not self.always and (recent := recent_backup(db, storage, datetime.now(UTC))):
                self.log.info("%s: is recent enough", recent.uri)
                return {"uri": recent.uri, "fresh": False}
            summary = take_backup(settings, db, storage)
        self.log.info("%s", render(summary))
        return {"uri": summary.uri, "fresh": True, "bytes": summary.bytes, "seconds": summary.seconds}


class PruneOperator(BaseOperator):
    """Delete the backups that nothing keeps; returns how many went, or would go.

    Args:
        preview: delete nothing.
    """

    template_fields: Sequence[str] = ("preview",)

    def __init__(self, *, preview: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.preview = preview

    def execute(self, context: Context) -> dict[str, int]:
        from tm_store.backup import prune, render_pruned
        from tm_store.migrate import open_memory

        settings, preview = Settings.from_env(), bool(self.preview)
        with open_memory(settings) as db:
            pruned = prune(settings, db, _storage(settings), datetime.now(UTC), dry_run=preview)
        self.log.info("%s", render_pruned(pruned, dry_run=preview))
        return {"backups": len(pruned.backups), "files": len(pruned.files)}


class CheckDeadlinesOperator(BaseOperator):
    """Leave what a person should look at in ``ops.alarm``, and fail if there is anything."""

    def execute(self, context: Context) -> None:
        from tm_store.backup_alarms import raise_alarms, render
        from tm_store.migrate import open_memory

        settings = Settings.from_env()
        with open_memory(settings) as db:
            found = raise_alarms(db)
        # The records of backups are no comfort where the backups are not.
        _storage(settings)
        if found:
            raise DeadlineMissed(f"{render(found)}\nSee docs/runbooks/tm_backup.md; the memory is in order.")
        self.log.info("%s", render(found))


class DrillOperator(BaseOperator):
    """Restore a backup into a scratch database, compare, measure; fails if the backup is bad or something is lost.

    Skipped while the memory is empty and has no backup: the schedule starts a drill as soon as a new stack is up.

    Args:
        uri: this backup; "" for the newest good one.
    """

    template_fields: Sequence[str] = ("uri",)

    def __init__(self, *, uri: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.uri = uri

    def execute(self, context: Context) -> dict[str, Any]:
        from tm_store.backup_alarms import has_begun
        from tm_store.drill import render, run_drill
        from tm_store.migrate import open_memory

        settings = Settings.from_env()
        with open_memory(settings) as db:
            if not self.uri and not has_begun(db):
                raise AirflowSkipException("nothing has been loaded or backed up yet: there is nothing to prove")
            done = run_drill(settings, db, _storage(settings), self.uri or "")
        if not done.is_passed or done.lost:
            raise DrillFailed(f"{render(done)}\nSee docs/runbooks/tm_restore_drill.md; the memory is in order.")
        self.log.info("%s", render(done))
        return asdict(done)


# Restores ------------------------------------------------------------------------------------------


class PreviewRestoreOperator(BaseOperator):
    """Choose the backup and look whether it can be restored here; returns which one, and what would be done.

    Args:
        form: the run's parameters: backup, time, batch, replay.
    """

    template_fields: Sequence[str] = ("form",)

    def __init__(self, *, form: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form = form

    def execute(self, context: Context) -> dict[str, str]:
        from tm_store.restore_swap import check, render_check

        settings, wanted = Settings.from_env(), _wanted(self.form)
        backup = check(settings, _storage(settings), wanted)
        shown = render_check(backup, wanted)
        self.log.info("%s", shown)
        return {"uri": backup.uri, "shown": shown}


class RestoreOperator(BaseOperator):
    """Restore beside the live database, verify, bring up to date; returns the new database and what came back.

    Args:
        form: as for the preview.
        uri: the backup that the preview has chosen.
    """

    template_fields: Sequence[str] = ("form", "uri")

    def __init__(self, *, form: Any, uri: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form = form
        self.uri = uri

    def execute(self, context: Context) -> dict[str, str]:
        from tm_store.restore_swap import render_restored, restore_beside

        if self.form["dry_run"]:
            raise AirflowSkipException("a dry run: nothing has been restored")
        settings = Settings.from_env()
        done = restore_beside(settings, _storage(settings), _wanted(self.form, self.uri))
        shown = render_restored(done)
        self.log.info("%s", shown)
        return {"database": done.database, "shown": shown}


class DiscardRestoreOperator(BaseOperator):
    """Drop a restored database that a person has rejected; one that is gone already is no error.

    Args:
        database: the restored one.
    """

    template_fields: Sequence[str] = ("database",)

    def __init__(self, *, database: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.database = database

    def execute(self, context: Context) -> None:
        from tm_store.restore_swap import drop_beside, list_beside

        settings = Settings.from_env()
        if self.database in {one.name for one in list_beside(settings)}:
            drop_beside(settings, self.database)
        self.log.info("%s: dropped, it was rejected; the live memory is as it was", self.database)


class SwapOperator(BaseOperator):
    """Let the restored database take the live one's place; returns the name under which the old one is kept.

    Args:
        database: the restored one. Where it has taken that place already nothing is done.
        cut: end sessions that are at work too.
        approved_in: the task that asked for the approval.
    """

    template_fields: Sequence[str] = ("database", "cut")

    def __init__(self, *, database: str, cut: Any, approved_in: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.database = database
        self.cut = cut
        self.approved_in = approved_in

    def execute(self, context: Context) -> str:
        from tm_store.restore_swap import swap, swapped_before

        settings = Settings.from_env()
        if (kept := swapped_before(settings, self.database)) is None:
            granted_by(context, self.approved_in, APPROVE)
            kept = swap(settings, _storage(settings), self.database, cut=bool(self.cut))
        self.log.info("%s is live; what was live before is %s", self.database, kept or "nothing")
        return kept


class EndRestoreOperator(BaseOperator):
    """Drop what was live before a swap, swap back, or leave both, as a person has decided.

    Args:
        kept: the name under which the old one is kept.
        answer: what the task that asked has returned.
        cut: as for the swap.
        answered_in: the task that asked.
    """

    template_fields: Sequence[str] = ("kept", "answer", "cut")

    def __init__(self, *, kept: str, answer: Any, cut: Any, answered_in: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.answered_in = answered_in
        self.kept = kept
        self.answer = answer
        self.cut = cut

    def execute(self, context: Context) -> str:
        from tm_store.restore_swap import drop_beside, swap_back

        settings, ending = Settings.from_env(), Ending(self.answer["chosen_options"][0])
        if ending is not Ending.KEEP and self.kept:
            granted_by(context, self.answered_in, ending.value)
        if ending is Ending.DROP and self.kept:
            drop_beside(settings, self.kept)
        elif ending is Ending.BACK and self.kept:
            undone = swap_back(settings, _storage(settings), self.kept, cut=bool(self.cut))
            self.log.info("%s is live again; what was live for a while is %s", self.kept, undone)
        else:
            raise AirflowSkipException("both are kept: `tm restore --list` shows them")
        return ending.value


def _wanted(form: Mapping[str, Any], uri: str = "") -> Any:
    from tm_store.restore_swap import Wanted, read_moment

    try:
        at = read_moment(form["time"]) if form["time"] else None
    except ValueError:
        raise AirflowFailException(
            f"Time: expected a moment of UTC such as 2026-01-05T04:00, found '{form['time']}'. Start a run with "
            "another; nothing was restored."
        ) from None
    return Wanted(uri=uri or form["backup"], at=at, batch_id=form["batch"], replay=bool(form["replay"]))
