"""The alert AlertsLeftOut: a rule fired so often in one log that its further alerts are only counted."""

from __future__ import annotations

from monitor.alert import Alert
from monitor.engine.monitor_alert import monitor_alert
from monitor.rules import Rule
from monitor.run.run import Run

RULE = "AlertsLeftOut"
MOST_FIRED = 1_024
"""Most alerts of one rule in one log: as many as series are kept, so that each of them can have one. A log that opens
more has a fault in its writer, such as a run that is begun anew in each line. Chosen by hand, 2026-11."""


def alerts_left_out(run: Run, rule: Rule, at: float | None) -> Alert:
    """Return the alert that a rule's further alerts are left out."""
    return monitor_alert(
        RULE,
        (run.log, run.generation, rule.alert),
        run,
        at,
        summary=f"{rule.alert} fired {MOST_FIRED:,} times in this log; its further alerts are counted, and not told",
        action="Look at the log itself: what fires so often is not news any longer. Other rules are judged as before.",
        reason=f"{MOST_FIRED:,} alerts of one rule",
        evidence=(run.last,) if run.last else (),
        labels=(("rule", rule.alert),),
    )
