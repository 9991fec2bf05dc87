"""`make install` takes what others made with hashes, and our packages without asking an index."""

import importlib.util
import itertools
import re
import shlex
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("requirements", ROOT / "containers" / "requirements.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()


@pytest.fixture(scope="module")
def commands() -> list[list[str]]:
    """What `make install` would run in a fresh checkout, each command as its words."""
    said = subprocess.run(
        ["make", "-n", "install", "VENV=fresh"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [shlex.split(line) for line in said.splitlines()]


def installs(commands: list[list[str]]) -> list[list[str]]:
    return [words for words in commands if "install" in words and {"pip", "fresh/bin/uv"} & set(words)]


def test_each_install_checks_hashes_or_fetches_nothing(commands: list[list[str]]) -> None:
    found = installs(commands)
    assert len(found) == 3, "uv, the packages of others, ours"
    hashed = [words for words in found if "--require-hashes" in words]
    assert [words[words.index("-r") + 1] for words in hashed] == ["fresh/uv.txt", "requirements.txt"]
    (ours,) = [words for words in found if words not in hashed]
    # With build isolation, setuptools would be fetched for each build, without a hash.
    assert {"--no-deps", "--no-build-isolation"} <= set(ours)
    assert found[-1] == ours
    assert not any("constraints.txt" in words for words in found), "constraints have no hashes"


def test_the_requirements_are_made_for_the_packages_that_are_installed(commands: list[list[str]]) -> None:
    ours = installs(commands)[-1]
    installed = [word for before, word in itertools.pairwise(ours) if before == "-e"]
    assert installed
    assert [*installed, "uv"] == list(GENERATOR.FILES[GENERATOR.INSTALL])


def test_what_make_takes_out_for_the_installer_is_one_requirement_with_its_hashes(tmp_path: Path) -> None:
    (line,) = re.findall(r"^\t@(sed .*requirements\.txt) > ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    taken = subprocess.run(line.replace("$$", "$"), shell=True, cwd=ROOT, capture_output=True, text=True).stdout
    assert list(GENERATOR.pins(taken)) == ["uv"]
    _name, *hashes = [part.strip(" \\") for part in taken.splitlines()]
    assert hashes
    assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", each) for each in hashes)


#: Of other systems and of Python 3.13: the constraints are those of CPython 3.11 and 3.12 on Linux.
ELSEWHERE = re.compile("sys_platform == 'win32'|python_full_version == '3.13.")


def test_every_pin_comes_from_the_constraints() -> None:
    text = (ROOT / GENERATOR.INSTALL).read_text()
    heads = re.findall(r"^[a-z0-9].*?==.*$", text, re.MULTILINE)
    assert len(heads) > 200
    here = GENERATOR.pins("\n".join(head for head in heads if not ELSEWHERE.search(head)))
    fixed = GENERATOR.pins((ROOT / "constraints.txt").read_text())
    assert {name: fixed.get(name) for name in here} == here


def test_no_file_of_requirements_names_an_index() -> None:
    assert len(GENERATOR.FILES) == 5
    for name in [*GENERATOR.FILES, "constraints.txt"]:
        assert not re.search(r"://|^\s*--(?!hash=)", (ROOT / name).read_text(), re.MULTILINE), name


def test_a_requirement_that_parts_from_the_constraints_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GENERATOR, "ROOT", tmp_path)
    for name in ("constraints.txt", "pyproject.toml", "containers", "deploy"):
        (tmp_path / name).symlink_to(ROOT / name)
    text = (ROOT / GENERATOR.INSTALL).read_text()
    (tmp_path / GENERATOR.INSTALL).write_text(text)
    assert GENERATOR.differences(GENERATOR.INSTALL) == []
    (tmp_path / GENERATOR.INSTALL).write_text(re.sub(r"(?m)^pyarrow==\S+", "pyarrow==0.1", text))
    assert "pyarrow 0.1" in GENERATOR.differences(GENERATOR.INSTALL)[0]
    (tmp_path / GENERATOR.INSTALL).write_text(text.replace("\npyarrow==", "\npyarrows=="))
    assert "pyarrow is asked for and not pinned" in " ".join(GENERATOR.differences(GENERATOR.INSTALL))
