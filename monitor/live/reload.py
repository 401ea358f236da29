"""Rules and watch file, read again while the watch goes on: what cannot be used changes nothing, and is an alert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from monitor.alert import Alert
from monitor.base.clock import Clock
from monitor.base.errors import MonitorError, Problems
from monitor.engine.step import Engine
from monitor.live.committer import Committer
from monitor.notify import reload_failed, reload_mended

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.snapshot import Publish

FIXED = ("logs", "state", "sinks", "notify", "report", "baseline", "peers")
"""Keys of a watch file that count from the next start on: the watch is built on them."""


class InForce(NamedTuple):
    """What a watch goes by."""

    config: Config
    engine: Engine
    publish: Publish


class Reloader:
    """Reads again when asked to, and tells all receivers where that fails."""

    def __init__(
        self,
        in_force: InForce,
        read: Callable[[], InForce],
        use: Callable[[InForce], None],
        committer: Committer,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        """``read`` raises MonitorError for files that cannot be used; ``use`` puts in force what it returned."""
        self._in_force, self._read, self._use = in_force, read, use
        self._keeper, self._clock, self._say = committer, clock, say
        self._failed: Alert | None = None

    def reload(self) -> None:
        """Read again, and put it in force if it can be used."""
        try:
            found = self._read()
        except MonitorError as error:
            self._refuse(error.problems if isinstance(error, Problems) else [error])
            return
        before, self._in_force = self._in_force, found
        self._use(found)
        self._say(f"read again: {len(found.engine.rules)} rules in force")
        if later := [key for key in FIXED if getattr(found.config, key) != getattr(before.config, key)]:
            self._say(f"{found.config.path}: {', '.join(later)}: changed; in force from the next start on")
        self._mend()

    def _refuse(self, problems: Sequence[MonitorError]) -> None:
        for problem in problems:
            self._say(str(problem))
        self._say("not read again: the rules and the watch file from before stay in force")
        if self._failed is None:
            self._failed = reload_failed(problems, self._clock.wall())
            self._keeper.add([self._failed])

    def _mend(self) -> None:
        if self._failed is not None:
            self._keeper.add([reload_mended(self._failed, self._clock.wall())])
            self._failed = None
