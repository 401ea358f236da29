"""The alert LineNotJudged: a line that could not be judged, because of a mistake of ours; it stops nothing."""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import Path

from monitor.alert import Alert, State
from monitor.base.evidence import Evidence
from monitor.engine.monitor_alert import monitor_alert
from monitor.run.run import Run

RULE = "LineNotJudged"
MOST_TOLD = 3
"""Most alerts of one run; further lines are only counted. Chosen by hand, 2026-11."""


def line_not_judged(run: Run, line: Evidence, error: Exception, at: float | None) -> Alert:
    """Return the alert for a line that raised an error."""
    why = reason_of(error)
    return monitor_alert(
        RULE,
        (run.id, run.attempt.number, line.line, line.text),
        run,
        at,
        summary=f"line {line.line:,} could not be judged ({why}); it is left out",
        action="Report this line as a fault of the monitor. Later lines are judged again, without this one.",
        reason=why,
        evidence=(line,),
    )


def judged_again(alert: Alert, at: float | None) -> Alert:
    """Return the end of such an alert: a later line was judged."""
    return replace(alert, state=State.CLOSED, at=at, ends_at=at, reason="later lines are judged; this one is not")


def reason_of(error: Exception) -> str:
    """Return an error of ours in a few words, with the place that raised it."""
    place = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
    where = f" in {Path(place.filename).name}:{place.lineno}" if place else ""
    return f"{type(error).__name__}: {str(error)[:200]}{where}"
