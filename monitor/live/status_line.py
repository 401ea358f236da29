"""The state of a watch as the one line that a supervisor shows."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.alert import State
from monitor.live.follower import Follower
from monitor.run.attempt import Status


def status_line(followers: Sequence[Follower]) -> str:
    """Return where the run is, or how many of several runs are running, and how many alerts fire.

    Text from the log is not escaped.
    """
    firing = sum(_num_firing(each) for each in followers)
    alerts = "nothing fires" if not firing else f"{firing} alert{'s' if firing > 1 else ''} firing"
    if not followers:
        return "no log yet"
    if len(followers) > 1:
        running = sum(each.pipeline.run.status is Status.RUNNING for each in followers)
        return f"{len(followers)} logs, {running} still running; {alerts}"
    run = followers[0].pipeline.run
    if run.status is Status.WAITING:
        return f"waiting for the first line of {followers[0].log}"
    attempt = run.attempt
    planned = f"/{attempt.epochs_planned}" if attempt.epochs_planned else ""
    return f"{run.id}: {run.status.value}, epoch {attempt.epoch}{planned}, {run.step_word} {attempt.step}; {alerts}"


def _num_firing(follower: Follower) -> int:
    """Return the number of a log's firing alerts that no other alert explains."""
    open_now = follower.pipeline.states.open.values()
    return sum(alert.state is State.FIRING and not alert.inhibited_by for alert in open_now)
