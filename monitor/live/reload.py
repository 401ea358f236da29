"""Reloads rules and watch file while the watch runs; a file that cannot be used changes nothing and raises an alert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from monitor.alert import Alert, State
from monitor.base.clock import Clock
from monitor.base.errors import MonitorError, Problems
from monitor.engine.step import Engine
from monitor.engine.unjudged import reason_of
from monitor.live.committer import Committer
from monitor.notify import reload_failed

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.snapshot import Publish

FIXED = ("logs", "state", "sinks", "notify", "report", "baseline", "peers")
"""Keys of a watch file that a reload cannot change: they take effect at the next start."""


class InForce(NamedTuple):
    """The settings that a watch uses now."""

    config: Config
    engine: Engine
    publish: Publish


class Reloader:
    """Reloads on request, and tells all receivers if that fails."""

    def __init__(
        self,
        in_force: InForce,
        read: Callable[[], InForce],
        use: Callable[[InForce], None],
        committer: Committer,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        """``read`` raises MonitorError for files that cannot be used; ``use`` puts its result in force."""
        self._in_force, self._read, self._use = in_force, read, use
        self._committer, self._clock, self._say = committer, clock, say
        self._failed: Alert | None = None

    def reload(self) -> None:
        """Read the files again, and put them in force if they can be used."""
        try:
            found = self._read()
        except MonitorError as error:
            self._refuse(error.problems if isinstance(error, Problems) else [error])
            return
        except Exception as error:
            # A file that we stumble over must not end the watch either.
            self._refuse([MonitorError("reload", f"the files cannot be read ({reason_of(error)})")])
            return
        before, self._in_force = self._in_force, found
        self._use(found)
        self._say(f"reloaded: {len(found.engine.rules)} rules in force")
        if later := [key for key in FIXED if getattr(found.config, key) != getattr(before.config, key)]:
            self._say(f"{found.config.path}: {', '.join(later)}: changed; in force from the next start")
        self._mend()

    def _refuse(self, problems: Sequence[MonitorError]) -> None:
        for problem in problems:
            self._say(str(problem))
        self._say("not reloaded: the previous rules and watch file stay in force")
        if self._failed is None:
            self._failed = reload_failed(problems, self._clock.wall())
            self._committer.add([self._failed])

    def _mend(self) -> None:
        if self._failed is not None:
            reason = "the rules and the watch file have been read and are in force"
            self._committer.add([self._failed.ended(State.RESOLVED, self._clock.wall(), reason)])
            self._failed = None
