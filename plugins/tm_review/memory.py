"""The connection to the memory that a request uses, of a pool that the API server's process keeps."""

import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from typing import Annotated

from fastapi import Depends

from tm_core.settings import Settings
from tm_formats.storage import Storage
from tm_store.db import Database
from tm_store.pool import Pool, open_pool

#: Seconds after which a page's statement is given up: nobody waits longer. Not calibrated yet.
STATEMENT_SECONDS = 10

_OPEN = ExitStack()
atexit.register(_OPEN.close)


@cache
def settings() -> Settings:
    """The settings of the API server's environment, read once."""
    found = Settings.from_env()
    return replace(found, statement_seconds=min(STATEMENT_SECONDS, found.statement_seconds))


@cache
def _pool(read: bool) -> Pool:
    return _OPEN.enter_context(open_pool(settings(), read=read))


@cache
def storage() -> Storage:
    """Object storage of the API server's settings."""
    return Storage(settings().storage)


@contextmanager
def open_own() -> Iterator[Database]:
    """A connection of the pool, for what is no route."""
    with _pool(False).database() as db:
        yield db


def _memory() -> Iterator[Database]:
    with open_own() as db:
        yield db


def _reader() -> Iterator[Database]:
    with _pool(True).database() as db:
        yield db


#: A request's connection, given back when it has been answered.
Memory = Annotated[Database, Depends(_memory)]
#: The same, of a read replica where there is one.
Reader = Annotated[Database, Depends(_reader)]
