"""A watch with a state continues where it was killed; no alert is sent twice, and none is left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.alert import Alert
from monitor.base.errors import SinkError
from monitor.rules import Rule
from tests.cli.logs import EPOCH_1, START_LINE, TROUBLED
from tests.cli.watching import SHIPPED
from tests.lines import START, at, train
from tests.tail.kept import Kept

TRAINING = [START_LINE, at(10, train(1))]
HOUR_S = 3600.0


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """Return a watch with a state that is not started, of a log that does not exist."""
    made = Kept(tmp_path, rules=named("TrainingStall", "TrainLossNonfinite", "ExcessiveResets", "RunFailed"))
    yield made
    if made.is_running:
        made.kill()


def named(*names: str) -> list[Rule]:
    return [rule for rule in SHIPPED if rule.alert in names]


def story(alerts: list[Alert]) -> list[tuple[str, str, float | None]]:
    """Return what was sent: rule, state, seconds after `START`."""
    return [(each.rule, each.state.value, None if each.at is None else each.at - START) for each in alerts]


# ---- killed and started again


@pytest.mark.parametrize("lines_between", [1, 2, 5, 11])
def test_kills_between_lines_change_no_alert(kept: Kept, tmp_path: Path, lines_between: int) -> None:
    kept.start()
    for begin in range(0, len(TROUBLED), lines_between):
        kept.turn(TROUBLED[begin : begin + lines_between])
        kept.restart()
    kept.turn()
    (tmp_path / "other").mkdir()
    other = Kept(tmp_path / "other", rules=kept.rules)
    other.start()
    other.turn(TROUBLED)
    other.kill()
    assert len(other.inbox.alerts) > 3
    assert [(each.id, each.state, each.at) for each in kept.inbox.alerts] == [
        (each.id, each.state, each.at) for each in other.inbox.alerts
    ]
    assert (kept.pipeline.run.lines, kept.pipeline.fired) == (other.pipeline.run.lines, other.pipeline.fired)


def test_a_kill_in_the_middle_of_a_line_counts_it_once(kept: Kept) -> None:
    kept.start()
    kept.turn(TRAINING)
    line = at(20, train(2, loss=float("nan")))
    kept.turn(line[:40], after_s=5)
    kept.restart()
    kept.turn(line[40:] + b"\n")
    assert (kept.pipeline.run.lines, story(kept.inbox.alerts)) == (3, [("TrainLossNonfinite", "firing", 20)])


def test_alerts_from_an_unwatched_time_are_sent_one_by_one(kept: Kept) -> None:
    kept.tells_history = False
    kept.start()
    kept.turn(TRAINING)
    kept.kill()
    kept.write([at(20, train(2, loss=float("nan")))])
    kept.start()
    kept.turn()
    assert story(kept.inbox.alerts) == [("TrainLossNonfinite", "firing", 20)]


def test_a_silence_continues_while_the_watch_is_down(kept: Kept) -> None:
    kept.start()
    kept.turn(TRAINING)
    kept.turn(after_s=100)
    kept.restart(after_s=150)
    kept.turn()
    assert story(kept.inbox.alerts) == []
    kept.turn(after_s=51)
    assert story(kept.inbox.alerts) == [("TrainingStall", "firing", 310)]


def test_a_stall_while_the_watch_was_down_has_its_own_time(kept: Kept) -> None:
    """However long it was: the watch had begun before, so this log is not abandoned."""
    kept.start()
    kept.turn(TRAINING)
    kept.restart(after_s=9 * HOUR_S)
    kept.turn()
    assert (story(kept.inbox.alerts), kept.heard.abandoned) == ([("TrainingStall", "firing", 310)], [])


def test_a_stall_is_sent_once(kept: Kept) -> None:
    kept.start()
    kept.turn(TRAINING)
    kept.turn(after_s=301)
    for _ in range(3):
        kept.restart(after_s=500)
        kept.turn()
    kept.turn([at(3_000, train(2))])
    assert story(kept.inbox.alerts) == [("TrainingStall", "firing", 310), ("TrainingStall", "resolved", 3_000)]


def test_the_alert_of_a_rule_removed_before_a_restart_is_closed(kept: Kept) -> None:
    kept.start()
    kept.turn([*TRAINING, at(20, train(2, loss=float("nan")))])
    kept.rules = named("TrainingStall")
    kept.restart()
    kept.turn()
    kept.restart()
    kept.turn([at(30, train(3))])
    assert story(kept.inbox.alerts) == [("TrainLossNonfinite", "firing", 20), ("TrainLossNonfinite", "closed", 20)]


# ---- the outbox


def test_an_alert_for_a_dead_receiver_is_sent_after_the_restart_and_marked_as_resent(kept: Kept) -> None:
    kept.start()
    kept.inbox.error = SinkError("hook", "does not answer", permanent=False)
    kept.turn([*TRAINING, at(20, train(2, loss=float("nan")))])
    assert kept.heard.troubles == ["hook: does not answer"]
    kept.inbox.error = None
    kept.restart()
    kept.turn()
    kept.restart()
    kept.turn()
    [alert] = kept.inbox.alerts
    assert (alert.rule, alert.resent) == ("TrainLossNonfinite", True)


def test_a_dead_receiver_is_tried_again_at_growing_intervals(kept: Kept) -> None:
    kept.start()
    kept.inbox.error = SinkError("hook", "does not answer", permanent=False)
    kept.turn([*TRAINING, at(20, train(2, loss=float("nan")))])
    kept.inbox.error = None
    kept.turn(after_s=0.9)
    assert kept.inbox.alerts == []
    kept.turn(after_s=0.2)
    assert [each.rule for each in kept.inbox.alerts] == ["TrainLossNonfinite"]


def test_a_kill_between_commit_and_delivery_loses_nothing(kept: Kept) -> None:
    class Deadly(Exception):
        pass

    kept.start()
    kept.inbox.error = Deadly()
    with pytest.raises(Deadly):
        kept.turn([*TRAINING, at(20, train(2, loss=float("nan")))])
    kept.inbox.error = None
    kept.restart()
    kept.turn()
    assert [each.rule for each in kept.inbox.alerts] == ["TrainLossNonfinite"]


# ---- the first attach


def test_history_before_the_first_attach_is_sent_as_one_alert(kept: Kept) -> None:
    kept.tells_history = False
    kept.write(TROUBLED[:-1])
    kept.start()
    kept.turn()
    [alert] = kept.inbox.alerts
    assert (alert.rule, alert.severity, alert.state) == ("BeforeThisWatch", "info", "closed")
    assert "alerts fired before this watch began" in alert.summary
    assert len(kept.heard.history) > 3
    kept.turn(TROUBLED[-1:])
    assert kept.inbox.alerts[1].rule == "RunFailed"


def test_a_log_without_alerts_sends_nothing_at_the_first_attach(kept: Kept) -> None:
    kept.tells_history = False
    kept.write(EPOCH_1)
    kept.start()
    kept.turn()
    assert (kept.inbox.alerts, kept.heard.history) == ([], [])


def test_a_killed_first_attach_still_sends_its_history_as_one_alert(kept: Kept) -> None:
    kept.tells_history, kept.poll_bytes = False, 500
    kept.write(TROUBLED[:-1])
    kept.start()
    for _ in range(5):
        kept.turn(after_s=2)
        kept.restart()
    kept.turn()
    while kept.tail.is_behind:
        kept.turn()
    assert [alert.rule for alert in kept.inbox.alerts] == ["BeforeThisWatch"]


def test_all_of_the_history_is_sent_if_asked_for(kept: Kept) -> None:
    kept.write(TROUBLED)
    kept.start()
    kept.turn()
    assert story(kept.inbox.alerts) == story(kept.heard.alerts)
    assert len(kept.inbox.alerts) > 3


def test_a_watch_that_ends_tries_a_dead_receiver_once_more(kept: Kept) -> None:
    kept.start()
    kept.inbox.error = SinkError("hook", "does not answer", permanent=False)
    kept.turn([*TRAINING, at(20, train(2, loss=float("nan")))])
    kept.inbox.error = None
    kept.end()
    assert [each.rule for each in kept.inbox.alerts] == ["TrainLossNonfinite"]


def test_a_permanent_refusal_is_reported_and_does_not_delay_later_alerts(kept: Kept) -> None:
    kept.start()
    kept.inbox.error = SinkError("hook", "no such channel", permanent=True)
    kept.turn([*TRAINING, at(20, train(2, loss=float("nan")))])
    kept.inbox.error = None
    kept.turn([at(30, train(3))])
    assert kept.heard.troubles == ["hook: no such channel"]
    assert story(kept.inbox.alerts) == [("TrainLossNonfinite", "resolved", 30)]


def test_an_alert_for_a_removed_receiver_is_dropped_and_reported(kept: Kept) -> None:
    kept.start()
    kept.inbox.error = SinkError("hook", "does not answer", permanent=False)
    kept.turn([*TRAINING, at(20, train(2, loss=float("nan")))])
    kept.kill()
    kept.sinks = {}
    kept.start()
    kept.turn()
    kept.restart()
    kept.turn()
    assert [trouble for trouble in kept.heard.troubles if "dropped" in trouble] == [
        "dropped 1 alerts for receivers that are no longer named"
    ]


# ---- how often it is written


def journal(kept: Kept) -> bytes:
    """Return what has been written since the state was opened."""
    return (kept.state / "state.db-wal").read_bytes()


def test_a_quiet_log_is_not_committed_again(kept: Kept) -> None:
    kept.start()
    kept.turn(TRAINING)
    kept.turn(after_s=5)
    before = journal(kept)
    for _ in range(250):
        kept.turn(after_s=1)
    assert journal(kept) == before


def test_lines_that_change_no_alert_are_committed_once_a_second(kept: Kept) -> None:
    kept.start()
    kept.turn(TRAINING)
    sizes = []
    for step in range(30):
        kept.turn([at(20 + step / 10, train(2 + step))], after_s=0.125)
        sizes.append(journal(kept))
    assert len(set(sizes)) - 1 == 3


def test_an_alert_is_committed_at_once(kept: Kept) -> None:
    kept.start()
    kept.turn(TRAINING)
    kept.turn([at(20, train(2, loss=float("nan")))], after_s=0.1)
    kept.restart()
    assert kept.pipeline.run.lines == 3
    assert [each.rule for each in kept.inbox.alerts] == ["TrainLossNonfinite"]
