"""Patches on the disk: done as a whole, or nothing has happened."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from server.commands.places import Places
from server.engine.patches import disk
from server.engine.patches.apply import NotAllowed, apply, unwritable
from server.engine.patches.grammar import PatchError
from tests.server.engine.patches.trees import make, modes, patched, planned, tree

FILES = {"a": "one\ntwo\n", "b": "x\n", "sub/c": "c\n"}
ALL_KINDS = [
    *("*** Add File: new/deep/n", "+new"),
    *("*** Add File: b", "+over"),
    *("*** Update File: a", "*** Move to: other/a", "@@", "-one", "+1"),
    "*** Delete File: sub/c",
]


def test_every_kind_of_change_is_made(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    assert patched(tmp_path, *ALL_KINDS) == (
        "Success. Updated the following files:\nA new/deep/n\nA b\nM other/a\nD sub/c\n"
    )
    assert tree(tmp_path) == {"new/deep/n": b"new\n", "b": b"over\n", "other/a": b"1\ntwo\n", "sub": None}


def test_modes_stay_and_move_along(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    for name, mode in (("a", 0o755), ("b", 0o600)):
        (tmp_path / name).chmod(mode)
    patched(tmp_path, *ALL_KINDS)
    assert modes(tmp_path)["other/a"] == 0o755
    assert modes(tmp_path)["b"] == 0o600


class Refusing:
    """The system as it is when the ``nth`` call of some kind fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, nth: int) -> None:
        self.calls = 0
        really = getattr(os, name)

        def call(*args: object, **named: object) -> object:
            self.calls += 1
            if self.calls == nth:
                raise OSError(28, "No space left on device")
            return really(*args, **named)

        monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize("nth", range(1, 12))
@pytest.mark.parametrize("name", ["write", "rename", "fsync", "mkdir", "fchmod"])
def test_wherever_the_system_refuses_everything_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, nth: int
) -> None:
    make(tmp_path, FILES)
    (tmp_path / "a").chmod(0o700)
    os.link(tmp_path / "b", tmp_path / "second name of b")
    before, modes_before = tree(tmp_path), modes(tmp_path)
    inode = (tmp_path / "a").stat().st_ino
    plan = planned(tmp_path, *ALL_KINDS)
    with monkeypatch.context() as patched_system:
        system = Refusing(patched_system, name, nth)
        try:
            apply(plan)
        except PatchError as refused:
            told = str(refused)
        else:
            assert system.calls < nth
            return
    assert told.endswith("No space left on device (os error 28); nothing was changed")
    assert tree(tmp_path) == before
    assert modes(tmp_path) == modes_before
    assert (tmp_path / "a").stat().st_ino == inode


def test_a_write_that_really_fails_undoes_the_others(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    too_long = "n" * 300
    before = tree(tmp_path)
    with pytest.raises(PatchError, match=r"File name too long \(os error 36\)"):
        patched(tmp_path, *ALL_KINDS, f"*** Add File: z/{too_long}", "+x")
    assert tree(tmp_path) == before


def test_what_could_not_be_put_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, FILES)
    plan = planned(tmp_path, "*** Delete File: a", "*** Delete File: b")
    really, calls = os.rename, 0

    def rename(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError(5, "Input/output error")
        really(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(PatchError, match=f"could not be put back: {tmp_path}/a"):
        apply(plan)


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    make(tmp_path, FILES)
    plan = planned(tmp_path, *ALL_KINDS)
    (tmp_path / "sub/c").write_text("mine\n")
    before = tree(tmp_path)
    with pytest.raises(PatchError, match="sub/c has changed since the patch was checked"):
        apply(plan)
    assert tree(tmp_path) == before


def test_a_link_stays_and_its_file_changes(tmp_path: Path) -> None:
    make(tmp_path, {"real/a": "one\n"})
    (tmp_path / "link").symlink_to("real/a")
    (tmp_path / "to nothing").symlink_to("real/new")
    patched(tmp_path, "*** Update File: link", "@@", "-one", "+1", "*** Add File: to nothing", "+n")
    links = {"link": "real/a", "to nothing": "real/new"}
    assert tree(tmp_path) == {**links, "real/a": b"1\n", "real/new": b"n\n"}


def test_a_link_makes_way_for_a_file(tmp_path: Path) -> None:
    make(tmp_path, {"a": "one\n"})
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "dangling").symlink_to("nowhere")
    patched(tmp_path, "*** Delete File: link", "*** Add File: link", "+own", "*** Delete File: dangling")
    assert tree(tmp_path) == {"a": b"one\n", "link": b"own\n"}


def test_all_names_of_a_file_see_the_change(tmp_path: Path) -> None:
    make(tmp_path, {"a": "one\n"})
    os.link(tmp_path / "a", tmp_path / "b")
    patched(tmp_path, "*** Update File: a", "@@", "-one", "+1")
    assert tree(tmp_path) == {"a": b"1\n", "b": b"1\n"}


def test_a_folder_may_come_where_a_file_was(tmp_path: Path) -> None:
    make(tmp_path, {"a": "one\n"})
    patched(tmp_path, "*** Delete File: a", "*** Add File: a/b", "+x")
    assert tree(tmp_path) == {"a/b": b"x\n"}


def test_only_what_is_allowed_is_written(tmp_path: Path) -> None:
    make(tmp_path, {"in/a": "x\n", "out/b": "y\n", "in/.git/config": ""})
    (tmp_path / "in/link").symlink_to(tmp_path / "out/b")
    (tmp_path / "in/folder").symlink_to(tmp_path / "out")
    places = Places(roots=[str(tmp_path / "in")], kept=[str(tmp_path / "in/.git")])
    before = tree(tmp_path)
    for path in ("../out/b", "link", "folder/b", "folder/new/c", ".git/config", ".git/hooks/x"):
        with pytest.raises(NotAllowed) as refused:
            patched(tmp_path / "in", "*** Add File: c", "+x", f"*** Add File: {path}", "+x", may_write=places.may_write)
        assert all(str(tmp_path / "in/c") != each for each in refused.value.paths)
        assert tree(tmp_path) == before
    plan = planned(tmp_path / "in", "*** Delete File: ../out/b", "*** Add File: new/c", "+x")
    assert unwritable(plan, places.may_write) == [str(tmp_path / "out/b")]
    patched(tmp_path / "in", "*** Add File: new/c", "+x", may_write=places.may_write)
    assert (tmp_path / "in/new/c").read_text() == "x\n"


def test_a_folder_that_becomes_a_link_after_it_was_allowed_is_not_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, {"in/sub/a": "x\n", "out/a": "x\n"})
    plan = planned(tmp_path, "*** Update File: in/sub/a", "@@", "-x", "+y")
    really = disk.read

    def swapped(path: str) -> object:
        found = really(path)
        (tmp_path / "in/sub").rename(tmp_path / "in/moved")
        (tmp_path / "in/sub").symlink_to(tmp_path / "out")
        return found

    monkeypatch.setattr(disk, "read", swapped)
    with pytest.raises(PatchError):
        apply(plan)
    assert (tmp_path / "out/a").read_text() == "x\n"


def test_new_files_get_the_mode_that_the_system_gives(tmp_path: Path) -> None:
    patched(tmp_path, "*** Add File: a", "+x")
    (tmp_path / "b").touch()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "b").stat().st_mode)


def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, FILES)
    before = tree(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, _mode: not path.endswith("/a"))  # root may write everything
    with pytest.raises(PatchError, match="Permission denied"):
        patched(tmp_path, *ALL_KINDS[:2], "*** Update File: a", "@@", "-one", "+1")
    assert tree(tmp_path) == before
