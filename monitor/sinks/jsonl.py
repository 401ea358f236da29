"""``jsonl:PATH``: every transition as one JSON object per line, appended; the same objects as ``replay --json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from monitor.alerts import Alert
from monitor.errors import SinkError


class JsonLines:
    """A file that grows by one line per transition."""

    def __init__(self, path: Path) -> None:
        """Check now that the file can be written, rather than at the first alert."""
        self._path = path
        self._append("")

    def send(self, alerts: Sequence[Alert]) -> None:
        """Append the alerts in one write."""
        self._append("".join(f"{json_line(alert)}\n" for alert in alerts))

    def _append(self, text: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            what = f"cannot be written ({error.strerror})"
            raise SinkError(str(self._path), what, expected="a file to append to", permanent=False) from None


def json_line(alert: Alert) -> str:
    """Return an alert as one line of strict JSON; lone surrogates of a broken text are escaped."""
    return json.dumps(alert.to_json(), ensure_ascii=True, allow_nan=False)
