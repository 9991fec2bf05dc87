"""Counts what a call does instead of timing it: the same numbers on every machine, however busy it is."""

import gc
import sys
import tracemalloc
import unicodedata
from bisect import bisect_right, insort
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any
from xml.parsers import expat

import pytest

from tm_core import identity
from tm_formats import xmlstream

#: Methods of strings, bytes and lists that look at all of it.
_SCANNING = frozenset(
    "count copy decode encode find index insert lower remove replace rfind rindex split splitlines translate".split()
)
#: Bytes allocated in one line from which they count: frames and small objects are as many as the lines.
_LARGE_BYTES = 512
_SEQUENCES = (str, bytes, bytearray, list, tuple)


@dataclass
class Operations:
    """What was done.

    Attributes:
        lines: lines of Python run.
        allocated: bytes allocated by lines that allocate many, freed since or not: text that is put together piece by
            piece shows here.
        scanned: elements of the strings and lists whose scanning methods were called.
        rescanned: bytes that the XML parser was given again.
        swaps: steps of sorting combining marks by insertion, as unicodedata does it.
    """

    lines: int = 0
    allocated: int = 0
    scanned: int = 0
    rescanned: int = 0
    swaps: int = 0

    def all(self) -> dict[str, int]:
        return asdict(self)


def count(function: Callable[[], object]) -> Operations:
    """Run the function and count; what it raises passes."""
    counted = Operations()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xmlstream, "expat", _expat(counted))
        patch.setattr(identity, "unicodedata", _unicodedata(counted))
        gc.collect()
        gc.disable()
        before = sys.gettrace()
        tracemalloc.start()
        try:
            sys.setprofile(_profiler(counted))
            sys.settrace(_tracer(counted))
            function()
        finally:
            sys.settrace(before)
            sys.setprofile(None)
            tracemalloc.stop()
            gc.enable()
    return counted


def _tracer(counted: Operations) -> Any:
    at = tracemalloc.get_traced_memory()[0]

    def trace(_frame: Any, event: str, _arg: Any) -> Any:
        nonlocal at
        if event == "line":
            counted.lines += 1
            now, peak = tracemalloc.get_traced_memory()
            counted.allocated += peak - at if peak - at >= _LARGE_BYTES else 0
            at = now
            tracemalloc.reset_peak()
        return trace

    return trace


def _profiler(counted: Operations) -> Any:
    def profile(_frame: Any, event: str, called: Any) -> None:
        if event == "c_call" and called.__name__ in _SCANNING:
            owner = getattr(called, "__self__", None)
            if isinstance(owner, _SEQUENCES):
                counted.scanned += len(owner)

    return profile


class _Parser:
    """An XML parser that notes how much it is given again: what it holds of a tag that is not at its end."""

    def __init__(self, parser: Any, counted: Operations) -> None:
        self.__dict__.update(parser=parser, counted=counted, fed=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.parser, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.parser, name, value)

    def Parse(self, data: bytes, is_final: bool) -> int:
        if self.fed:
            self.counted.rescanned += self.fed - self.parser.CurrentByteIndex
        self.__dict__["fed"] = self.fed + len(data)
        return self.parser.Parse(data, is_final)


def _expat(counted: Operations) -> Any:
    names = {name: getattr(expat, name) for name in ("ExpatError", "ErrorString")}
    return SimpleNamespace(ParserCreate=lambda *of: _Parser(expat.ParserCreate(*of), counted), **names)


def _unicodedata(counted: Operations) -> Any:
    def normalize(form: str, text: str) -> str:
        counted.swaps += _insertions(text)
        return unicodedata.normalize(form, text)

    return SimpleNamespace(normalize=normalize, combining=unicodedata.combining)


def _insertions(text: str) -> int:
    """Places that marks move by when each is put before those of a higher class, one after the other."""
    moved, run = 0, []
    for character in text:
        for mark in unicodedata.normalize("NFD", character):
            if level := unicodedata.combining(mark):
                moved += len(run) - bisect_right(run, level)
                insort(run, level)
            else:
                run = []
    return moved
