"""See tests/cluster/faults.py."""

import ctypes
import os
import sys
import time
from collections.abc import Callable


def _fault(name: str) -> str:
    return os.environ.get(f"TM_TEST_{name}", "")


def _spoil(work: object) -> None:
    """Wrap the call that does one document."""
    real = work._done  # type: ignore[attr-defined]

    def done(document: dict, job: Callable, *rest: object) -> object:
        def spoilt() -> object:
            print("document begins", file=sys.stderr, flush=True)
            time.sleep(float(_fault("SLOW") or 0))
            if document["document_key"] == _fault("CRASH"):
                ctypes.string_at(0)  # a signal sent by itself would not reach the first process of a container
            return job()

        return real(document, spoilt, *rest)

    work._done = done  # type: ignore[attr-defined]


if "shard" in sys.argv or any("tm-align" in one for one in sys.orig_argv):
    if _fault("EXIT"):
        os._exit(int(_fault("EXIT")))
    if _fault("SEGFAULT"):
        ctypes.string_at(0)
    if _fault("HOG"):
        held = bytearray(int(_fault("HOG")) << 20)
        held[::4096] = b"\1" * len(held[::4096])
    time.sleep(float(_fault("START") or 0))
    from importlib.abc import MetaPathFinder
    from importlib.machinery import PathFinder

    class _Finder(MetaPathFinder):
        def find_spec(self, name: str, path: object = None, target: object = None) -> object:
            if name != "tm_align.work":
                return None
            spec = PathFinder.find_spec(name, path)  # type: ignore[arg-type]
            run = spec.loader.exec_module  # type: ignore[union-attr]

            def exec_module(module: object) -> None:
                run(module)  # type: ignore[arg-type]
                _spoil(module)

            spec.loader.exec_module = exec_module  # type: ignore[union-attr, method-assign]
            return spec

    sys.meta_path.insert(0, _Finder())
