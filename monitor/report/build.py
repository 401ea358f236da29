"""Snapshot → page: every section from the same facts and the same verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from monitor.base.wording import log_name
from monitor.conditions.reading import Background
from monitor.config import Config
from monitor.report.judgement import judge
from monitor.report.model import Page, Reference, Section
from monitor.report.sections.actions import actions
from monitor.report.sections.charts import charts
from monitor.report.sections.commands import commands
from monitor.report.sections.comparison import comparison
from monitor.report.sections.data import data_pipeline, target_normalisation
from monitor.report.sections.epochs import epoch_table, metrics
from monitor.report.sections.expected import expected
from monitor.report.sections.footer import footer
from monitor.report.sections.gradients import gradient_flow
from monitor.report.sections.header import header
from monitor.report.sections.machine import gpu, process
from monitor.report.sections.objectives import objectives
from monitor.report.sections.progress import progress
from monitor.report.sections.settings import settings
from monitor.report.sections.timeline import alerts
from monitor.report.sections.trends import trends
from monitor.report.sections.warning_signs import warning_signs
from monitor.report.sections.watch_health import watch_health
from monitor.report.statement import Mark, Statement
from monitor.report.summary import summary_of
from monitor.report.trials import Argv, Trial
from monitor.run.summary import RunSummary
from monitor.snapshot import Snapshot


class PlainSection(NamedTuple):
    """A section of statements, which both templates and the JSON show without knowing it."""

    key: str
    """Its name in the JSON; scripts read it."""
    title: str
    build: Callable[[Snapshot], tuple[Statement, ...]]


PLAIN_SECTIONS = (PlainSection("watch", "The watch itself", watch_health),)
"""Shown at the end of the page, in this order. A new section is a file in `sections/` and a line here."""


def build(
    snapshot: Snapshot,
    config: Config | None = None,
    *,
    title: str | None = None,
    background: Background | None = None,
    offered: RunSummary | None = None,
    trials: Mapping[Argv, Trial] | None = None,
    host: str = "",
    silences: Sequence[Statement] = (),
) -> Page:
    """Return the page for this moment; the same facts give the same page.

    ``background`` has the runs to compare with; where it has no baseline, the page compares with ``offered``.
    ``trials`` are the present results of the page's commands on the
    machine named ``host`` (see `monitor.report.trials`); ``silences`` are alerts that a person has silenced.
    """
    config, background = config or Config(), background or Background()
    verdicts = judge(snapshot)
    summary = summary_of(snapshot, verdicts)
    # What is only offered is compared with on the page; the rules have judged without it.
    told = background if background.baseline or offered is None else replace(background, baseline=offered)
    gradients = gradient_flow(snapshot, verdicts, told)
    aims = objectives(snapshot, verdicts, gradients, config)
    sections = {
        "Process": process(snapshot),
        "GPU": gpu(snapshot),
        "Data pipeline": data_pipeline(snapshot),
        "Target normalisation": target_normalisation(snapshot),
        "Progress": progress(snapshot),
        "Metrics": metrics(snapshot).overall,
        "Settings": settings(snapshot, config),
    }
    return Page(
        title=title or config.title or f"Training Run {_name(snapshot)}",
        log=snapshot.log,
        summary=summary,
        header=header(snapshot),
        objectives=aims,
        process=sections["Process"],
        gpu=sections["GPU"],
        gradients=gradients,
        data=sections["Data pipeline"],
        targets=sections["Target normalisation"],
        progress=sections["Progress"],
        trends=trends(snapshot, told),
        epochs=(epochs := epoch_table(snapshot)),
        charts=charts(snapshot, epochs),
        metrics=metrics(snapshot),
        settings=sections["Settings"],
        signs=warning_signs(snapshot.log, verdicts, config.signs),
        alerts=alerts(snapshot, verdicts),
        commands=commands(snapshot, trials, host),
        footer=footer(
            snapshot,
            summary,
            verdicts,
            aims,
            doubts=[*_marked(sections, Mark.BREACH), *_marked(sections, Mark.CAUTION)],
            unseen=list(_marked(sections, Mark.UNKNOWN)),
        ),
        comparison=comparison(snapshot, config, told, is_offered=told is not background),
        expected=expected(snapshot, config, verdicts),
        actions=actions(snapshot, config, verdicts),
        silences=tuple(silences),
        sections=tuple(Section(each.key, each.title, each.build(snapshot)) for each in PLAIN_SECTIONS),
        notes=config.notes,
        references=tuple(Reference(title, text) for title, text in config.references.items()),
    )


def _name(snapshot: Snapshot) -> str:
    """Return the run's own name; a log without one has its file's name."""
    is_named = snapshot.run.attempt.started is not None
    return (is_named and snapshot.run.id) or log_name(snapshot.log)


def _marked(sections: Mapping[str, Sequence[Statement]], mark: Mark) -> Iterator[Statement]:
    """Yield one statement per section that has statements with this mark."""
    for section, statements in sections.items():
        found = [each for each in statements if each.mark is mark]
        if found:
            words = "; ".join(f"{each.subject}: {each.text}" if each.subject else each.text for each in found)
            lines = tuple(line for each in found for line in each.evidence)
            yield Statement(section, words.rstrip("."), lines, mark)
