"""One summary: page, `check`, `status`, live view and alerts say the same of a log, in the same words and counts."""

from __future__ import annotations

import json
import re
from collections import deque
from html import unescape
from pathlib import Path

import pytest

from monitor import api
from monitor.alert import Alert
from monitor.base.escape import redact, unmarked
from monitor.cli.status import first_screen
from monitor.config import Config
from monitor.pipeline import Pipeline
from monitor.replay import replay
from monitor.report.build import build
from monitor.report.html import render_html
from monitor.report.markdown import render_markdown
from monitor.report.summary import Summary, summary_of
from monitor.store.saved import Saved
from monitor.store.store import Seen
from monitor.terminal.lines import summary_lines
from monitor.terminal.screen import Scene, render
from tests.reader.facts import CASES
from tests.reader.logs import LOGS
from tests.report.test_summary import CASES as FAULTS

MANIFEST = CASES / "manifest.jsonl"
SHARED = [json.loads(line)["name"] for line in MANIFEST.read_text().splitlines()] if MANIFEST.is_file() else []


def assert_one_summary(log: Path) -> Summary:
    """Assert that every surface shows the same summary of a log, and return it."""
    pipeline = Pipeline(str(log), api.Settings().engine())
    alerts = replay(pipeline)
    snapshot = pipeline.snapshot(pipeline.run.now, is_following=False)
    summary = summary_of(snapshot)
    head, checked = unmarked(redact(summary.head)), summary.checked

    check = summary_lines(snapshot)
    assert head in check[0].replace("\\\\", "\\")
    assert sum(line.startswith(("  🔴 ", "  🟠 ", "  🟢 ")) for line in check) == len(summary.problems)

    page = build(snapshot, Config())
    assert (page.summary, page.footer.status) == (summary, summary.state)
    for full in (False, True):
        for text in (render_markdown(page, full=full), unescape(re.sub("<[^>]*>", "", render_html(page, full=full)))):
            top = text.partition("Checked")[0]
            assert plain(summary.counted) in plain(top)
            assert plain(summary.state) in plain(top)
            assert plain(checked) in plain(text)

    saved = Saved(
        run=pipeline.run,
        states=pipeline.states,
        history=deque(pipeline.history),
        fired=pipeline.fired,
        committed_at=0.0,
    )
    assert first_screen(Seen(str(log), saved, 0), is_watched=False).lines == summary.lines

    picture = render(Scene(snapshot), 400, 400)
    state = summary.state.partition(" (")[0]
    assert plain(state.upper()) in plain(picture[0].plain) or not pipeline.run.lines
    if summary.problems:
        assert summary.counted in picture[0].plain
    told = [row.plain for row in picture if re.match(r"[^│]*│? (?:❌|⚠ ) ", row.plain)]
    for problem in summary.problems:
        assert any(f" {problem.rule}{' (over)' if problem.is_over else ''}: " in row for row in told), problem.rule

    assert_alerts_are_problems(alerts, summary)
    return summary


def assert_alerts_are_problems(alerts: list[Alert], summary: Summary) -> None:
    """Assert that each problem was told by an alert, and each alert that pages is a problem or an effect of one."""
    paged = {alert.rule for alert in alerts if alert.severity.is_alarming and not alert.inhibited_by}
    named = {problem.rule for problem in summary.problems}
    assert named <= paged
    assert paged <= named | {rule for problem in summary.problems for rule in problem.effects}


def plain(text: str) -> str:
    """Return the letters and figures of a text: escapes differ between surfaces."""
    return re.sub(r"[^0-9a-z]", "", text.lower())


@pytest.mark.parametrize("name", FAULTS)
def test_every_surface_says_the_same_of_a_fault(name: str, tmp_path: Path):
    log = tmp_path / "train.log"
    log.write_text("\n".join(FAULTS[name][0]) + "\n")
    assert assert_one_summary(log).problems


@pytest.mark.parametrize("number", range(0, len(LOGS), 9))
def test_every_surface_says_the_same_of_other_trainers_logs(number: int, tmp_path: Path):
    log = tmp_path / "train.log"
    log.write_text(LOGS[number].text)
    assert_one_summary(log)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARED)
def test_every_surface_says_the_same_of_the_shared_logs(name: str):
    assert_one_summary(CASES / f"{name}.log")
