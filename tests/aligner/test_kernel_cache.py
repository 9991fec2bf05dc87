"""Kernels compiled beside the sources are used where the sources' folder cannot be written: never compiled again."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tm_align import kernel_cache
from tm_align.kernel_cache import use_writable_cache


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with two compiled kernels; its folder looks as on a read-only root file system."""
    compiled = tmp_path / "tm_align" / "__pycache__"
    compiled.mkdir(parents=True)
    for name in ("a.nbi", "a.1.nbc", "a.pyc"):
        (compiled / name).write_text(name)
    monkeypatch.setattr(kernel_cache, "__file__", str(compiled.parent / "kernel_cache.py"))
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path) == compiled and mode == os.W_OK))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    yield compiled.parent
    os.environ.pop("NUMBA_CACHE_DIR", None)


def held() -> list[str]:
    return sorted(one.name for one in Path(os.environ["NUMBA_CACHE_DIR"]).glob("*/*"))


def test_the_kernels_are_copied_once(package: Path) -> None:
    use_writable_cache()
    first = os.environ.pop("NUMBA_CACHE_DIR")
    assert stat.S_IMODE(Path(first).stat().st_mode) == 0o700
    (package / "__pycache__" / "b.nbi").write_text("later")
    use_writable_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == first
    assert held() == ["a.1.nbc", "a.nbi"]


def test_another_persons_folder_is_not_used(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tmp_path / "tmp" / f"numba-{os.getuid() + 1}"
    theirs.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: int(theirs.name.partition("-")[2]))
    use_writable_cache()
    assert os.environ["NUMBA_CACHE_DIR"] != str(theirs)
    assert held() == ["a.1.nbc", "a.nbi"]
    assert not list(theirs.iterdir())


def test_nothing_is_done_where_it_needs_not(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    use_writable_cache()
    assert "NUMBA_CACHE_DIR" not in os.environ
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "mine")
    use_writable_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == "mine"


def test_the_folder_is_the_one_that_numba_looks_in(tmp_path: Path) -> None:
    """numba's own name for a package's cache, asked of numba."""
    code = (
        "import os, tm_align.kernel_cache as ours\n"
        "os.access = lambda path, mode: False\n"
        "ours.use_writable_cache()\n"
        "from tm_align import kernels\n"
        "found = [one for one in vars(kernels).values() if hasattr(one, '_cache')]\n"
        "assert found\n"
        "print(*{one._cache.cache_path for one in found})\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    folder = Path(done.stdout.strip())
    assert tmp_path in folder.parents
    assert list(folder.glob("*.nbi")), "numba looks elsewhere: every pod would compile"
