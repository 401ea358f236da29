"""The watch itself: how much it has read, and what it could not read."""

from __future__ import annotations

from monitor.report.statement import Mark, Statement
from monitor.snapshot import Snapshot


def watch_health(snapshot: Snapshot) -> tuple[Statement, ...]:
    """Return how the log was read; nothing where no watch has counted."""
    totals = snapshot.totals
    if totals is None:
        return ()
    found = [Statement("Read", f"{totals.bytes_read:,} bytes")]
    if totals.bytes_behind:
        since = f", waiting for up to {totals.seconds_behind:.1f} s" if totals.seconds_behind else ""
        found.append(Statement("Behind", f"{totals.bytes_behind:,} bytes are not read yet{since}", mark=Mark.CAUTION))
    if totals.lost_bytes:
        words = f"{totals.lost_bytes:,} bytes were lost before they were read"
        found.append(Statement("Lost", words, mark=Mark.CAUTION))
    if totals.truncated_lines:
        words = f"{totals.truncated_lines:,} lines were cut: longer than the limit"
        found.append(Statement("Cut", words, mark=Mark.CAUTION))
    if totals.replaced_lines:
        found.append(Statement("Encoding", f"{totals.replaced_lines:,} lines are not valid UTF-8", mark=Mark.CAUTION))
    if totals.generations > 1:
        found.append(Statement("Files", f"the log has been {totals.generations} files so far: rotated or truncated"))
    if totals.polling:
        found.append(Statement("Waking", totals.polling))
    return tuple(found)
