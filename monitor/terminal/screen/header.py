"""The head of the view: the run, its verdict, its progress, and how far we are behind."""

from __future__ import annotations

from pathlib import PurePath
from typing import NamedTuple

from rich.text import Text

from monitor.alert import Severity
from monitor.base.wording import log_name, span
from monitor.grammar import RunStart, Train
from monitor.report.sections.header import planned_epochs
from monitor.report.sections.progress import remaining
from monitor.report.statement import Mark
from monitor.report.summary import Summary
from monitor.run.attempt import Attempt, Status
from monitor.run.last_values import last_values
from monitor.snapshot import Snapshot
from monitor.terminal.screen.scene import Scene
from monitor.terminal.screen.text import bar, foreign, size, time_of_day

BAR_CELLS = 60
"""Longest progress bar."""

_LOUD = {Severity.CRITICAL: "bold white on red", Severity.WARNING: "bold black on yellow", Severity.INFO: "cyan"}


class Headline(NamedTuple):
    """How the run goes and what is wrong, in few words, and their colour."""

    status: str
    verdict: str
    style: str


def headline(summary: Summary, *, is_waiting: bool) -> Headline:
    """Return state and count of problems; green only where the first screen is."""
    if is_waiting:
        return Headline("waiting", "no line yet", "bright_black")
    if not summary.problems:
        green = Headline(summary.state, "all ok", "bold black on green")
        return green if summary.mark is Mark.OK else Headline(summary.state, summary.counted, "bold yellow")
    worst = max((Severity(each.severity) for each in summary.problems), key=lambda severity: severity.rank)
    return Headline(summary.state, summary.counted, _LOUD[worst])


def header(scene: Scene, summary: Summary, width: int, *, is_short: bool) -> list[Text]:
    """Return five rows, or two if it must be short."""
    snapshot = scene.snapshot
    attempt = snapshot.run.attempt
    is_waiting = snapshot.run.status is Status.WAITING
    rows = [_title(snapshot, headline(summary, is_waiting=is_waiting), width)]
    if is_short:
        return [*rows, _place(scene, width)]
    return [*rows, _place(scene, width), *_bars(snapshot, attempt, width), _reading(scene)]


def _title(snapshot: Snapshot, head: Headline, width: int) -> Text:
    attempt = snapshot.run.attempt
    state, brace, cause = head.status.partition(" (")
    line = Text.assemble((" ", ""), foreign(state.upper(), "bold"), " ", (f" {head.verdict} ", head.style), " ")
    is_named = snapshot.run.id is not None and attempt.stated(RunStart) is not None
    name = snapshot.run.id if is_named and snapshot.run.id else log_name(snapshot.log)
    line.append_text(foreign(name, "bold"))
    if snapshot.run.past:
        line.append(f" attempt {snapshot.run.attempt.number}", "yellow")
    if cause:
        line.append_text(foreign(f"{brace}{cause}", "bold red"))
    log = foreign(snapshot.log, "bright_black")
    room = width - line.cell_len - 2
    if log.cell_len > room:
        log = foreign(PurePath(snapshot.log).name, "bright_black")
    if log.cell_len <= room and log.plain != line.plain[-log.cell_len :]:
        line.append(" " * (width - line.cell_len - log.cell_len))
        line.append_text(log)
    return line


def _place(scene: Scene, width: int) -> Text:
    """Return the phase, and the moment of the run."""
    snapshot, attempt = scene.snapshot, scene.snapshot.run.attempt
    if snapshot.run.last is None:
        return Text(" waiting for the first line", "bright_black")
    line = Text(" ")
    line.append_text(foreign(attempt.phase, "bold cyan"))
    if attempt.announced_phase is None:
        line.append(" (inferred)", "bright_black")
    is_narrow = width < 60
    if attempt.phase_since is not None and snapshot.now is not None and attempt.ended is None and not is_narrow:
        line.append(f" for {span(snapshot.now - attempt.phase_since)}")
    planned = planned_epochs(attempt)
    of = f"/{planned[0]}" if planned else ""
    has_epochs = bool(planned or attempt.epochs_done or attempt.stated(Train) is None)
    is_in_epoch = attempt.ended is None and not (planned and attempt.epoch > planned[0])
    if not has_epochs and attempt.epoch <= 1:
        pass  # a trainer that counts steps only
    elif is_in_epoch:
        line.append(f" · {attempt.epoch}{of}" if is_narrow and of else f" · epoch {attempt.epoch}{of}")
    else:
        line.append(f" · {attempt.epochs_done}{of} epochs done")
    line.append(" · no step yet" if attempt.step is None else f" · {snapshot.run.step_word} {attempt.step:,}")
    if is_narrow and (left := _time_left(snapshot)):
        line.append(f" · ETA {' '.join(left.split()[:2])}")
    return line


def _bars(snapshot: Snapshot, attempt: Attempt, width: int) -> list[Text]:
    """Draw the progress of the present epoch and of the run, or tell that there are no figures."""
    train, planned = attempt.stated(Train), planned_epochs(attempt)
    left = None if attempt.ended else remaining(attempt)
    rows = []
    share = 0.0
    if attempt.ended is not None:
        pass  # no epoch is under way
    elif train is not None and train[0].batch.whole:
        batch = train[0].batch
        is_present = train[0].epoch.part == attempt.epoch
        share = min(1.0, batch.part / batch.whole) if is_present else 0.0
        words = f"batch {batch.part if is_present else 0:,}/{batch.whole:,} {100 * share:.0f} %"
        rest = f"{span(left.this_epoch_s)} left" if left and snapshot.is_following else ""
        rows.append(_bar_row("epoch", share, words, rest, width))
    if planned is None or planned[0] <= 0:
        rows.append(_by_steps(snapshot, width))
    else:
        done = min(1.0, (attempt.epochs_done + share) / planned[0])
        words = f"epochs {attempt.epochs_done:,}/{planned[0]:,} {100 * done:.0f} %"
        left_words = _time_left(snapshot)
        rows.append(_bar_row("run", done, words, f"ETA {left_words}" if left_words else "ETA –", width))
    return rows


def _by_steps(snapshot: Snapshot, width: int) -> Text:
    """Draw the progress of a run that plans steps, not epochs; or tell that it plans nothing."""
    values, attempt = last_values(snapshot.run), snapshot.run.attempt
    if not values.steps or values.step is None:
        return Text(" run   no plan seen", "bright_black")
    share = min(1.0, values.step / values.steps)
    left = ""
    if attempt.ended is None and snapshot.is_following and (pace_s := _seconds_per_step(attempt)) is not None:
        left = f"ETA {span(max(0, values.steps - values.step) * pace_s)}"
    return _bar_row("run", share, f"step {values.step:,}/{values.steps:,} {100 * share:.0f} %", left, width)


def _seconds_per_step(attempt: Attempt) -> float | None:
    """Return the time of a step over the newest reports of a loss; None where they have no times or no steps."""
    series = attempt.of("train.loss").get(())
    if series is None:
        return None
    known = [(point.step, point.at) for point in series.recent if point.step is not None and point.at is not None]
    if not known:
        return None
    (first, began), (last, ended) = known[0], known[-1]
    return (ended - began) / (last - first) if last > first and ended > began else None


def _time_left(snapshot: Snapshot) -> str:
    """Return the time left in words; empty where it is unknown, or none is left."""
    if snapshot.run.attempt.ended is not None or not snapshot.is_following:
        return ""
    left = remaining(snapshot.run.attempt)
    return "" if left is None else span(left.seconds)


def _bar_row(name: str, share: float, words: str, rest: str, width: int) -> Text:
    tail = f" {words}" + (f" · {rest}" if rest else "")
    return Text.assemble(f" {name:<5} ", bar(share, max(0, min(BAR_CELLS, width - 7 - len(tail)))), tail)


def _reading(scene: Scene) -> Text:
    """Return how far the log is read: the age of the newest bytes, and what is not read yet."""
    snapshot, run = scene.snapshot, scene.snapshot.run
    words: list[tuple[str, str]] = []
    if scene.is_behind:
        words.append((f"catching up, at {time_of_day(run.now)}", "bold yellow"))
    elif snapshot.now is not None and run.heard_at is not None and snapshot.is_following and run.attempt.ended is None:
        silent_s = snapshot.now - run.heard_at
        words.append((f"last byte {span(silent_s)} ago", "yellow" if silent_s >= 60 else ""))
    elif run.lines and run.attempt.ended is None:
        words.append(("last byte long ago; silence is not judged", "yellow"))
    words.append((f"{size(scene.bytes_behind)} behind", "bold yellow" if scene.bytes_behind else ""))
    share = f", {100 * run.understood / run.lines:.0f} % understood" if run.lines else ""
    words.append((f"{run.lines:,} lines{share}", ""))
    if scene.lost_bytes:
        words.append((f"{size(scene.lost_bytes)} lost", "bold red"))
    if scene.polling:
        words.append(("no file events: polling", "yellow"))
    line = Text(" ")
    for number, (text, style) in enumerate(words):
        line.append(" · " if number else "", "bright_black").append(text, style or "bright_black")
    return line
