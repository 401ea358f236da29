"""Checks of a panel before a run relies on it: a panel and how to split it in, named problems out.

Interface:
    report = check_panel(panel, SplitSettings())     # -> PanelReport; the facts of DATA and DATA-CHECK lines
    report.raise_if_refused()                        # PanelError with every reason to refuse
    check_source(panel)                              # in `file_checks`: worth repeating each epoch

A problem is a refusal if it would make the numbers of a run wrong, and a warning otherwise.
"""

from dataclasses import dataclass

import numpy as np

from trainer.panel.file_checks import row_problems, source_problems, value_problems
from trainer.panel.label_checks import label_problems
from trainer.panel.moments import feature_moments
from trainer.panel.move_checks import move_problems, outlier_problems
from trainer.panel.panel import Panel, PanelError
from trainer.panel.problem import Consequence, PanelProblem
from trainer.panel.samples import RowAccount, account_rows, choose_samples
from trainer.panel.splits import DateRange, Splits, SplitSettings, split_dates
from trainer.panel.training_checks import dead_problems, leak_problems, part_problems


@dataclass(frozen=True)
class PanelReport:
    """What the checks found."""

    problems: tuple[PanelProblem, ...]
    splits: Splits | None
    """None when the dates cannot be split as requested; a problem has the reason."""
    rows: RowAccount | None
    """What happened to every row of the file; None without splits."""
    features_dead: tuple[str, ...]
    """Features that are constant or have no finite value on the dates that training reads."""
    nonfinite_share: float
    """Share of null, nan and infinite values among the features of all rows in the panel."""
    label_coverage: tuple[tuple[int, float], ...]
    """Per horizon: share of the panel's rows that have a label."""

    @property
    def is_refused(self) -> bool:
        """Whether a run must not start on this panel."""
        return any(problem.consequence is Consequence.REFUSE for problem in self.problems)

    def raise_if_refused(self) -> None:
        """Raise PanelError with one line per refusal."""
        reasons = [problem.message for problem in self.problems if problem.consequence is Consequence.REFUSE]
        if reasons:
            raise PanelError("\n".join(reasons))


def check_panel(panel: Panel, settings: SplitSettings, *, max_missing_days: int = 0) -> PanelReport:
    """Check a loaded panel, given how its dates would be split."""
    problems = [*row_problems(panel), *value_problems(panel), *source_problems(panel)]
    problems += [*move_problems(panel), *outlier_problems(panel), *label_problems(panel)]
    train = DateRange(0, len(panel.dates), label_stop=len(panel.dates))
    splits, rows = None, None
    try:
        splits = split_dates(panel.dates, settings, horizons=panel.horizons)
    except PanelError as error:
        problems.append(PanelProblem(Consequence.REFUSE, "empty_split", f"{panel.source}: {error}", len(panel.dates)))
    if splits is not None:
        train = splits.train
        parts = {"train": splits.train, "valid": splits.valid, "test": splits.test}
        samples = {
            name: choose_samples(panel, part, window_days=settings.window_days, max_missing_days=max_missing_days)
            for name, part in parts.items()
        }
        rows = account_rows(panel, samples)
        for name, part in parts.items():
            if len(part):
                problems += part_problems(panel, name, part, samples[name])
    moments = feature_moments(panel, train.stop)
    dead = tuple(panel.feature_names[feature] for feature in np.flatnonzero(moments.is_dead_F))
    problems += [*dead_problems(panel, dead), *leak_problems(panel, train, moments)]
    placed = max(int(panel.present_CD.sum()), 1)
    num_labels_H = np.isfinite(panel.targets_DCH).sum(axis=(0, 1))
    return PanelReport(
        problems=tuple(sorted(problems, key=lambda problem: problem.consequence is Consequence.WARN)),
        splits=splits,
        rows=rows,
        features_dead=dead,
        nonfinite_share=sum(panel.facts.non_finite_features) / (placed * len(panel.feature_names)),
        label_coverage=tuple(zip(panel.horizons, (num_labels_H / placed).tolist(), strict=True)),
    )
