"""numba's compiled kernels where the package's own folder cannot be written: a pod's root file system is read-only.

numba takes a cache folder only if it can write to it; without one it refuses, and with an empty one it compiles for 15
CPU seconds. So the kernels that lie beside the sources, compiled when the image was made, are copied once.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def use_writable_cache() -> None:
    """Call before anything imports numba. Does nothing where the package's folder can be written, or where
    NUMBA_CACHE_DIR says what to do. Cost: 14 MB copied once a container, some 20 ms."""
    package = Path(__file__).resolve().parent
    compiled = package / "__pycache__"
    if "NUMBA_CACHE_DIR" in os.environ or os.access(compiled, os.W_OK):
        return
    cache = Path(tempfile.gettempdir()) / f"numba-{os.getuid()}"
    # numba unpickles what it finds here: a folder that somebody else has put there is none of ours.
    with suppress(FileExistsError):
        cache.mkdir(mode=0o700)
    if cache.stat().st_uid != os.getuid():
        cache = Path(tempfile.mkdtemp(prefix="numba-"))
    # As numba.core.caching names the folder of a package.
    target = cache / f"{package.name}_{hashlib.sha1(str(package).encode(), usedforsecurity=False).hexdigest()}"
    if not target.is_dir():
        _copy([*compiled.glob("*.nbi"), *compiled.glob("*.nbc")], target)
    os.environ["NUMBA_CACHE_DIR"] = str(cache)


def _copy(files: Sequence[Path], target: Path) -> None:
    """All of them or none: another process that starts at the same moment sees whole files, or copies its own."""
    beside = Path(tempfile.mkdtemp(dir=target.parent))
    for file in files:
        shutil.copyfile(file, beside / file.name)
    try:
        beside.rename(target)
    except OSError:  # somebody was faster
        shutil.rmtree(beside)
