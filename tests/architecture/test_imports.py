"""Who may import whom (docs/decisions/0002), read from the sources without running them."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = {
    "tm_core": ROOT / "containers/core/src/tm_core",
    "tm_formats": ROOT / "containers/formats/src/tm_formats",
    "tm_align": ROOT / "containers/aligner/src/tm_align",
    "tm_store": ROOT / "containers/store/src/tm_store",
    "tm_embedded": ROOT / "deploy/embedded/src/tm_embedded",
    "operators": ROOT / "operators",
    "dags": ROOT / "dags",
    "plugins": ROOT / "plugins",
}
#: package -> which of our packages it may import, anywhere in it.
MAY_IMPORT = {
    "tm_core": set(),
    "tm_formats": {"tm_core"},
    "tm_align": {"tm_core", "tm_formats"},
    "tm_store": {"tm_core", "tm_formats"},
    "tm_embedded": {"tm_core", "tm_formats", "tm_store"},
    "operators": {"tm_core", "tm_formats", "tm_store"},
    "dags": {"tm_core", "operators"},
    "plugins": {"tm_core", "tm_formats", "tm_store"},
}
#: Airflow stays outside the packages that run in pods; heavy libraries stay out of what the DAG processor imports.
NO_AIRFLOW = ("tm_core", "tm_formats", "tm_align", "tm_store")
HEAVY = {"torch", "numba", "numpy", "great_expectations", "pandas", "pyarrow", "tm_align", "tm_store", "psycopg"}
LIGHT_AT_TOP = ("operators", "dags", "plugins")


def imported(source: str, *, top_only: bool = False) -> set[str]:
    """First parts of all modules that a source imports."""
    tree = ast.parse(source)
    nodes = tree.body if top_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def sources(package: str) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGES[package].rglob("*.py"))}


def offenders(package: str, forbidden: set[str], *, top_only: bool = False) -> dict[str, list[str]]:
    found = {
        str(path.relative_to(ROOT)): sorted(imported(source, top_only=top_only) & forbidden)
        for path, source in sources(package).items()
    }
    return {path: names for path, names in found.items() if names}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_seen(package: str) -> None:
    assert sources(package), f"{PACKAGES[package]} holds no Python file: the checks below would pass on nothing"


@pytest.mark.parametrize("package", PACKAGES)
def test_our_packages_import_each_other_as_designed(package: str) -> None:
    forbidden = set(PACKAGES) - MAY_IMPORT[package] - {package}
    assert not offenders(package, forbidden)


@pytest.mark.parametrize("package", NO_AIRFLOW)
def test_no_airflow(package: str) -> None:
    assert not offenders(package, {"airflow"})


@pytest.mark.parametrize("package", LIGHT_AT_TOP)
def test_nothing_heavy_at_module_top(package: str) -> None:
    found = offenders(package, HEAVY, top_only=True)
    # Airflow imports plugins/*.py in every process; the packages beside them with the API server's first request.
    assert not {path: names for path, names in found.items() if not path.startswith("plugins/tm_review/")}


def test_core_uses_the_standard_library_alone() -> None:
    third_party = {
        str(path): sorted(imported(source) - set(sys.stdlib_module_names) - {"tm_core"})
        for path, source in sources("tm_core").items()
    }
    assert not {path: names for path, names in third_party.items() if names}


@pytest.mark.parametrize(
    ("package", "pyproject"),
    [
        ("tm_formats", "containers/formats"),
        ("tm_align", "containers/aligner"),
        ("tm_store", "containers/store"),
        ("tm_embedded", "deploy/embedded"),
    ],
)
def test_a_package_declares_what_it_imports(package: str, pyproject: str) -> None:
    """Each package installs apart from the others: what it imports stands in its own pyproject.toml."""
    project = tomllib.loads((ROOT / pyproject / "pyproject.toml").read_text())["project"]
    declared = list(chain(project["dependencies"], *project.get("optional-dependencies", {}).values()))
    names = {entry.split("[")[0].replace("-", "_").lower() for entry in declared}
    known = packages_distributions()
    undeclared: dict[str, set[str]] = {}
    for path, source in sources(package).items():
        for module in imported(source) - set(sys.stdlib_module_names) - {package}:
            providers = {name.replace("-", "_").lower() for name in known.get(module, [module])}
            if not providers & names:
                undeclared.setdefault(module, set()).add(str(path.relative_to(ROOT)))
    undeclared.pop("sentence_transformers", None)  # any folder of such a model: the user installs the library for it
    assert not undeclared, f"add to {pyproject}/pyproject.toml: {undeclared}"


def test_a_planted_import_is_found() -> None:
    assert imported("def f():\n    import airflow.sdk\n") == {"airflow"}
    assert imported("def f():\n    import airflow.sdk\n", top_only=True) == set()
    assert imported("from tm_align.beads import Bead\n", top_only=True) == {"tm_align"}
