"""The head of the view: the run, its verdict, its progress, and how far we are behind."""

from __future__ import annotations

from pathlib import PurePath
from typing import NamedTuple

from rich.text import Text

from monitor.alert import Severity
from monitor.base.wording import span
from monitor.grammar import Train
from monitor.report.sections.header import planned_epochs
from monitor.report.sections.progress import remaining
from monitor.report.statement import Mark
from monitor.report.summary import Summary
from monitor.run.attempt import Attempt, Status
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
    state, brace, cause = head.status.partition(" (")
    line = Text.assemble((" ", ""), foreign(state.upper(), "bold"), " ", (f" {head.verdict} ", head.style), " ")
    line.append_text(foreign(snapshot.run.id or PurePath(snapshot.log).name, "bold"))
    if snapshot.run.past:
        line.append(f" attempt {snapshot.run.attempt.number}", "yellow")
    if cause:
        line.append_text(foreign(f"{brace}{cause}", "bold red"))
    log = foreign(snapshot.log, "bright_black")
    room = width - line.cell_len - 2
    if log.cell_len > room:
        log = foreign(PurePath(snapshot.log).name, "bright_black")
    if log.cell_len <= room:
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
    is_in_epoch = attempt.ended is None and not (planned and attempt.epoch > planned[0])
    if is_in_epoch:
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
    elif train is None or not train[0].batch.whole:
        rows.append(Text(" epoch no TRAIN line yet", "bright_black"))
    else:
        batch = train[0].batch
        is_present = train[0].epoch.part == attempt.epoch
        share = min(1.0, batch.part / batch.whole) if is_present else 0.0
        words = f"batch {batch.part if is_present else 0:,}/{batch.whole:,} {100 * share:.0f} %"
        rest = f"{span(left.this_epoch_s)} left" if left and snapshot.is_following else ""
        rows.append(_bar_row("epoch", share, words, rest, width))
    if planned is None or planned[0] <= 0:
        rows.append(Text(" run   no plan seen", "bright_black"))
    else:
        done = min(1.0, (attempt.epochs_done + share) / planned[0])
        words = f"epochs {attempt.epochs_done:,}/{planned[0]:,} {100 * done:.0f} %"
        left_words = _time_left(snapshot)
        rows.append(_bar_row("run", done, words, f"ETA {left_words}" if left_words else "ETA –", width))
    return rows


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
