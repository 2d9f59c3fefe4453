"""A save leaves the old file or the new one, nothing else, and a file as every other program would make it."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from circuitviz.document import Document, Label, State, set_label
from circuitviz.errors import InputError
from circuitviz.formats import change_document, export_document, open_document, save_document
from circuitviz.formats.autosave import find_recovered_work
from circuitviz.formats.file_io import write_atomically
from circuitviz.formats.file_lock import document_locked, lock_document
from circuitviz.formats.temporary_files import create_temporary, remove_abandoned_files
from circuitviz.graph import Graph, ModelShape, Scores

PROGRAM = [sys.executable, str(Path(__file__).parent / "save_until_killed.py")]
GRAPH = Graph.transformer(ModelShape(1, 2, 8))
posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions, kill and byte names are POSIX's")


@pytest.fixture(autouse=True)
def own_claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def document() -> Document:
    scores = Scores(GRAPH, GRAPH.mask * 0.5, "eap")
    return Document(State(None, scores, scores.greedy(8)))


def hidden(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".")]


@posix
def test_a_save_that_is_killed_at_any_moment_leaves_nothing_after_the_next(tmp_path: Path) -> None:
    """Killed after each call of the system: the file is the old or the new one; what is left goes."""
    moments = int(
        subprocess.run([*PROGRAM, "kill", str(tmp_path)], stdout=subprocess.PIPE, check=True).stdout
    )
    assert moments > 15
    folders = [tmp_path / str(moment) for moment in range(1, moments + 1)]
    assert sum(len(hidden(folder)) for folder in folders) > 5, (
        "no save was killed half-way: this tests nothing"
    )
    contents = [(folder / "a.circuit").read_bytes() for folder in folders]
    assert contents == sorted(contents, reverse=True) and set(contents) == {b"old" * 1000, b"new" * 1000}
    theirs = [".a.circuit.notes", ".circuitviz-backup.tmp", f".circuitviz-{'g' * 32}.tmp", "a.tmp"]
    for folder in folders:
        for name in theirs:
            (folder / name).write_text("a person's own")
        write_atomically(folder / "b.circuit", b"")
        assert sorted(os.listdir(folder)) == sorted([*theirs, "a.circuit", "b.circuit"])


@posix
def test_a_save_that_goes_on_loses_nothing_to_another(tmp_path: Path) -> None:
    """Held up after each call of the system while another process cleans its folder; then each is whole."""
    moments = int(
        subprocess.run([*PROGRAM, "kill", str(tmp_path / "k")], stdout=subprocess.PIPE, check=True).stdout
    )
    command = [*PROGRAM, "stop", str(tmp_path / "s"), str(moments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as savers:
        assert savers.stdout is not None and savers.stdout.readline() == "stopped\n"
        for moment in range(1, moments + 1):
            remove_abandoned_files(tmp_path / "s" / str(moment))
        savers.communicate("go on\n")
    assert savers.returncode == 0, "a living saver lost its file"
    for moment in range(1, moments + 1):
        assert os.listdir(tmp_path / "s" / str(moment)) == ["a.circuit"]
        assert (tmp_path / "s" / str(moment) / "a.circuit").read_bytes() == b"new" * 1000


def test_a_start_removes_what_a_killed_save_of_unsaved_work_left(tmp_path: Path) -> None:
    with (
        create_temporary(tmp_path, is_private=True) as ours,
        create_temporary(tmp_path, is_private=True) as other,
    ):
        other.close()  # as the system closes it when its process is killed
        assert find_recovered_work(tmp_path) == []
        assert hidden(tmp_path) == [Path(ours.name).name]


@posix
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_permissions_of_the_umask_and_an_old_one_keeps_its_own(
    tmp_path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        save_document(document(), tmp_path / "a.circuit")
        for suffix in ("json", "csv", "graphml", "dot", "graph.json"):
            export_document(document(), tmp_path / f"a.{suffix}")
        for path in tmp_path.glob("a.*"):
            assert stat.S_IMODE(path.stat().st_mode) == mode, path
            path.chmod(0o640)
        save_document(document(), tmp_path / "a.circuit")
        assert stat.S_IMODE((tmp_path / "a.circuit").stat().st_mode) == 0o640
    finally:
        os.umask(before)


@posix
@pytest.mark.parametrize("length", [246, 247, 250, 255])
def test_the_longest_names_are_saved(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("ü" * ((length - 8) // 2) + "x" * (length % 2) + ".circuit")
    assert len(os.fsencode(path.name)) == length
    save_document(document(), path)
    assert open_document(path).state.hash == document().state.hash
    assert os.listdir(tmp_path) == [path.name]


def test_a_name_that_is_too_long_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="was not saved: File name too long"):
        save_document(document(), tmp_path / ("x" * 256 + ".circuit"))
    assert not os.listdir(tmp_path)


def test_changes_of_one_document_at_once_are_all_kept(tmp_path: Path) -> None:
    """In threads, which hold claims against one another as processes do; test_label_command has processes."""
    path = tmp_path / "a.circuit"
    save_document(document(), path)
    names = ["m0", "a0.h0", "a0.h1", "input"]

    def change(name: str) -> None:
        with change_document(path) as opened:
            opened.apply_command(set_label(name, Label(f"role of {name}")))

    threads = [threading.Thread(target=change, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: label.text for n, label in open_document(path).state.labels.items()} == {
        name: f"role of {name}" for name in names
    }
    assert not list((tmp_path / "data").rglob("*.lock"))


def test_a_file_that_another_program_writes_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.circuit"
    save_document(document(), path)
    with pytest.raises(InputError, match="written by another program while"), change_document(path) as opened:
        opened.apply_command(set_label("m0", Label("ours")))
        other = document()
        other.apply_command(set_label("m0", Label("theirs")))
        save_document(other, path)
    assert open_document(path).state.labels["m0"].text == "theirs"


def test_a_failure_inside_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.circuit"
    save_document(document(), path)
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), change_document(path) as opened:
        opened.apply_command(set_label("m0", Label("half done")))
        raise ZeroDivisionError
    assert path.read_bytes() == before
    with change_document(path):
        pass


def test_who_holds_a_file_is_named(tmp_path: Path) -> None:
    path, link = tmp_path / "a.circuit", tmp_path / "link.circuit"
    save_document(document(), path)
    link.symlink_to(path)
    for kind, says in (
        ("window", rf"open in a window since ..:.. \(process {os.getpid()}\)"),
        ("command", "by another command"),
    ):
        claim = lock_document(path, kind)
        assert claim is not None
        began = time.monotonic()
        with pytest.raises(InputError, match=says), document_locked(link, timeout_s=0.05):
            pass
        assert (time.monotonic() - began < 0.05) == (kind == "window")
        claim.release()
    with document_locked(link, timeout_s=0):
        assert lock_document(path, "window") is None


def test_where_there_is_no_place_for_claims_a_file_can_be_changed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.circuit"
    save_document(document(), path)
    (tmp_path / "no folder").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "no folder"))
    with change_document(path) as opened:
        opened.apply_command(set_label("m0", Label("kept")))
    assert open_document(path).state.labels["m0"].text == "kept"


@posix
def test_where_the_file_system_has_no_locks_a_file_can_be_changed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As network file systems without a lock service answer, and those that do not know the call at all."""
    import fcntl

    path = tmp_path / "a.circuit"
    save_document(document(), path)
    for number in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):

        def refuse(*_: object, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", refuse)
        with change_document(path) as opened:
            opened.apply_command(set_label("m0", Label(f"kept {number}")))
        assert open_document(path).state.labels["m0"].text == f"kept {number}"
        assert not hidden(tmp_path)
