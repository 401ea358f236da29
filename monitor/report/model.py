"""A status page as plain data: built from a snapshot, rendered by a template.

Each section has its records in its own file. Text is raw; the renderer escapes it for its format. A number that was
never logged is None.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.base.evidence import Evidence
from monitor.report.chart import Chart
from monitor.report.sections.actions import ActionList
from monitor.report.sections.commands import Commands
from monitor.report.sections.comparison import Comparison
from monitor.report.sections.epochs import EpochTable, ValidationMetrics
from monitor.report.sections.expected import Expectations
from monitor.report.sections.footer import Footer
from monitor.report.sections.gradients import GradientFlow
from monitor.report.sections.objectives import Objective
from monitor.report.sections.timeline import Alerts
from monitor.report.sections.warning_signs import Sign
from monitor.report.statement import Mark, Statement
from monitor.report.summary import Summary


@dataclass(frozen=True)
class Reference:
    """Further reading."""

    title: str
    text: str


@dataclass(frozen=True)
class Section:
    """A part of the page without a layout of its own: a title and statements."""

    key: str
    """Its name in the JSON."""
    title: str
    statements: tuple[Statement, ...]
    """If empty, the page leaves the section out."""


@dataclass(frozen=True)
class Page:
    """One status page."""

    title: str
    log: str
    summary: Summary
    header: tuple[Statement, ...]
    objectives: tuple[Objective, ...]
    process: tuple[Statement, ...]
    gpu: tuple[Statement, ...]
    gradients: GradientFlow
    data: tuple[Statement, ...]
    targets: tuple[Statement, ...]
    progress: tuple[Statement, ...]
    epochs: EpochTable
    metrics: ValidationMetrics
    settings: tuple[Statement, ...]
    signs: tuple[Sign, ...]
    alerts: Alerts
    commands: tuple[Commands, ...]
    footer: Footer
    comparison: Comparison
    expected: Expectations
    trends: tuple[Statement, ...] = ()
    """How the figures go, in words."""
    actions: tuple[ActionList, ...] = ()
    """Next actions, by time group."""
    silences: tuple[Statement, ...] = ()
    """Alerts that a person has silenced."""
    sections: tuple[Section, ...] = ()
    """In the JSON each is a key of the page; a template can write ``page.KEY`` as well."""
    notes: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    charts: tuple[Chart, ...] = ()

    def __getattr__(self, key: str) -> tuple[Statement, ...]:
        sections: tuple[Section, ...] = self.__dict__.get("sections", ())
        for section in sections:
            if section.key == key:
                return section.statements
        raise AttributeError(key)

    @property
    def contents(self) -> frozenset[str]:
        """The parts for which the log, or the watch file, has anything to show."""
        parts: dict[str, object] = {
            "process": _shown(self.process),
            "GPU": _shown(self.gpu),
            "gradients": self.gradients.groups or _shown(self.gradients.encoder),
            "data": _shown(self.data),
            "targets": _shown(self.targets),
            "epochs": self.epochs.rows,
            "metrics": self.metrics.horizons or _shown(self.metrics.overall),
            "comparison": self.comparison.rows,
            "settings": self.settings,
            "expected": self.expected.pace or self.expected.stages or self.expected.bands,
            "alerts": self.alerts.timeline,
        }
        return frozenset(name for name, found in parts.items() if found)

    def is_of_log(self, line: Evidence) -> bool:
        """Whether a line is from the page's own log, by its full path or by the path that the watch was given."""
        return line.path == self.log or self.log.endswith(f"/{line.path}")


def _shown(statements: tuple[Statement, ...]) -> bool:
    return any(each.evidence and each.mark is not Mark.NOT_APPLICABLE for each in statements)
