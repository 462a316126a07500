"""Lines survive their writer, and each file is loaded by one."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest

from cds_service.store.journal import Journal, claimed, journal_files, seconds_behind


def lines(folder: Path) -> list[bytes]:
    return [line for path in journal_files(folder) for line in path.read_bytes().splitlines()]


def complete(folder: Path) -> list[Path]:
    """The files that a loader could take now."""
    found = []
    for path in journal_files(folder):
        with claimed(path) as file:
            if file is not None:
                found.append(path)
    return found


def test_a_file_is_its_writer_s_until_it_moves_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "made" / "here")
    journal.append(b"a\nb\n")
    assert lines(journal.folder) == [b"a", b"b"]
    assert complete(journal.folder) == []
    journal.cut()
    assert len(complete(journal.folder)) == 1
    journal.append(b"c\n")
    assert sorted(lines(journal.folder)) == [b"a", b"b", b"c"]
    assert len(complete(journal.folder)) == 1


def test_nothing_is_made_before_the_first_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.cut()
    assert not journal.folder.exists()
    assert journal_files(journal.folder) == []
    assert seconds_behind(journal.folder, 1e9) == 0


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append(b"a\n")
    assert journal.folder.stat().st_mode & 0o777 == 0o700
    assert journal_files(journal.folder)[0].stat().st_mode & 0o777 == 0o600


def test_one_of_two_loaders_gets_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(b"a\n")
    journal.cut()
    (path,) = journal_files(tmp_path)
    with claimed(path) as first, claimed(path) as second:
        assert first is not None
        assert second is None


def test_a_file_that_was_loaded_meanwhile_is_nobody_s(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(b"a\n")
    journal.cut()
    (path,) = journal_files(tmp_path)
    with claimed(path) as first:
        assert first is not None
        path.unlink()
    with claimed(path) as second:
        assert second is None


def test_a_writer_does_not_write_into_a_file_that_a_loader_has_just_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    really_open = os.open

    def open_and_lose_the_first(path: str | Path, *given: int) -> int:
        file = really_open(path, *given)
        made.append(str(path))
        if len(made) == 1:
            os.unlink(path)
        return file

    monkeypatch.setattr("cds_service.store.journal.os.open", open_and_lose_the_first)
    journal = Journal(tmp_path)
    journal.append(b"a\n")
    assert len(made) == 2
    assert lines(tmp_path) == [b"a"]


KILLED = """
import os, sys
from pathlib import Path
from cds_service.store.journal import Journal
journal = Journal(Path(sys.argv[1]))
for number in range(100):
    journal.append(b"%d\\n" % number)
os.kill(os.getpid(), 9)
"""


def test_every_line_survives_a_kill(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert lines(tmp_path) == [b"%d" % number for number in range(100)]
    assert len(complete(tmp_path)) == 1


def _append(folder: Path, limit: int) -> None:
    """In a process whose files may hold ``limit`` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = Journal(folder)
    journal.append(b"first\n")
    with pytest.raises(OSError) as caught:
        journal.append(b"too long for what is left\n")
    assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
    journal.append(b"last\n")


def test_a_disk_that_takes_half_a_line_keeps_none_of_it(tmp_path: Path) -> None:
    process = get_context("spawn").Process(target=_append, args=(tmp_path, 15))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert lines(tmp_path) == [b"first", b"last"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 on threads and forks
def test_a_fork_writes_a_file_of_its_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(b"parent\n")
    child = os.fork()
    if child == 0:
        journal.forget()
        journal.append(b"child\n")
        os._exit(0)
    os.waitpid(child, 0)
    journal.append(b"parent again\n")
    assert sorted(path.read_bytes() for path in journal_files(tmp_path)) == [
        b"child\n", b"parent\nparent again\n",
    ]  # fmt: skip
    assert len(complete(tmp_path)) == 1  # the dead child's; the parent's lock has not gone with it


def test_how_far_behind_the_database_is(tmp_path: Path) -> None:
    (tmp_path / "1000-1-aaaaaaaa.jsonl").touch()
    (tmp_path / "5000-1-bbbbbbbb.jsonl").touch()
    assert seconds_behind(tmp_path, 9.0) == 8.0
