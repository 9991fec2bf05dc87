"""The review queue: what waits, claims, verdicts, corrections and undos, each as tm_store.review says it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from tm_core.boundaries import Edge, Move, Side
from tm_core.errors import ReviewError
from tm_core.precision import Judgement
from tm_review.access import JUDGE, READ, Name
from tm_review.memory import Memory, storage
from tm_store.db import Database
from tm_store.review import (
    MOST_A_PAGE,
    Facet,
    Filters,
    Item,
    Progress,
    QueuePage,
    QueueState,
    claim,
    facets,
    item,
    progress,
    queue,
    unclaim,
)
from tm_store.review_verdicts import MOST_NOTE, edit_target, judge, move_segments, undo

router = APIRouter(prefix="/api/queue", dependencies=[READ])

#: Most items that a reviewer may hold at once.
MOST_HELD = 20
_MOST_CHARS = 10_000
ItemId = Annotated[int, Path()]
Short = Annotated[str, Field(max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Wanted(_Body):
    """Which items are asked for; "" and null mean all."""

    store: Short = ""
    src_lang: Short = ""
    tgt_lang: Short = ""
    tier: Short = ""
    score_bin: Annotated[int, Field(ge=0, le=4)] | None = None
    origin: Short = ""

    def filters(self, state: QueueState = QueueState.OPEN) -> Filters:
        """As the store takes them."""
        return Filters(state=state, **self.model_dump())


class Take(_Body):
    """A wish for items: how many, under which filter, and which ones the page holds already."""

    filters: Wanted = Wanted()
    count: Annotated[int, Field(ge=1, le=MOST_HELD)] = 5
    held: Annotated[list[int], Field(max_length=MOST_HELD)] = []


class _Write(_Body):
    """What every write says: the version that was read, a note, and the seconds that the reviewer took."""

    version: int
    note: Annotated[str, Field(max_length=MOST_NOTE)] = ""
    seconds: Annotated[float, Field(ge=0, le=86_400)] = 0


class Verdict(_Write):
    """A judgement."""

    kind: Literal["accept", "wrong", "partial", "skip"]


class Edit(_Write):
    """A better target."""

    text: Annotated[str, Field(max_length=_MOST_CHARS)]


class Step(_Body):
    """A segment that goes over an edge of the bead: taken from the neighbour, or with a negative count given to it."""

    side: Side
    edge: Edge
    count: Annotated[int, Field(ge=-100, le=100)]


class Boundary(_Write):
    """Moves, in order."""

    moves: Annotated[list[Step], Field(min_length=1, max_length=200)]


# Reading -------------------------------------------------------------------------------------------


@router.get("/facets")
def read_facets(db: Memory) -> list[Facet]:
    """The stores, pairs and tiers that have items."""
    return facets(db)


@router.get("/progress")
def read_progress(db: Memory, name: Name, wanted: Annotated[Wanted, Query()]) -> Progress:
    """How far the queue and this reviewer have come."""
    return progress(db, name, wanted.filters())


class Listed(Wanted):
    """A page of the list."""

    state: QueueState = QueueState.OPEN
    after: Short = ""
    limit: Annotated[int, Field(ge=1, le=MOST_A_PAGE)] = 50


@router.get("/items")
def read_list(db: Memory, name: Name, wanted: Annotated[Listed, Query()]) -> QueuePage:
    """A page of the queue, most wanted first."""
    filters = Filters(**wanted.model_dump(exclude={"after", "limit"}))
    return queue(db, name, filters, after=wanted.after, limit=wanted.limit)


@router.get("/items/{item_id}")
def read_item(db: Memory, name: Name, item_id: ItemId) -> Item:
    """One item with its neighbours, and its trail where that may be seen."""
    return item(db, item_id, name)


# Claims --------------------------------------------------------------------------------------------


@router.post("/take", dependencies=[JUDGE])
def take(db: Memory, name: Name, wish: Take) -> list[Item]:
    """Claim the next items that the page does not hold yet, so that the reviewer never waits for one."""
    held = set(wish.held)
    page = queue(db, name, wish.filters.filters(), limit=min(wish.count + len(held) + MOST_HELD, MOST_A_PAGE))
    found: list[Item] = []
    for head in page.items:
        if len(found) < wish.count and head.item_id not in held and (one := _claimed(db, head.item_id, name)):
            found.append(one)
    return found


def _claimed(db: Database, item_id: int, name: str) -> Item | None:
    try:
        return claim(db, item_id, name)
    except ReviewError:  # another reviewer was faster: there are more
        return None


@router.post("/items/{item_id}/release", dependencies=[JUDGE])
def release(db: Memory, name: Name, item_id: ItemId) -> dict[str, Any]:
    """Let others have an item."""
    unclaim(db, item_id, name)
    return {}


# Writing -------------------------------------------------------------------------------------------


@router.post("/items/{item_id}/verdict", dependencies=[JUDGE])
def write_verdict(db: Memory, name: Name, item_id: ItemId, said: Verdict) -> Item:
    """Judge an item, or pass it on."""
    return judge(
        db,
        storage(),
        item_id,
        who=name,
        version=said.version,
        verdict=Judgement(said.kind),
        note=said.note,
        seconds=said.seconds,
    )


@router.post("/items/{item_id}/edit", dependencies=[JUDGE])
def write_target(db: Memory, name: Name, item_id: ItemId, said: Edit) -> Item:
    """Replace the target by a better one."""
    common = {"who": name, **said.model_dump()}
    return edit_target(db, storage(), item_id, **common)


@router.post("/items/{item_id}/boundary", dependencies=[JUDGE])
def write_boundary(db: Memory, name: Name, item_id: ItemId, said: Boundary) -> Item:
    """Move segments over the bead's edges."""
    moves = [Move(side=one.side, edge=one.edge, count=one.count) for one in said.moves]
    common = {"who": name, **said.model_dump(exclude={"moves"})}
    return move_segments(db, storage(), item_id, moves=moves, **common)


@router.post("/items/{item_id}/undo", dependencies=[JUDGE])
def write_undo(db: Memory, name: Name, item_id: ItemId, said: _Write) -> Item:
    """Take the reviewer's own last verdict back."""
    return undo(db, storage(), item_id, who=name, version=said.version)
