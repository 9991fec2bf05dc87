"""Slices that were not loaded: what the gate found of them, and an operator's decision."""

import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from tm_review.access import READ, RELEASE, Name
from tm_review.memory import Memory
from tm_store.gate_suite import SliceKey
from tm_store.quarantine import OPEN, Waiting, find_waiting, waiting

router = APIRouter(prefix="/api/slices", dependencies=[READ])

#: A release stages the batch, runs the gate (6 CPU seconds) and loads. Not calibrated yet.
_SECONDS = 300
Short = Annotated[str, Field(min_length=1, max_length=200)]


class Slice(BaseModel):
    """A slice that waits; ``generation`` is what a decision on it must name."""

    model_config = ConfigDict(from_attributes=True)

    batch_id: str
    partition_date: date
    generation: int
    store: str
    src_lang: str
    tgt_lang: str
    verdict: str
    documents: int
    beads: int
    outcomes: dict[str, int]
    is_settled: bool
    reasons: list[str]
    warnings: list[str]
    releasable: bool
    decided_by: str
    decided_at: datetime
    why: str


class Decision(BaseModel):
    """What an operator decides on a slice as the page showed it, and why."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["release", "discard"]
    batch_id: Short
    store: Short
    src_lang: Short
    tgt_lang: Short
    generation: int
    why: Annotated[str, Field(min_length=1, max_length=2000)]


@router.get("")
def read_slices(db: Memory) -> list[Slice]:
    """What is held or quarantined, newest date first."""
    return [_shown(one) for one in waiting(db, verdicts=OPEN)]


def _shown(one: Waiting) -> Slice:
    names = [name for name in Slice.model_fields if name not in ("store", "src_lang", "tgt_lang")]
    key = {"store": one.key.store, "src_lang": one.key.src_lang, "tgt_lang": one.key.tgt_lang}
    return Slice.model_validate({name: getattr(one, name) for name in names} | key)


@router.post("/decide", dependencies=[RELEASE])
def decide(db: Memory, name: Name, said: Decision) -> dict[str, str]:
    """Release a slice through gate and load, or throw it away; returns what the command said.

    The command runs as a process of its own: the gate imports 280 MB that the API server should not keep.
    """
    key = SliceKey(store=said.store, src_lang=said.src_lang, tgt_lang=said.tgt_lang)
    found = find_waiting(db, said.batch_id, key, said.generation)
    pair = f"{key.src_lang}:{key.tgt_lang}"  # a colon, because a tag may hold a dash
    place = [found.batch_id, found.key.store, pair]
    command = [str(Path(sys.executable).parent / "tm"), "quarantine", said.action, f"--who={name}", f"--why={said.why}"]
    try:
        done = subprocess.run([*command, *place], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise HTTPException(
            504, f"It took longer than {_SECONDS} s and was stopped. Nothing was changed; read the list again."
        ) from None
    if done.returncode:
        raise HTTPException(409, done.stderr.strip()[-2000:] or "The slice could not be decided on.")
    return {"said": done.stdout.strip()}
