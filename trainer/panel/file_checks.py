"""Checks of a panel's file: the facts of its reading in, problems out."""

import numpy as np

from trainer.panel.panel import CacheUse, Panel
from trainer.panel.problem import Consequence, PanelProblem, some_of


def check_source(panel: Panel) -> PanelProblem | None:
    """Compare the panel's file with what it was when it was read: changed or gone files are refused."""
    try:
        mtime_s = panel.source.stat().st_mtime
    except OSError:
        message = f"{panel.source}: the file is gone since it was read; expected the file of this run, got none"
        return PanelProblem(Consequence.REFUSE, "stale_source", message, 1)
    if mtime_s == panel.source_mtime_s:
        return None
    message = (
        f"{panel.source}: the file changed since it was read; expected modification time "
        f"{_utc(panel.source_mtime_s)}, got {_utc(mtime_s)}"
    )
    return PanelProblem(Consequence.REFUSE, "stale_source", message, 1)


def source_problems(panel: Panel) -> list[PanelProblem]:
    """Report a stale cache, and a file that changed since it was read."""
    problems = []
    if panel.cache in (CacheUse.REBUILT, CacheUse.REPAIRED):
        why = "was made from another content of the file" if panel.cache is CacheUse.REBUILT else "could not be read"
        message = f"{panel.source}: the cache {why}; expected its fingerprint, made the cache anew"
        problems.append(PanelProblem(Consequence.WARN, "stale_cache", message, 1))
    changed = check_source(panel)
    return [*problems, changed] if changed is not None else problems


def row_problems(panel: Panel) -> list[PanelProblem]:
    """Report repeated and unplaceable rows, and columns left out."""
    facts, source, problems = panel.facts, panel.source, []
    if facts.rows_duplicate:
        named = ", ".join(f"{row.date} {row.code} ({row.rows} rows)" for row in facts.duplicates)
        message = f"{source}: {facts.rows_duplicate} rows repeat a (date, code); expected each once, got {named}" + (
            ", ..." if facts.rows_duplicate > sum(row.rows - 1 for row in facts.duplicates) else ""
        )
        dates = tuple(row.date for row in facts.duplicates)
        problems.append(PanelProblem(Consequence.REFUSE, "duplicate_rows", message, facts.rows_duplicate, dates=dates))
    if facts.rows_without_key:
        message = f"{source}: {facts.rows_without_key} rows have no date or no code; expected both, left them out"
        problems.append(PanelProblem(Consequence.WARN, "rows_without_key", message, facts.rows_without_key))
    if facts.ignored_columns:
        message = (
            f"{source}: {len(facts.ignored_columns)} columns are not used; expected numeric features "
            f"not named like a label, got {some_of(facts.ignored_columns)}"
        )
        problems.append(
            PanelProblem(
                Consequence.WARN, "ignored_columns", message, len(facts.ignored_columns), facts.ignored_columns
            )
        )
    return problems


def value_problems(panel: Panel) -> list[PanelProblem]:
    """Report values that are not usable: features, labels, prices, past returns."""
    facts, source, problems = panel.facts, panel.source, []
    counts = {name: n for name, n in zip(panel.feature_names, facts.non_finite_features, strict=True) if n}
    if counts:
        worst = sorted(counts, key=lambda name: -counts[name])
        named = tuple(f"{name} ({counts[name]} rows)" for name in worst)
        message = (
            f"{source}: {sum(counts.values())} feature values in {len(counts)} columns are not finite; "
            f"expected numbers, took the training mean, got {some_of(named)}"
        )
        problems.append(
            PanelProblem(Consequence.WARN, "non_finite_features", message, sum(counts.values()), tuple(worst))
        )
    infinite = {h: n for h, n in zip(panel.horizons, facts.infinite_targets, strict=True) if n}
    if infinite:
        horizons = ", ".join(f"{h} d ({n} rows)" for h, n in infinite.items())
        message = f"{source}: labels are infinite; expected returns, took them as unlabeled, got {horizons}"
        problems.append(PanelProblem(Consequence.WARN, "infinite_targets", message, sum(infinite.values())))
    if facts.bad_prices:
        message = f"{source}: {facts.bad_prices} prices are missing or not above 0; expected prices, took none"
        problems.append(PanelProblem(Consequence.WARN, "bad_prices", message, facts.bad_prices))
    if not np.isfinite(panel.returns_DC).any():
        message = f"{source}: no past returns, so the graph has no edge; expected a price or a 1 d label, got none"
        problems.append(PanelProblem(Consequence.WARN, "no_past_returns", message, len(panel.dates)))
    return problems


def _utc(time_s: float) -> str:
    return str(np.datetime64(int(time_s * 1000), "ms")) + "Z"
