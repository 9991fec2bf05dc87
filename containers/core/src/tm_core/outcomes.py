"""What can become of a file, a document pair, a slice and a bead: each has exactly one of these."""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a bead. Every bead of a batch has exactly one, or its slice does not load."""

    NEW = "new"  # its unit was not in the memory
    UPDATED = "updated"  # its unit was there with other evidence; this bead's is better
    UNCHANGED = "unchanged"  # its unit was there, and what is known of it stays as it is
    SUPERSEDED = "superseded"  # a later version of its document is in the memory already
    DUPLICATE = "duplicate"  # another bead of the batch brings the same unit with better evidence
    REJECTED = "rejected"  # a named rule refused it
    TOMBSTONED = "tombstoned"  # an erased text that must not come back
    DEFERRED = "deferred"  # left for a later run
    HELD = "held"  # its slice waits for a person's decision
    QUARANTINED = "quarantined"  # its slice was refused; releasable
    DISCARDED = "discarded"  # a person threw its slice away


class DocumentState(StrEnum):
    """What became of a document pair."""

    PLANNED = "planned"  # not refined yet: the run is under way
    ALIGNED = "aligned"  # aligned by this batch
    LEDGER = "ledger"  # aligned before, with the same texts and versions: taken from the ledger
    IMPORTED = "imported"  # the file was aligned already: its units were read
    FAILED = "failed"  # it could be read, but not aligned: the reason says why
    DEFERRED = "deferred"  # tier 2 was down: left for the next run of its date


class FileState(StrEnum):
    """What became of a deposited file."""

    PAIRED = "paired"  # it is part of at least one document pair
    UNPAIRED = "unpaired"  # no counterpart in a language that the store pairs it with
    UNREADABLE = "unreadable"  # empty, undecodable, broken or refused
    UNSUPPORTED = "unsupported"  # the suffix or the name is not one that is read
    DEFERRED = "deferred"  # still being written: left for the next run


class Verdict(StrEnum):
    """What the gate says of a slice, or a person after it."""

    ACCEPT = "accept"
    HOLD = "hold"  # waits for a person
    QUARANTINE = "quarantine"  # refused; a person may release it
    DISCARD = "discard"  # thrown away by a person, never by the gate


class BatchState(StrEnum):
    """How far a batch has come. ``done`` is set by the last task, after the backup."""

    PLANNED = "planned"
    LOADED = "loaded"
    DONE = "done"
    SUPERSEDED = "superseded"  # the same date was planned again with other input
    ROLLED_BACK = "rolled_back"  # `tm rollback` took it out of the memory; the date can be planned anew


class ReviewState(StrEnum):
    """What people said of a unit so far, or of its like."""

    UNREVIEWED = "unreviewed"
    TRUSTED = "trusted"  # nobody looked at it; verdicts on its like prove them good (tm_core.precision)
    ACCEPTED = "accepted"
    REJECTED = "rejected"
