"""The fault table: what can happen to log files, and how many of the written lines are seen once, in real processes.

Compares our tail with mtail, SEC and ``tail -F``, if installed, on the same files at the same time. Prints its own
table, and one row of the common one. Run ``make bench-tail``.
"""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from figures import print_row
from followers import Follower, Mtail, Ours, OursPolling, Sec, Tail

OURS = (Ours, OursPolling)
PEERS = (Mtail, Sec, Tail)
SETTLED_S = 2.5
"""Longest wait for a follower that has not seen everything yet: ten times the slowest poll."""
STARTED_S = 1.5
"""Time within which every follower has started, as not all of them show it."""
TRIES = 200
"""Files created until one gets the inode of the deleted one."""


class World:
    """A log, its followers, and the number of lines written to it."""

    def __init__(self, folder: Path, kinds: list[type[Follower]]) -> None:
        self.log = folder / "logs" / "run.log"
        self.log.parent.mkdir()
        self.written = 0
        self.followers = [kind(self.log, folder / kind.__name__) for kind in kinds]

    def lines(self, count: int, *, text: bytes = b"", end: bytes = b"\n") -> bytes:
        """Return this many new tagged lines."""
        first = self.written + 1
        self.written += count
        return b"".join(b"line %d %s%s" % (number, text, end) for number in range(first, first + count))

    def append(self, data: bytes, path: Path | None = None) -> None:
        """Write at the log's end."""
        with (path or self.log).open("ab") as file:
            file.write(data)

    def start(self, count: int) -> None:
        """Start all followers on an empty log, and let each see this many lines."""
        self.log.touch()
        self.start_waiting()
        self.append(self.lines(count))
        self.settle()

    def start_waiting(self) -> None:
        """Start all followers, whether or not the log exists."""
        for follower in self.followers:
            follower.start()
        time.sleep(STARTED_S)

    def start_again(self) -> None:
        """Start all followers for the second time, and give time to those that keep no position and miss lines."""
        self.start_waiting()
        self.settle()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End all followers."""
        for follower in self.followers:
            follower.stop(number)

    def pause(self) -> None:
        """Stop the followers, so that what follows happens between two of their reads."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the followers continue."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        for follower in self.followers:
            assert follower.process is not None, f"{follower.name} is not running"
            follower.process.send_signal(number)

    def settle(self, limit_s: float = SETTLED_S) -> None:
        """Wait until every follower has seen every line, or has had time for it."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            if all(len(follower.seen()) == self.written for follower in self.followers):
                return
            time.sleep(0.05)

    def result(self, follower: Follower) -> str:
        """Return how many of the written lines a follower saw, as text; lines seen twice are counted separately."""
        seen: Counter[int] = follower.seen()
        doubled = sum(count - 1 for count in seen.values())
        gone = "" if follower.is_alive() else " died"
        return f"{len(seen)}/{self.written}" + (f" +{doubled} doubled" if doubled else "") + gone


def down(world: World) -> None:
    """daemon down while lines are written"""
    world.start(2)
    world.stop()
    world.append(world.lines(2))
    world.start_again()


def killed(world: World) -> None:
    """daemon killed by SIGKILL in the middle"""
    world.start(500)
    world.append(world.lines(500))
    world.stop(signal.SIGKILL)
    world.append(world.lines(500))
    world.start_again()


def renamed(world: World) -> None:
    """rotation by rename, writer still on the old file"""
    world.start(1)
    with world.log.open("ab", buffering=0) as writer:
        world.log.rename(world.log.with_name("run.log.1"))
        world.log.touch()
        world.settle()
        time.sleep(0.5)
        writer.write(world.lines(2))
        world.settle()
    world.append(world.lines(1))


def rotated_while_down(world: World) -> None:
    """rotated twice while the daemon was down"""
    world.start(2)
    world.stop()
    for number in (2, 1):
        world.append(world.lines(2))
        world.log.rename(world.log.with_name(f"run.log.{number}"))
    world.append(world.lines(2))
    world.start_again()


def copytruncated(world: World) -> None:
    """copytruncate, refilled past the old offset"""
    world.start(3)
    world.pause()
    shutil.copyfile(world.log, world.log.with_name("run.log.1"))
    with world.log.open("r+b") as file:
        file.truncate(0)
    world.append(world.lines(11))
    world.go_on()


def hole(world: World) -> None:
    """writer without O_APPEND after a truncation: a hole of NULs"""
    with world.log.open("wb", buffering=0) as writer:
        world.start(0)
        writer.write(world.lines(3))
        world.settle()
        with world.log.open("r+b") as file:
            file.truncate(0)
        world.settle(0.6)
        writer.write(world.lines(3))
        world.settle()


def inode_reused(world: World) -> None:
    """inode reused by a new file"""
    world.start(4)
    inode = world.log.stat().st_ino
    world.stop()
    new = world.lines(2, text=b"of another file, longer than the one before " * 3)
    for _ in range(TRIES):
        world.log.unlink()
        world.append(new)
        if world.log.stat().st_ino == inode:
            break
    world.start_again()


def partial(world: World) -> None:
    """partial last line, finished later"""
    world.start(1)
    whole = world.lines(1, text=b"loss=0.5")
    world.append(whole[:-3])
    world.settle(0.6)
    world.append(whole[-3:])
    world.settle()
    world.append(world.lines(1))


def progress_bar(world: World) -> None:
    """CR progress bar"""
    world.start(1)
    world.append(world.lines(4, end=b"\r") + b"\n")


def invalid_utf8(world: World) -> None:
    """invalid UTF-8"""
    world.start(1)
    world.append(world.lines(1, text=b"\xff\xfe\xed\xa0\x80"))
    world.append(world.lines(1))


def huge(world: World) -> None:
    """a line of 3 MB"""
    world.start(1)
    world.append(world.lines(1, text=b"x" * 3_000_000))
    world.append(world.lines(1))


def tiny(world: World) -> None:
    """new file, still tiny, growing byte by byte"""
    world.start(0)
    for byte in world.lines(3):
        world.append(bytes([byte]))


def late(world: World) -> None:
    """log created later, its directory too"""
    world.log.parent.rmdir()
    world.start_waiting()
    world.log.parent.mkdir()
    world.settle(1.5)
    world.append(world.lines(3))


def deleted(world: World) -> None:
    """log deleted and written anew"""
    world.start(2)
    world.log.unlink()
    world.settle(1.0)
    world.append(world.lines(2))


SCENARIOS: tuple[Callable[[World], None], ...] = (
    down,
    killed,
    renamed,
    rotated_while_down,
    copytruncated,
    hole,
    inode_reused,
    partial,
    progress_bar,
    invalid_utf8,
    huge,
    tiny,
    late,
    deleted,
)


def main() -> None:
    """Print the table; exit with 1 if our own tail has missed or doubled a line."""
    kinds = [*OURS, *(kind for kind in PEERS if shutil.which(kind.program))]
    for kind in PEERS:
        if kind not in kinds:
            print(f"{kind.program}: not installed, skipped (apt-get install {kind.program})", file=sys.stderr)
    width = max(len(scenario.__doc__ or "") for scenario in SCENARIOS)
    print(f"lines seen / lines written\n\n{'':<{width}}" + "".join(f"  {kind.name:>13}" for kind in kinds))
    num_whole = num_results = 0
    for scenario in SCENARIOS:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder), kinds)
            try:
                scenario(world)
                world.settle()
                results = [world.result(follower) for follower in world.followers]
            finally:
                world.stop(signal.SIGKILL)
        print(f"{scenario.__doc__:<{width}}" + "".join(f"  {result:>13}" for result in results), flush=True)
        whole = f"{world.written}/{world.written}"
        num_whole += sum(result == whole for result in results[: len(OURS)])
        num_results += len(OURS)
    quiet = wakes_while_quiet()
    print(f"{'wakes of a quiet log in 2 s, our own reads included':<{width}}  {quiet:>13}")
    print_row(
        f"fault table of the tail, {len(SCENARIOS)} rows, with events and by polling alone: every line once",
        f"{num_whole} of {num_results} whole",
        "all",
        num_whole == num_results and quiet == 0,
    )
    sys.exit(num_whole != num_results)


def wakes_while_quiet() -> int:
    """Return how often our follower is woken in 2 s in which the log is only read, not written."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), [Ours])
        try:
            world.start(3)
            time.sleep(0.5)
            [follower] = world.followers
            assert isinstance(follower, Ours)
            before = follower.state()["wakes"]
            for _ in range(20):
                world.log.read_bytes()
                time.sleep(0.1)
            return follower.state()["wakes"] - before
        finally:
            world.stop(signal.SIGKILL)


if __name__ == "__main__":
    main()
