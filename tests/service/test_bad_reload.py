"""A reload of a file that cannot be used, in whatever way, changes nothing, and is one alert."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.base.errors import MonitorError
from monitor.config import Config, load_config
from monitor.engine.step import Engine
from monitor.live.committer import Committer
from monitor.live.reload import InForce, Reloader
from monitor.notify import Delivery
from monitor.snapshot import Snapshot
from tests.cli.watching import FakeClock

BAD: dict[str, bytes] = {
    "empty": b"",
    "binary": bytes(range(256)) * 10,
    "not UTF-8": b"title: \xff\xfe",
    "deep": b"[" * 100_000,
    "deep maps": b"".join(b" " * n + b"a:\n" for n in range(2_000)),
    "aliases": b"a: &a [1,1,1,1,1,1,1,1,1]\n"
    + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(12)),
    "a number": b"5",
    "a list": b"- 1\n- 2\n",
    "a tag": b"!!python/object/apply:os.system ['true']",
    "unknown keys": b"nothing_of_that: 1\n",
    "twice": b"title: a\ntitle: b\n",
    "dates": b"title: 2025-99-99\n",
    "long": b"title: " + b"x" * 3_000_000,
}


def publish(snapshot: Snapshot, page: Path) -> None:
    """Write no page."""


@pytest.mark.parametrize("name", BAD)
def test_a_bad_watch_file_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    path = tmp_path / "watch.yaml"
    path.write_bytes(BAD[name])
    try:
        found = load_config(path)
    except MonitorError as error:
        assert str(path) in str(error)
    else:
        assert isinstance(found, Config)
        assert name in ("empty", "long", "dates")


@pytest.mark.parametrize(
    "error",
    [MonitorError("watch.yaml", "bad"), RecursionError("deep"), MemoryError(), ValueError("x"), OSError(5, "io")],
)
def test_whatever_a_reload_raises_changes_nothing(error: Exception) -> None:
    said: list[str] = []
    committer = Committer(Delivery({}))
    first = InForce(Config(), Engine(()), publish)

    def read() -> InForce:
        raise error

    used: list[InForce] = []
    reloader = Reloader(first, read, used.append, committer, FakeClock(), said.append)
    reloader.reload()
    reloader.reload()
    assert used == []
    assert "not reloaded: the previous rules and watch file stay in force" in said
