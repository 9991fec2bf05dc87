"""Every error that tm-refinery raises on purpose.

::

    TmError
    ├── SettingsError          a TM_… variable or stores.toml is wrong: nothing ran
    ├── DepositError           something about a deposited file
    │   ├── UnreadableDocument     empty, undecodable, broken, refused: reported by name, the batch goes on
    │   └── BadName                a path or name that is not <name>.<lang>.<ext>
    ├── AlignmentInputError    text, vectors or lexicon that cannot be aligned
    ├── DeviceUnavailable      a device or model was asked for and is not there: never a fallback
    ├── ContractError          a file between two tasks is not what its manifest says
    ├── ConservationError      a slice's sums do not close: it is not loaded
    ├── DatabaseError          the database cannot be used as asked
    │   ├── ServerTooOld           the server's version is not supported
    │   ├── SchemaTooNew           the database is newer than the code
    │   └── UnstorableText         a text that Postgres cannot hold: a zero byte, or half a character
    ├── BatchBusy              another run works on the same partition date
    ├── StorageError           object storage cannot be read or written
    │   ├── StorageUnavailable     the whole of it: not there, not reachable, full, closed to these credentials
    │   └── NoRoom                 a disk, a quota or a limit of a file's size ended in the middle of a file
    ├── BackupError            a backup could not be made, listed or trusted
    │   ├── NoSuchBackup           the backup that was asked for is not there, or is none
    │   ├── ProgramRefused         pg_dump or pg_restore ran to its end and refused what it was given
    │   ├── DrillFailed            a drill has found a backup bad, or something that nothing could bring back
    │   └── DeadlineMissed         backups or drills are too old, or have changed too much
    ├── ReleaseRefused         a held or refused slice that cannot be decided on as asked: nothing was changed
    │   └── ReleaseObsolete        the slice was planned anew or decided on in between
    ├── ExchangeError          an import or export that cannot be done as asked: nothing was changed
    ├── VersionError           a roll-back that cannot be done as asked: nothing was changed
    ├── ErasureError           an erasure that cannot be done, or proved, as asked: nothing was changed
    ├── ReviewError            a verdict, claim or approval that cannot be taken: nothing was changed
    │   ├── UnknownItem            there is no such review item
    │   ├── StaleVersion           somebody else has written the item since it was read
    │   └── ItemClaimed            another reviewer holds the item
    └── LookupRefused          a look-up that cannot be answered as it was asked

A message says, in this order: where, what was expected, what was found, the likely cause, the next
step, and the state of the data. Arguments are positional, so that an error survives the pickling
that Airflow and multiprocessing do.
"""


class TmError(Exception):
    """Base of all errors that tm-refinery raises on purpose."""


class SettingsError(TmError):
    """A setting is missing or has a value that cannot be used. Nothing has run."""


class DepositError(TmError):
    """Something about a deposited file; the batch goes on without it."""


class UnreadableDocument(DepositError):
    """A document that cannot be read: reported by name, with the reason."""


class BadName(DepositError):
    """A path or file name that is not ``<name>.<lang>.<ext>``."""


class AlignmentInputError(TmError, ValueError):
    """Text, vectors or a lexicon that cannot be aligned."""


class DeviceUnavailable(TmError):
    """A device or model was asked for and is not there. There is never a silent fallback."""


class ContractError(TmError):
    """A file between two tasks is not what its manifest or schema says."""


class ConservationError(TmError):
    """A slice's sums do not close; it has not been loaded."""


class DatabaseError(TmError):
    """The database cannot be used as asked."""


class ServerTooOld(DatabaseError):
    """The server is of a version that is not supported; no statement was run."""


class SchemaTooNew(DatabaseError):
    """The database's schema is newer than this code."""


class UnstorableText(DatabaseError):
    """A text that no Postgres can hold: a zero byte, or half a character. Nothing was changed."""


class BatchBusy(TmError):
    """Another run is working on the same partition date."""


class StorageError(TmError):
    """Object storage cannot be read or written."""


class StorageUnavailable(StorageError):
    """Storage as a whole cannot be used: it is not there, not reachable, full, or closed to these credentials."""


class NoRoom(StorageError):
    """A disk, a quota or a limit of a file's size ended in the middle of a file, which is removed."""


class BackupError(TmError):
    """A backup could not be made, listed or trusted."""


class NoSuchBackup(BackupError):
    """The backup that was asked for is not there, or is none. Nothing was changed."""


class ProgramRefused(BackupError):
    """pg_dump or pg_restore ran to its end and refused what it was given: no full disk, no lost server."""


class DrillFailed(BackupError):
    """A drill has found a backup bad, or something that nothing could bring back; trying again hides it."""


class DeadlineMissed(BackupError):
    """Backups or drills are too old, or have changed too much: a person should look."""


class LookupRefused(TmError, ValueError):
    """A look-up that cannot be answered as it was asked: an empty text, an unknown store. Nothing was read."""


class ReleaseRefused(TmError, ValueError):
    """A held or refused slice that cannot be decided on as it was asked; nothing was changed."""


class ReleaseObsolete(ReleaseRefused):
    """The slice that was to be decided on is not there any more as it was; nothing was changed."""


class ExchangeError(TmError):
    """An import or export that cannot be done as it was asked; nothing was changed."""


class ReviewError(TmError):
    """A verdict, claim or approval that cannot be taken as it was given; nothing was changed."""


class UnknownItem(ReviewError):
    """There is no review item of this number."""


class StaleVersion(ReviewError):
    """Somebody else has written the item since it was read."""


class ItemClaimed(ReviewError):
    """Another reviewer holds the item for now."""


class VersionError(TmError):
    """A version that cannot be shown or rolled back as it was asked; nothing was changed."""


class ErasureError(TmError):
    """An erasure that cannot be done, or proved, as it was asked; nothing was changed."""
