"""Changes of a log wake at once where the system tells of them; our own reads never do."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.tail import FileTail
from monitor.tail.waker import Waker

SOON_S = 10.0
"""Longest wait for what must come; it comes within milliseconds."""
QUIET_S = 0.3
"""Wait for what must not come."""


def settle(waker: Waker) -> None:
    """Let the events of what the test itself did arrive."""
    while waker.wait(QUIET_S):
        pass


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "run.log"
    path.write_text("a\n")
    return path


def test_a_line_wakes(path: Path) -> None:
    with Waker([path]) as waker:
        append(path, "b\n")
        assert waker.wait(SOON_S)


def test_a_quiet_log_does_not_wake(path: Path) -> None:
    with Waker([path]) as waker:
        assert not waker.wait(QUIET_S)


def test_our_own_reads_do_not_wake(path: Path) -> None:
    with Waker([path]) as waker:
        for _ in range(20):
            with FileTail(path) as tail:
                tail.poll(0.0)
        assert path.read_text() == "a\n"
        assert not waker.wait(QUIET_S)


def test_another_file_in_the_same_directory_does_not_wake(path: Path) -> None:
    with Waker([path]) as waker:
        append(path.with_name("STATUS.md"), "page\n")
        append(path.with_name("run.logbook"), "page\n")
        assert not waker.wait(QUIET_S)


def test_any_file_in_a_watched_directory_wakes(path: Path) -> None:
    with Waker([path.parent]) as waker:
        append(path.with_name("rank1.log"), "a\n")
        assert waker.wait(SOON_S)


def test_a_rotation_wakes(path: Path) -> None:
    with Waker([path]) as waker:
        path.rename(path.with_name("run.log.1"))
        assert waker.wait(SOON_S)
        settle(waker)
        append(path, "b\n")
        assert waker.wait(SOON_S)


def test_a_log_in_a_directory_that_is_created_later_wakes(tmp_path: Path) -> None:
    path = tmp_path / "one" / "two" / "run.log"
    with Waker([path]) as waker:
        path.parent.mkdir(parents=True)
        assert waker.wait(SOON_S)
        settle(waker)
        path.write_text("a\n")
        assert waker.wait(SOON_S)


def test_a_directory_that_is_deleted_and_made_again_wakes(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "run.log"
    path.parent.mkdir()
    with Waker([path]) as waker:
        path.parent.rmdir()
        settle(waker)
        path.parent.mkdir()
        settle(waker)
        path.write_text("a\n")
        assert waker.wait(SOON_S)


def test_a_write_to_the_target_of_a_linked_log_wakes(tmp_path: Path) -> None:
    target, link = tmp_path / "runs" / "1.log", tmp_path / "latest.log"
    target.parent.mkdir()
    target.touch()
    link.symlink_to(target)
    with Waker([link]) as waker:
        append(target, "a\n")
        assert waker.wait(SOON_S)


def test_several_changes_are_one_wake(path: Path) -> None:
    with Waker([path]) as waker:
        for _ in range(100):
            append(path, "b\n")
        assert waker.wait(SOON_S)
        settle(waker)
        assert not waker.wait(0)


def test_another_thread_can_end_the_wait(path: Path) -> None:
    with Waker([path], use_events=False) as waker:
        timer = threading.Timer(0.05, waker.wake)
        timer.start()
        assert waker.wait(SOON_S)
        timer.join()


def test_without_events_only_the_clock_wakes(path: Path) -> None:
    with Waker([path], use_events=False) as waker:
        append(path, "b\n")
        assert not waker.wait(0)
        assert waker.mode == "polling (file events are switched off)"
        assert {path.parent: "file events are switched off"} == waker.polled


def test_a_network_file_system_is_polled_and_named(path: Path, tmp_path: Path) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(
        f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:50 / {tmp_path} rw,relatime shared:7 - nfs4 server:/export rw\n"
    )
    with Waker([path], mountinfo=mountinfo) as waker:
        assert waker.mode == f"polling ({tmp_path} is on nfs4)"


def test_local_and_network_logs_are_told_apart(tmp_path: Path) -> None:
    local, remote = tmp_path / "local" / "run.log", tmp_path / "remote" / "run.log"
    local.parent.mkdir()
    remote.parent.mkdir()
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"2 1 0:50 / {remote.parent} rw - fuse.sshfs host: rw\n")
    with Waker([local, remote], mountinfo=mountinfo) as waker:
        assert waker.mode == f"events, in part polling ({remote.parent} is on fuse.sshfs)"
        local.write_text("a\n")
        assert waker.wait(SOON_S)


def test_a_system_that_gives_no_more_watchers_is_polled(path: Path) -> None:
    # What inotify_init says at fs.inotify.max_user_instances is what it says without a free descriptor: EMFILE.
    Waker([path]).close()
    with few_descriptors(num_free=2), Waker([path]) as waker:
        assert waker.mode == "polling (no file events: inotify instance limit reached)"
        assert not waker.wait(0)


def test_one_observer_serves_all_logs_of_a_directory(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.log" for number in range(50)]
    before = threading.active_count()
    with Waker(paths[:1]):
        num_threads_for_one = threading.active_count() - before
    with Waker(paths) as waker:
        assert num_threads_for_one == threading.active_count() - before
        paths[-1].write_text("a\n")
        assert waker.wait(SOON_S)
    assert before == threading.active_count()


def test_a_closed_waker_does_not_wait(path: Path) -> None:
    waker = Waker([path])
    waker.close()
    waker.close()
    waker.wake()
    assert not waker.wait(SOON_S)


def test_watchdog_is_imported_only_for_events() -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom monitor.tail.waker import Waker\nimport monitor.tail\n"
        "Waker([Path('run.log')], use_events=False).close()\n"
        "print(sorted({'watchdog', 'numpy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@contextmanager
def few_descriptors(*, num_free: int) -> Iterator[None]:
    """Let this process open only so many more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        for _ in range(num_free):
            os.close(held.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in held:
            os.close(descriptor)
