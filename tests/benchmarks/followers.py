"""Programs that follow a log, each in its own process, and the lines that they have seen.

A line of these logs begins with its tag, ``line 17``; a follower has seen it if it outputs a record that begins with
the tag. Run directly (``followers.py LOG STATE``), this file is our own follower: only FileTail and Waker.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from monitor.tail import FileTail, Line, TailPosition, Waker
from monitor.tail.linebuffer import Ending

TAG = re.compile(rb"line (\d+)")
MTAIL_PORT = 39_137


class Follower:
    """One program on one log; ``folder`` is for its files."""

    name = ""
    program = ""
    """The program that must be installed; empty if Python is enough."""

    def __init__(self, log: Path, folder: Path) -> None:
        self.log, self.folder = log, folder
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        folder.mkdir()

    def command(self) -> list[str]:
        """Return its command line, for the first start or a later one."""
        raise NotImplementedError

    def seen(self) -> Counter[int]:
        """Return how often it has seen each tag, over all starts."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, with its output in its folder."""
        self.starts += 1
        with (self.folder / f"out.{self.starts}").open("wb") as out, (self.folder / "err").open("ab") as err:
            self.process = subprocess.Popen(self.command(), stdout=out, stderr=err, cwd=self.folder)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def is_alive(self) -> bool:
        """Return whether it is running."""
        return self.process is not None and self.process.poll() is None

    def _in_output(self) -> Counter[int]:
        text = b"".join(path.read_bytes() for path in sorted(self.folder.glob("out.*")))
        return Counter(int(found[1]) for line in text.split(b"\n") if (found := TAG.match(line)))


class Ours(Follower):
    """FileTail with a committed position."""

    name = "ours"
    use_events = True

    def command(self) -> list[str]:
        """Start this file."""
        how = "events" if self.use_events else "polling"
        return [sys.executable, __file__, str(self.log), str(self.folder / "state"), how]

    def seen(self) -> Counter[int]:
        """Read what it has committed."""
        return Counter({int(tag): count for tag, count in self.state().get("seen", {}).items()})

    def state(self) -> dict[str, Any]:
        """Return what it has committed."""
        try:
            return json.loads((self.folder / "state").read_text())
        except FileNotFoundError:
            return {}


class OursPolling(Ours):
    """The same without file events, as on NFS or beyond the inotify limits."""

    name = "ours, polling"
    use_events = False


class Mtail(Follower):
    """google/mtail with a counter per tag."""

    name = program = "mtail"

    def __init__(self, log: Path, folder: Path) -> None:
        super().__init__(log, folder)
        self._before: Counter[int] = Counter()
        (folder / "progs").mkdir()
        (folder / "progs" / "tags.mtail").write_text(
            "counter seen by tag\n/^line (?P<tag>\\d+)/ {\n  seen[$tag]++\n}\n"
        )

    def command(self) -> list[str]:
        """Start it with fast polling; the port is for its counters."""
        options = ["-progs", "progs", "-logs", str(self.log), "-port", str(MTAIL_PORT), "-address", "127.0.0.1"]
        return ["mtail", *options, "-poll_interval", "100ms", "-poll_log_interval", "100ms"]

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Save its counters, which are lost when it ends, and end it."""
        self._before = self.seen()
        super().stop(number)

    def seen(self) -> Counter[int]:
        """Ask for its counters."""
        if self.process is None:
            return self._before
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{MTAIL_PORT}/json", timeout=2) as reply:
                metrics = json.load(reply)
        except OSError:
            return self._before
        values = [value for metric in metrics if metric["Name"] == "seen" for value in metric.get("LabelValues") or []]
        return self._before + Counter({int(each["Labels"][0]): each["Value"]["Value"] for each in values})


class Sec(Follower):
    """The Simple Event Correlator, writing out each tag."""

    name, program = "SEC", "sec"

    def command(self) -> list[str]:
        """Start it at the log's first line; when started again, at the end, which is its default."""
        (self.folder / "conf").write_text(
            "type=Single\nptype=RegExp\npattern=^line (\\d+)\ndesc=$1\naction=write - line $1\n"
        )
        begin = ["--fromstart"] if self.starts == 1 else []
        options = [
            "--conf=conf",
            f"--input={self.log}",
            "--poll-timeout=0.1",
            "--check-timeout=1",
            "--reopen-timeout=1",
        ]
        return ["sec", *options, "--log=log", *begin]

    def seen(self) -> Counter[int]:
        """Read what it wrote."""
        return self._in_output()


class Tail(Follower):
    """``tail -F`` of the GNU core utilities."""

    name, program = "tail -F", "tail"

    def command(self) -> list[str]:
        """Start it at the first line; when started again, at the end."""
        return ["tail", "-n", "+1" if self.starts == 1 else "0", "-F", str(self.log)]

    def seen(self) -> Counter[int]:
        """Read what it wrote."""
        return self._in_output()


def follow(log: Path, state: Path, *, use_events: bool) -> None:
    """Follow a log until killed; commit the position and the seen tags together, with one rename."""
    before = json.loads(state.read_text()) if state.exists() else {"position": None, "seen": {}, "wakes": 0}
    position = TailPosition(**before["position"]) if before["position"] else None
    seen: Counter[str] = Counter(before["seen"])
    wakes = 0
    with FileTail(log, position) as tail, Waker([log], use_events=use_events) as waker:
        while True:
            for result in tail.poll(time.monotonic()):
                if isinstance(result, Line) and result.ending is not Ending.PARTIAL and (tag := TAG.match(result.data)):
                    seen[tag[1].decode()] += 1
            if not tail.is_behind:
                position = tail.position
                known = {"position": asdict(position) if position else None, "seen": seen, "wakes": wakes}
                new = state.with_suffix(".new")
                new.write_text(json.dumps(known))
                new.replace(state)
                wakes += waker.wait(0.2)


if __name__ == "__main__":
    follow(Path(sys.argv[1]), Path(sys.argv[2]), use_events=sys.argv[3] == "events")
