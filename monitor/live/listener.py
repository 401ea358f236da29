"""What a watch tells the terminal; every method does nothing by default."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.alert import Alert
from monitor.reader.event import Event
from monitor.snapshot import Snapshot
from monitor.tail import Notice


class LogListener:
    """Is told what happens to one log."""

    def on_event(self, event: Event) -> None:
        """Called for each line that was read by itself."""

    def on_alerts(self, alerts: list[Alert]) -> None:
        """Called with at least one transition of an alert."""

    def on_notice(self, notice: Notice) -> None:
        """Called when something happened to the log file rather than the run: rotated, truncated, gone."""

    def on_history(self, alerts: Sequence[Alert], summary: Alert) -> None:
        """Called with the transitions from before the watch, oldest first, and the one alert that sums them up."""

    def on_caught_up(self) -> None:
        """Called once all output from before the watch has been told; what follows is live."""

    def on_abandoned(self, age_s: float) -> None:
        """Called if the log has no end line and was last written long ago, so that its silence is not judged."""


class Listener(LogListener):
    """Is told what happens to the watch."""

    def on_trouble(self, text: str) -> None:
        """Called with a problem of the watch itself: its state cannot be written, a receiver does not answer."""

    def on_report_due(self, snapshot: Snapshot) -> None:
        """Called when a log's status page should be renewed."""

    def on_turn(self) -> None:
        """Called after each turn, at least every POLL_S."""
