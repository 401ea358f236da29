"""A page is replaced whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.base.atomicfile import write_atomically
from monitor.base.errors import ReportError


def test_a_new_page_has_the_permissions_of_any_new_file(tmp_path):
    page, other = tmp_path / "STATUS.md", tmp_path / "other"
    other.write_text("")
    write_atomically(page, "✅\n")
    assert page.read_bytes() == "✅\n".encode()
    assert page.stat().st_mode == other.stat().st_mode


def test_the_permissions_of_an_old_page_are_kept(tmp_path):
    page = tmp_path / "STATUS.md"
    page.write_text("old")
    page.chmod(0o640)
    write_atomically(page, "new")
    assert (page.read_text(), page.stat().st_mode & 0o777) == ("new", 0o640)


def test_a_symlink_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "kept").mkdir()
    target, link = tmp_path / "kept" / "page.md", tmp_path / "STATUS.md"
    target.write_text("old")
    link.symlink_to(Path("kept") / "page.md")
    write_atomically(link, "new")
    assert (link.is_symlink(), target.read_text()) == (True, "new")


def test_a_reader_who_has_the_old_page_open_keeps_it_whole(tmp_path):
    page = tmp_path / "STATUS.md"
    page.write_text("old")
    with page.open() as reader:
        write_atomically(page, "new")
        assert reader.read() == "old"


def test_no_temporary_file_is_left_next_to_the_page(tmp_path):
    write_atomically(tmp_path / "STATUS.md", "page")
    assert [file.name for file in tmp_path.iterdir()] == ["STATUS.md"]


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path):
    page = tmp_path / "missing" / "STATUS.md"
    with pytest.raises(ReportError) as caught:
        write_atomically(page, "page")
    expected = f"{page}: cannot be written (No such file or directory); expected a file in a writable folder"
    assert str(caught.value) == expected


def test_a_directory_in_the_page_s_place_is_one_clear_line(tmp_path):
    with pytest.raises(ReportError, match=r"cannot be written \(is a directory\); expected"):
        write_atomically(tmp_path, "page")


def test_only_a_regular_file_is_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ReportError, match="is not a regular file"):
        write_atomically(pipe, "page")
    assert pipe.is_fifo()


def test_a_write_that_fails_half_way_leaves_the_old_page_and_no_debris(tmp_path, monkeypatch):
    page = tmp_path / "STATUS.md"
    page.write_text("old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(ReportError, match="No space left on device"):
        write_atomically(page, "new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("STATUS.md", "old")]


def test_a_disk_that_is_full_for_real_leaves_the_old_page_and_no_debris(tmp_path):
    """The limit on a file's size stops the write half way, as a full disk does."""
    page = tmp_path / "STATUS.md"
    page.write_text("old")
    program = (
        "import resource, signal, sys; from pathlib import Path; from monitor.base.atomicfile import write_atomically\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_atomically(Path(sys.argv[1]), 'new' * 10_000)\n"
        "except Exception as error: sys.exit(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(page)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot be written (File too large)" in done.stderr
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("STATUS.md", "old")]


def test_a_link_to_a_page_that_is_not_there_yet_makes_it(tmp_path):
    (tmp_path / "kept").mkdir()
    link = tmp_path / "STATUS.md"
    link.symlink_to(Path("kept") / "page.md")
    write_atomically(link, "new")
    assert (link.is_symlink(), (tmp_path / "kept" / "page.md").read_text()) == (True, "new")


def test_a_write_protected_page_is_not_replaced(tmp_path, monkeypatch):
    page = tmp_path / "STATUS.md"
    page.write_text("old")
    page.chmod(0o444)
    # The superuser may write anything, so that the question is answered for an ordinary user here.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ReportError, match="is write-protected"):
        write_atomically(page, "new")
    assert page.read_text() == "old"
