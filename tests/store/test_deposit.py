"""`tm deposit` copies files and nothing else: links, special files and names that cannot be printed are refused."""

import os
from datetime import date
from pathlib import Path

import pytest

from tm_core.errors import DepositError
from tm_core.stores import Store
from tm_formats.storage import Storage
from tm_store.deposit import Deposited, Folder, deposit

DAY = date(2026, 1, 5)
STORES = {"demo": Store(name="demo", description="demo", pairs=())}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with one good document, beside a secret that is not to be deposited."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "passwords.en.txt").write_text("not for the memory")
    folder = tmp_path / "tree"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "good.en.txt").write_text("Good.")
    return folder


def run(tree: Path) -> tuple[Deposited, list[str]]:
    """Deposit the folder; returns what was done and the names that are in storage."""
    storage = Storage(f"file://{tree.parent}/storage")
    done = deposit(storage, STORES, "demo", DAY, [Folder(path=tree)])
    return done, [info.path for info in storage.list("raw")]


GOOD = ["raw/demo/2026-01-05/inner/good.en.txt"]


@pytest.mark.parametrize("target", ["secret/passwords.en.txt", "secret", "nowhere", "/etc/passwd", "tree"])
def test_a_link_is_refused_by_name_and_the_other_files_are_copied(tree: Path, target: str) -> None:
    (tree / "inner" / "link.en.txt").symlink_to(tree.parent / target)
    done, names = run(tree)
    assert names == GOOD
    ((name, reason),) = done.refused
    assert name == str(tree / "inner" / "link.en.txt")
    assert "found a symbolic link" in reason


def test_a_folder_to_deposit_is_no_link_itself(tree: Path) -> None:
    link = tree.parent / "link"
    link.symlink_to(tree)
    with pytest.raises(DepositError, match=r"/link: expected a folder, found a symbolic link.*nothing was written"):
        run(link)
    assert not (tree.parent / "storage").exists()


def test_a_file_that_became_a_link_after_it_was_listed_is_refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "inner" / "later.en.txt").symlink_to(tree.parent / "secret" / "passwords.en.txt")
    monkeypatch.setattr("tm_store.deposit._problem_of", lambda *_: "")
    done, names = run(tree)
    assert names == GOOD
    assert [name for name, _ in done.refused] == [str(tree / "inner" / "later.en.txt")]


def test_a_pipe_is_refused_and_not_waited_for(tree: Path) -> None:
    os.mkfifo(tree / "pipe.en.txt")
    done, names = run(tree)
    assert names == GOOD
    assert done.refused == (
        (str(tree / "pipe.en.txt"), "expected a file, found a pipe, socket or device. Remove it; it was not copied"),
    )


CONTROLS = {
    "\n": "U+000A", "\r": "U+000D", "\x1b": "U+001B", "\x7f": "U+007F", "\x85": "U+0085",
    "\u2028": "U+2028", "\u202e": "U+202E", "\u2066": "U+2066", "\udcff": "U+DCFF",
}  # fmt: skip


@pytest.mark.parametrize("where", ["inner/bad{}.en.txt", "bad{}folder/file.en.txt"])
@pytest.mark.parametrize("char", CONTROLS, ids=CONTROLS.get)
def test_a_control_character_in_a_name_is_refused_by_a_name_that_can_be_printed(
    tree: Path, char: str, where: str
) -> None:
    path = tree / where.format(char)
    path.parent.mkdir(exist_ok=True)
    path.write_text("Bad.")
    done, names = run(tree)
    assert names == GOOD
    ((name, reason),) = done.refused
    assert CONTROLS[char] in reason
    assert done.render().encode().decode("utf-8").count("\n") == 1
    assert char not in done.render().replace("\n  refused", "", 1)
    assert ascii(char)[1:-1] in name


def test_letters_and_joiners_of_all_scripts_are_no_control_characters(tree: Path) -> None:
    # The zero-width non-joiner is spelling in Persian.
    for name in ("می\u200cخواهم.fa.txt", "עברית.he.txt", "naïve ü 翻訳.ja.txt", "two  spaces.en.txt"):
        (tree / name).write_text("Good.")
    done, names = run(tree)
    assert done.refused == ()
    assert len(names) == 5
