"""pods.toml: the file of the checkout, and every way of getting it wrong."""

from pathlib import Path

import pytest

from tm_core.errors import SettingsError
from tm_core.pods import load_pods
from tm_core.rules import Tier
from tm_core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
TIER = "{ cpus = 1.0, memory_mib = 100, deadline_seconds = 9, schedule_seconds = 9, startup_seconds = 9 }"
PINNED = "registry.example/tm-aligner@sha256:" + "0" * 64


def test_the_checkouts_file_asks_for_what_the_tiers_need() -> None:
    pods = load_pods(ROOT / "include" / "pods.toml")
    second = pods.tier(Tier.EMBEDDING)
    # Its encoder is the lexicon until a site asks for another: no GPU lies idle under it.
    assert (second.gpus, second.memory_mib, second.cpus, second.parallelism) == (0, 16384, 4.0, 10)
    assert pods.tier(Tier.LEXICAL).gpus == 0
    # The node's clock ends a pod before the task's own (2 and 6 hours in dags/tm_refresh.py) gives it up.
    assert pods.tier1.deadline_seconds < 2 * 3600
    assert second.deadline_seconds < 6 * 3600
    with pytest.raises(SettingsError, match="found ''"):
        pods.check_image(pods.image)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("typo = 1", "expected only .* found 'typo'"),
        ("image = 3", "image: expected a text, found 3"),
        ("[spot]\ntoleration = false", "spot toleration: expected a text"),
        ("[loss]\nmax_losses = -1", "loss max_losses: expected no negative number"),
        ("[loss]\nmax_losses = 1.5", "loss max_losses: expected a whole number"),
        ("[loss]\nmax_losses = true", "loss max_losses: expected a whole number"),
        ("[env]\nTM_DEVICE = 1", "env: expected a table of texts"),
        ("env = 1", "env: expected a table of texts"),
    ],
)
def test_a_wrong_value_names_its_place(tmp_path: Path, more: str, said: str) -> None:
    path = tmp_path / "pods.toml"
    path.write_text(f"tier1 = {TIER}\ntier2 = {TIER}\n{more}\n")
    with pytest.raises(SettingsError, match=said):
        load_pods(path)


def test_a_missing_tier_or_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pods.toml"
    with pytest.raises(SettingsError, match="cannot be read"):
        load_pods(path)
    path.write_text(f"tier1 = {TIER}\n")
    with pytest.raises(SettingsError, match="expected a value for 'tier2'"):
        load_pods(path)
    path.write_text("tier1 = ")
    with pytest.raises(SettingsError, match="not a TOML file"):
        load_pods(path)


@pytest.mark.parametrize(
    ("image", "local", "good"),
    [
        (PINNED, False, True),
        ("registry.example/tm-aligner:1.2", True, False),
        ("registry.example/tm-aligner", True, False),
        ("local/busybox:1", False, False),
        ("local/busybox:1", True, True),
        ("docker.io/local/busybox:1", True, True),
        (PINNED[:-1], True, False),
        ("", True, False),
    ],
)
def test_an_image_is_pinned_or_a_tests_own(tmp_path: Path, image: str, local: bool, good: bool) -> None:
    path = tmp_path / "pods.toml"
    path.write_text(f"local_images = {str(local).lower()}\ntier1 = {TIER}\ntier2 = {TIER}\n")
    pods = load_pods(path)
    if good:
        pods.check_image(image)
        return
    with pytest.raises(SettingsError, match="No pod was started"):
        pods.check_image(image)


LASER2 = {"TM_ENCODER": "laser2", "TM_MODEL_DIR": "/models"}
CUDA = {"TM_DEVICE": "cuda"}


@pytest.mark.parametrize(
    ("gpus", "settings", "env", "expected"),
    [
        # (GPUs of tier 1, of tier 2), Airflow's settings, the site's [env]
        ((0, 0), {}, {}, ""),
        ((0, 0), LASER2, {}, ""),
        ((0, 1), LASER2 | CUDA, {}, ""),
        ((0, 1), {}, LASER2 | CUDA, ""),
        ((0, 1), {}, {}, r"\[tier2\] gpus: expected 0, .* TM_ENCODER=lexicon and TM_DEVICE=cpu, .* found 1"),
        ((0, 1), LASER2, {}, "TM_ENCODER=laser2 and TM_DEVICE=cpu, which uses no GPU, found 1"),
        ((0, 2), CUDA, {}, "TM_ENCODER=lexicon and TM_DEVICE=cuda, which uses no GPU, found 2"),
        ((0, 1), LASER2 | CUDA, {"TM_DEVICE": "cpu"}, "expected 0, .* TM_DEVICE=cpu"),
        ((0, 1), LASER2 | CUDA, {"TM_ENCODER": "lexicon"}, "expected 0, .* TM_ENCODER=lexicon"),
        ((0, 0), LASER2 | CUDA, {}, "expected 1 or more, .* TM_DEVICE=cuda, found 0"),
        ((0, 0), {}, CUDA, "expected 1 or more, .* TM_DEVICE=cuda, found 0"),
        ((1, 0), {}, {}, r"\[tier1\] gpus: expected 0, .* found 1"),
        ((1, 1), LASER2 | CUDA, {}, r"\[tier1\] gpus: expected 0, .* found 1"),
    ],
)
def test_a_gpu_is_reserved_where_it_is_used_and_only_there(
    tmp_path: Path, gpus: tuple[int, int], settings: dict[str, str], env: dict[str, str], expected: str
) -> None:
    path = tmp_path / "pods.toml"
    tiers = [f"tier{number} = {TIER[:-2]}, gpus = {count} }}" for number, count in enumerate(gpus, start=1)]
    path.write_text("\n".join([*tiers, "[env]", *(f'{name} = "{value}"' for name, value in env.items())]))
    pods = load_pods(path)
    found = Settings.from_env(settings)
    if not expected:
        pods.check_devices(found)
        return
    with pytest.raises(SettingsError, match=expected) as refused:
        pods.check_devices(found)
    assert "No pod was started" in str(refused.value)


def test_a_pods_variables_are_the_settings_and_the_sites_over_them(tmp_path: Path) -> None:
    path = tmp_path / "pods.toml"
    path.write_text(f'tier1 = {TIER}\ntier2 = {TIER}\nenv = {{ TM_DEVICE = "cuda", EXTRA = "1" }}\n')
    settings = Settings.from_env({"TM_STORAGE": "s3://bucket", "TM_DATABASE_URL": "postgresql://tm:hush@host/tm"})
    assert load_pods(path).shard_env(settings) == {
        "TM_STORAGE": "s3://bucket", "TM_ENCODER": "lexicon", "TM_DEVICE": "cuda", "EXTRA": "1",
    }  # fmt: skip
